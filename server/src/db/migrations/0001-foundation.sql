-- People, applications, sign-ins and tokens. Every secret is stored as its SHA-256 (high entropy), as argon2id
-- (passwords) or sealed under the root secret (private keys). Constraints are the last rule-keeper.

create table users (
  id text primary key check (id !~ '^(app_|https?:)' and length(id) between 1 and 255),
  username text check (username = lower(username) and position('@' in username) = 0),
  email text,
  email_canonical text check (email_canonical = lower(email_canonical)),
  email_verified boolean not null default false,
  name text, given_name text, family_name text, picture text, locale text, zoneinfo text,
  phone_number text, phone_number_verified boolean not null default false,
  claims jsonb not null default '{}',
  status text not null default 'active' check (status in ('active', 'disabled', 'locked', 'pending_erasure')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (username is not null or email_canonical is not null)
);
create unique index users_username on users (username);
create unique index users_email on users (email_canonical);
create index users_created on users (created_at, id);

create table password_credentials (
  user_id text primary key references users on delete cascade,
  password_hash text not null,
  changed_at timestamptz not null default now()
);

create table roles (
  id uuid primary key default gen_random_uuid(),
  name text not null check (name ~ '^[a-zA-Z0-9][a-zA-Z0-9:._-]{0,99}$'),
  description text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index roles_name on roles (lower(name));

create table permissions (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  resource text not null,
  action text not null,
  description text,
  created_at timestamptz not null default now(),
  check (name = resource || ':' || action)
);

create table role_permissions (
  role_id uuid not null references roles on delete cascade,
  permission_id uuid not null references permissions on delete cascade,
  primary key (role_id, permission_id)
);
create index role_permissions_permission on role_permissions (permission_id);

create table user_roles (
  user_id text not null references users on delete cascade,
  role_id uuid not null references roles on delete cascade,
  granted_at timestamptz not null default now(),
  primary key (user_id, role_id)
);
create index user_roles_role on user_roles (role_id);

-- The names of what somebody holds, in order, for tokens. `stable`: evaluated once per row, only where it is asked for.
create function roles_of(holder text) returns text[] language sql stable as $$
  select coalesce(array_agg(r.name order by r.name), '{}') from user_roles ur join roles r on r.id = ur.role_id where ur.user_id = holder
$$;
create function permissions_of(holder text) returns text[] language sql stable as $$
  select coalesce(array_agg(distinct p.name), '{}') from user_roles ur
    join role_permissions rp on rp.role_id = ur.role_id join permissions p on p.id = rp.permission_id where ur.user_id = holder
$$;

create table clients (
  client_id text primary key check (client_id ~ '^(app_[A-Za-z0-9_-]{1,100}|https://.+)$'),
  client_name text not null,
  description text,
  type text not null check (type in ('web', 'spa', 'native', 'machine')),
  status text not null default 'enabled' check (status in ('enabled', 'disabled')),
  token_endpoint_auth_method text not null check (token_endpoint_auth_method in ('client_secret_basic', 'client_secret_post', 'none')),
  redirect_uris text[] not null default '{}',
  post_logout_redirect_uris text[] not null default '{}',
  grant_types text[] not null,
  response_types text[] not null default '{code}',
  response_modes text[] not null default '{query,fragment,form_post}',
  scope text not null default '',
  resources text[] not null default '{}',
  default_audience text[] not null default '{}',
  -- Resource identifiers that this client serves as an API: it may introspect tokens meant for them.
  audiences text[] not null default '{}',
  allowed_origins text[] not null default '{}',
  first_party boolean not null default false,
  require_pkce boolean not null default true,
  id_token_signed_response_alg text not null default 'RS256',
  access_token_signed_response_alg text not null default 'RS256',
  access_token_format text check (access_token_format in ('jwt', 'opaque')),
  access_token_ttl_seconds integer check (access_token_ttl_seconds between 30 and 3600),
  refresh_grace_seconds integer check (refresh_grace_seconds between 0 and 60),
  default_max_age integer check (default_max_age >= 0),
  require_auth_time boolean not null default false,
  client_uri text, logo_uri text, policy_uri text, tos_uri text,
  managed_name text unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- A secret would be a lie in a browser or on a phone, and a public client cannot keep require_pkce off (RFC 9700 §2.1.1).
  check (token_endpoint_auth_method <> 'none' or (require_pkce and not 'client_credentials' = any (grant_types)))
);
create index clients_created on clients (created_at, client_id);

create table client_secrets (
  id uuid primary key default gen_random_uuid(),
  client_id text not null references clients on delete cascade,
  secret_hash bytea not null unique,
  hint text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index client_secrets_client on client_secrets (client_id);

create table sessions (
  id uuid primary key,
  token_hash bytea not null unique,
  browser_id uuid not null,
  user_id text not null references users on delete cascade,
  auth_time timestamptz not null,
  amr text[] not null,
  acr text not null,
  ip text, user_agent text,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  idle_expires_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  ended_because text
);
create index sessions_user on sessions (user_id) where ended_at is null;
create index sessions_browser on sessions (browser_id) where ended_at is null;
create index sessions_expiry on sessions (expires_at);

create table interactions (
  id uuid primary key,
  browser_hash bytea not null,
  client_id text not null references clients on delete cascade,
  request jsonb not null,
  -- Proofs recorded by this interaction. What a browser sends never writes them.
  session_id uuid references sessions on delete set null,
  proved_at timestamptz,
  selected_at timestamptz,
  consented_at timestamptz,
  refused boolean not null default false,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  completed_at timestamptz
);
create index interactions_expiry on interactions (expires_at);

create table consents (
  user_id text not null references users on delete cascade,
  client_id text not null references clients on delete cascade,
  scopes text[] not null,
  resources text[] not null default '{}',
  granted_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (user_id, client_id)
);
create index consents_client on consents (client_id);

-- Codes, families and opaque tokens name their client, person and session without foreign keys: each use checks all three
-- anyway, and the checks of a key would lock the same few rows of clients for every token of the deployment.
create table authorization_codes (
  code_hash bytea primary key,
  client_id text not null,
  user_id text not null,
  session_id uuid not null,
  grant_id uuid not null,
  redirect_uri text not null,
  -- Whether the request named its redirect_uri, which then has to be repeated (RFC 6749 §4.1.3).
  redirect_uri_sent boolean not null,
  scope text not null,
  resource text[] not null default '{}',
  nonce text,
  code_challenge text,
  auth_time timestamptz not null,
  acr text not null,
  amr text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index authorization_codes_expiry on authorization_codes (expires_at);
create index authorization_codes_person on authorization_codes (user_id, client_id);

-- One row per family, not per token: security design 3.4.
create table refresh_families (
  id uuid primary key,
  client_id text not null,
  user_id text not null,
  session_id uuid not null,
  offline boolean not null,
  scope text not null,
  resource text[] not null default '{}',
  auth_time timestamptz not null,
  acr text not null,
  amr text[] not null,
  gen integer not null default 1,
  prev_used_at timestamptz,
  nonce bytea not null,
  created_at timestamptz not null,
  idle_expires_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_because text
) with (fillfactor = 80);
create index refresh_families_user on refresh_families (user_id) where revoked_at is null;
create index refresh_families_session on refresh_families (session_id) where revoked_at is null;
create index refresh_families_expiry on refresh_families (expires_at);

create table access_tokens (
  token_hash bytea primary key,
  jti uuid not null unique,
  client_id text not null,
  user_id text,
  session_id uuid,
  grant_id uuid,
  claims jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index access_tokens_expiry on access_tokens (expires_at);

-- The revocation feed. Sequence numbers commit out of order, so readers follow xid against the oldest running transaction.
create table revocations (
  seq bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  kind text not null check (kind in ('session', 'user', 'client', 'role', 'family', 'jti', 'kid')),
  key text not null,
  not_before timestamptz not null,
  expires_at timestamptz not null
);
create index revocations_xid on revocations (xid);
create index revocations_expiry on revocations (expires_at);

create unlogged table nodes (
  id uuid primary key,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  watermark xid8 not null
);

create table signing_keys (
  kid text primary key,
  alg text not null check (alg in ('RS256', 'ES256', 'PS256', 'EdDSA')),
  status text not null check (status in ('pending', 'active', 'passive', 'retired', 'compromised')),
  public_jwk jsonb not null,
  private_sealed text,
  created_at timestamptz not null,
  activate_at timestamptz not null,
  activated_at timestamptz,
  passive_at timestamptz,
  verify_until timestamptz
);
create unique index signing_keys_active on signing_keys (alg) where status = 'active';

create table one_time_tokens (
  token_hash bytea primary key,
  purpose text not null check (purpose in ('setup')),
  user_id text references users on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index one_time_tokens_expiry on one_time_tokens (expires_at);

create table login_throttles (
  bucket bytea primary key,
  failures integer not null,
  consecutive integer not null,
  blocked_until timestamptz not null,
  updated_at timestamptz not null
);
create index login_throttles_updated on login_throttles (updated_at);

create table events (
  id uuid primary key,
  type text not null,
  at timestamptz not null,
  severity text not null check (severity in ('info', 'notice', 'warning', 'alert')),
  outcome text not null check (outcome in ('success', 'failure')),
  user_id text, client_id text, session_id uuid,
  ip text, user_agent text, request_id text,
  data jsonb not null default '{}'
);
-- An id is a UUIDv7: ordered by id is ordered by time.
create index events_user on events (user_id, id) where user_id is not null;

create table token_counts (
  client_id text not null,
  grant_type text not null,
  minute timestamptz not null,
  issued bigint not null,
  primary key (client_id, grant_type, minute)
);

create table decisions (
  error_id text primary key,
  at timestamptz not null,
  error text not null,
  error_description text not null,
  rule text not null,
  expected text, got text, remedy text,
  route text not null, client_id text, request_id text not null
);
create index decisions_at on decisions (at);

-- The identity of this deployment: one row, made here. Keys are derived from it and the root secret.
create table deployment (
  single boolean primary key default true check (single),
  id uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now()
);
insert into deployment default values;

-- Only what may vanish: request counters.
create unlogged table ephemeral (
  key text primary key,
  count bigint not null,
  expires_at timestamptz not null
);
create index ephemeral_expiry on ephemeral (expires_at);
