-- Applications with owners, APIs (resource servers) with their permissions, groups, service accounts, API keys.

-- A service account is an account that no person has: it never signs in, and holds roles and API keys.
alter table users
  add column kind text not null default 'person' check (kind in ('person', 'service')),
  add column description text,
  add constraint users_service check (kind = 'person' or (email is null and email_canonical is null and username is not null));
create index users_service_accounts on users (created_at, id) where kind = 'service';

-- An API that tokens are made for. The built-in one is this server's own: its identifier is the issuer's /api/v1.
create table resource_servers (
  id uuid primary key default gen_random_uuid(),
  -- The resource indicator (RFC 8707 §2) and audience.
  identifier text unique,
  builtin boolean not null default false,
  name text not null,
  description text,
  access_token_ttl_seconds integer check (access_token_ttl_seconds between 30 and 3600),
  access_token_format text check (access_token_format in ('jwt', 'opaque')),
  access_token_signed_response_alg text check (access_token_signed_response_alg in ('RS256', 'ES256', 'PS256', 'EdDSA')),
  -- Which roles its tokens name: all that somebody holds, or those only that hold a permission of this API.
  token_roles text not null default 'all' check (token_roles in ('all', 'own', 'none')),
  -- How large its tokens may grow before a warning names the claim to blame; null: the deployment's default.
  token_budget_bytes integer check (token_budget_bytes between 512 and 65536),
  -- Custom claims: a list of rules (see protocol/claim-mapping.ts).
  claim_mapping jsonb not null default '[]',
  owner_id text references users on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (builtin = (identifier is null))
);
create unique index resource_servers_builtin on resource_servers (builtin) where builtin;
create index resource_servers_created on resource_servers (created_at, id);
insert into resource_servers (builtin, name, description) values (true, 'Keywright', 'Administration and accounts of this server');

-- A permission without an API is general: tokens for any audience may carry it.
alter table permissions
  add column resource_server_id uuid references resource_servers on delete cascade,
  add column updated_at timestamptz not null default now();
create index permissions_resource_server on permissions (resource_server_id);
create index permissions_created on permissions (created_at, id);
create index roles_created on roles (created_at, id);

create table groups (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 100),
  description text,
  parent_id uuid references groups on delete restrict,
  -- Itself and every group above it, kept by whoever moves a group: what its members inherit.
  ancestors uuid[] not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (id = any (ancestors) and (parent_id is null) = (cardinality(ancestors) = 1))
);
-- Names are unique beside each other, without regard to case.
create unique index groups_name on groups (parent_id, lower(name)) nulls not distinct;
create index groups_ancestors on groups using gin (ancestors);
create index groups_created on groups (created_at, id);

create table group_members (
  user_id text not null references users on delete cascade,
  group_id uuid not null references groups on delete cascade,
  added_at timestamptz not null default now(),
  primary key (user_id, group_id)
);
create index group_members_group on group_members (group_id, user_id);

create table group_roles (
  group_id uuid not null references groups on delete cascade,
  role_id uuid not null references roles on delete cascade,
  granted_at timestamptz not null default now(),
  primary key (group_id, role_id)
);
create index group_roles_role on group_roles (role_id);

-- Every role somebody holds: given directly, or to a group of theirs, or to one above it.
create function role_ids_of(holder text) returns setof uuid language sql stable as $$
  select role_id from user_roles where user_id = holder
  union
  select gr.role_id from group_members gm join groups g on g.id = gm.group_id join group_roles gr on gr.group_id = any (g.ancestors)
    where gm.user_id = holder
$$;
create or replace function roles_of(holder text) returns text[] language sql stable as $$
  select coalesce(array_agg(r.name order by r.name), '{}') from roles r where r.id in (select role_ids_of(holder))
$$;
create or replace function permissions_of(holder text) returns text[] language sql stable as $$
  select coalesce(array_agg(distinct p.name), '{}') from role_permissions rp join permissions p on p.id = rp.permission_id
    where rp.role_id in (select role_ids_of(holder))
$$;
create or replace function acr_of_roles(holder text) returns text language sql stable as $$
  select r.acr from roles r where r.id in (select role_ids_of(holder)) and r.acr is not null
    order by array_position('{aal1,aal2,phr}'::text[], r.acr) desc limit 1
$$;

alter table clients drop constraint clients_type_check;
alter table clients
  add constraint clients_type_check check (type in ('web', 'spa', 'native', 'machine', 'device')),
  add column owner_id text references users on delete set null,
  -- The account whose roles the tokens of this client carry when it acts for itself.
  add column service_account_id text references users on delete set null,
  add column id_token_ttl_seconds integer check (id_token_ttl_seconds between 30 and 3600),
  add column refresh_idle_seconds integer check (refresh_idle_seconds between 60 and 31536000),
  add column refresh_ttl_seconds integer check (refresh_ttl_seconds between 60 and 63072000),
  -- Whether consent is asked each time, even when it was given.
  add column consent text not null default 'remember' check (consent in ('remember', 'always')),
  add column contacts text[] not null default '{}';
create index clients_owner on clients (owner_id, created_at, client_id) where owner_id is not null;
create index clients_service_account on clients (service_account_id) where service_account_id is not null;

-- Whoever looks after an application beside its owner.
create table client_owners (
  client_id text not null references clients on delete cascade,
  user_id text not null references users on delete cascade,
  added_at timestamptz not null default now(),
  primary key (client_id, user_id)
);
create index client_owners_user on client_owners (user_id);

create table api_keys (
  id uuid primary key,
  owner_id text not null references users on delete cascade,
  name text not null check (length(name) between 1 and 100),
  description text,
  status text not null default 'active' check (status in ('active', 'inactive')),
  -- What its tokens are revoked by; another one after each time it was switched off.
  grant_id uuid not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  last_used_ip text
);
create index api_keys_owner on api_keys (owner_id, created_at, id);
create index api_keys_created on api_keys (created_at, id);
create index api_keys_expiry on api_keys (expires_at);

-- The secrets of a key by their SHA-256: one, or two while it is being rotated.
create table api_key_secrets (
  key_hash bytea primary key,
  api_key_id uuid not null references api_keys on delete cascade,
  hint text not null,
  created_at timestamptz not null,
  -- Set on the older one of two.
  expires_at timestamptz
);
create index api_key_secrets_key on api_key_secrets (api_key_id);

create table api_key_roles (
  api_key_id uuid not null references api_keys on delete cascade,
  role_id uuid not null references roles on delete cascade,
  primary key (api_key_id, role_id)
);
create index api_key_roles_role on api_key_roles (role_id);
create table api_key_permissions (
  api_key_id uuid not null references api_keys on delete cascade,
  permission_id uuid not null references permissions on delete cascade,
  primary key (api_key_id, permission_id)
);
create index api_key_permissions_permission on api_key_permissions (permission_id);

-- Answers to calls with an Idempotency-Key, sealed: they may show a secret once.
create table idempotent_calls (
  key_hash bytea primary key,
  request_hash bytea not null,
  answer_sealed text,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index idempotent_calls_expiry on idempotent_calls (expires_at);
