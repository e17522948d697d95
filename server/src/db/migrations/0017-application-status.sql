-- Who switched an application off: what an administrator did, its owner does not undo.
alter table clients add column disabled_by text check (disabled_by in ('owner', 'administrator'));
