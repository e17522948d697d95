-- All people of one browser, whose rows get its new key together.
create index devices_key on devices (key_hash);
