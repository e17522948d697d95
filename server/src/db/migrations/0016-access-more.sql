-- What roles and groups need beyond 0012: lists that are read page by page, and ends that nobody has to wait for.

-- Cursors hold milliseconds.
alter table roles alter column created_at type timestamptz(3);
alter table permissions alter column created_at type timestamptz(3);
alter table groups alter column created_at type timestamptz(3);

-- A role that a million people hold, or a group of a million, is gone at once; its rows go later, batch by batch. Meanwhile
-- it has another name, so that the old one is free.
alter table roles add column deleted_at timestamptz;
create index roles_deleted on roles (deleted_at) where deleted_at is not null;
alter table groups add column deleted_at timestamptz;
create index groups_deleted on groups (deleted_at) where deleted_at is not null;

create or replace function role_ids_of(holder text) returns setof uuid language sql stable as $$
  select role_id from user_roles where user_id = holder
  union
  select gr.role_id from group_members gm join groups g on g.id = gm.group_id join group_roles gr on gr.group_id = any (g.ancestors)
    where gm.user_id = holder and g.deleted_at is null
$$;
create or replace function roles_of(holder text) returns text[] language sql stable as $$
  select coalesce(array_agg(r.name order by r.name), '{}') from roles r
    where r.id in (select role_ids_of(holder)) and r.deleted_at is null
$$;

-- What a seed has written once. Whoever takes some of it away later means it.
create table seeded_access (
  name text primary key,
  seeded_at timestamptz not null default now()
);
insert into seeded_access (name) select 'permission ' || name from permissions;
insert into seeded_access (name) select 'role ' || lower(name) from roles where lower(name) in ('admin', 'user');

-- The last keeper of the rule that nobody signs in as a service account.
create function refuse_service_account() returns trigger language plpgsql as $$
begin
  if exists (select 1 from users where id = new.user_id and kind = 'service') then
    raise exception 'a service account has no sessions and no credentials' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger sessions_of_people before insert on sessions for each row execute function refuse_service_account();
create trigger passwords_of_people before insert on password_credentials for each row execute function refuse_service_account();
create trigger passkeys_of_people before insert on passkeys for each row execute function refuse_service_account();
create trigger totp_factors_of_people before insert on totp_factors for each row execute function refuse_service_account();
create trigger code_factors_of_people before insert on code_factors for each row execute function refuse_service_account();

-- This server's own permissions so far belong to its own API.
update permissions set resource_server_id = (select id from resource_servers where builtin)
  where name in ('users:read', 'users:write', 'users:impersonate', 'roles:read', 'roles:write', 'roles:assign', 'applications:read',
    'applications:write', 'keys:read', 'keys:write', 'audit:read', 'settings:read', 'settings:write', 'revocations:read');
