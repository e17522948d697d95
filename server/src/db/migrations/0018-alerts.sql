-- When somebody is to be told that something happens, or happens too often. Times are those of the sequencing of events.
create table alert_rules (
  id uuid primary key,
  name text not null,
  description text,
  enabled boolean not null default true,
  -- Types of events, `login.*` for all of a noun.
  event_types text[] not null check (event_types <> '{}'),
  -- Alternatives of what the details must hold: [{"added": ["admin"]}]. Null: anything.
  matches jsonb,
  threshold integer not null check (threshold > 0),
  window_seconds integer not null check (window_seconds > 0),
  client_id text references clients on delete cascade,
  -- Nobody: every administrator with a proved address.
  mail_to text[] not null default '{}',
  webhook_id uuid,
  raised_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index alert_rules_name on alert_rules (lower(name));
create index alert_rules_created on alert_rules (created_at, id);

-- How often what a rule waits for happened, in steps of ten seconds; removed when the window of the rule is over.
create table alert_counts (
  rule_id uuid not null references alert_rules on delete cascade,
  step timestamptz not null,
  count bigint not null,
  primary key (rule_id, step)
);

insert into alert_rules (id, name, description, event_types, matches, threshold, window_seconds) values
  ('0196f000-0000-7000-8000-000000000001', 'Many failed sign-ins', 'Somebody may be guessing passwords.',
    '{login.failed,factor.refused}', null, 200, 300),
  ('0196f000-0000-7000-8000-000000000002', 'New administrator', 'Somebody got the role admin.',
    '{user.roles_changed,group.roles_changed,user.created}', '[{"added": ["admin"]}, {"roles": ["admin"]}]', 1, 3600),
  ('0196f000-0000-7000-8000-000000000003', 'Key compromised', 'A signing key was declared compromised.',
    '{key.compromised}', null, 1, 3600),
  ('0196f000-0000-7000-8000-000000000004', 'Token reuse', 'A code or a refresh token was used twice: somebody else may have it.',
    '{refresh_token.reused,code.replayed}', null, 1, 3600);
