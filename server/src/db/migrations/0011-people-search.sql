-- Lists of people narrowed to a state or a role, and people who share a name, in a deployment of millions.
create index users_status on users (status, created_at, id);
create index user_roles_holders on user_roles (role_id, user_id);
drop index user_roles_role;
drop index users_name_prefix;
create index users_name_prefix on users (lower(name) text_pattern_ops, id);
