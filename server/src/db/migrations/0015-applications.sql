-- Applications: claims of their own, their figures by day, tokens that grew too large. APIs that everybody may use.

alter table clients
  -- Custom claims of ID token and UserInfo: a list of rules (see protocol/claim-mapping.ts).
  add column claim_mapping jsonb not null default '[]' check (jsonb_typeof(claim_mapping) = 'array');

alter table resource_servers
  -- Whether everybody may register an application that asks for tokens of this API.
  add column open boolean not null default false,
  add constraint resource_servers_mapping check (jsonb_typeof(claim_mapping) = 'array');
create index resource_servers_owner on resource_servers (owner_id) where owner_id is not null;

-- What this server asks for itself belongs to its own API: only tokens that are meant for that carry it.
update permissions set resource_server_id = (select id from resource_servers where builtin)
where resource_server_id is null and name in (
  'users:read', 'users:write', 'users:impersonate', 'roles:read', 'roles:write', 'roles:assign', 'applications:read', 'applications:write',
  'keys:read', 'keys:write', 'audit:read', 'settings:read', 'settings:write', 'revocations:read');

-- How an application is used, by day (UTC). `figure` is sign_ins, failures, active_users, or tokens:GRANT.
create table client_days (
  client_id text not null references clients on delete cascade,
  day date not null,
  figure text not null,
  count bigint not null,
  primary key (client_id, day, figure)
);

-- Who used an application on a day, so that each is counted once; removed soon after the day.
create table client_day_users (
  client_id text not null references clients on delete cascade,
  day date not null,
  user_id text not null references users on delete cascade,
  primary key (client_id, day, user_id)
);
create index client_day_users_day on client_day_users (day);
create index client_day_users_user on client_day_users (user_id);

-- The last token of an application for an API that was larger than its budget.
create table client_large_tokens (
  client_id text not null references clients on delete cascade,
  -- Its audience; the client itself for an ID token.
  resource text not null,
  bytes integer not null,
  budget_bytes integer not null,
  claim text not null,
  at timestamptz not null,
  primary key (client_id, resource)
);
