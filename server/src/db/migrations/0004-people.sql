-- What people do with their accounts: registration, recovery, second factors, passkeys, devices, mails, deletion.

alter table users
  -- What has to be done before the next sign-in is complete.
  add column required_actions text[] not null default '{}'
    check (required_actions <@ '{verify_email,change_password,enrol_factor}'::text[]),
  -- When a deletion that was asked for becomes real; only while the status is pending_erasure.
  add column erase_after timestamptz;
create index users_erase on users (erase_after) where erase_after is not null;
-- Search by the beginning of an address or a name.
create index users_email_prefix on users (email_canonical text_pattern_ops);
create index users_username_prefix on users (username text_pattern_ops);
create index users_name_prefix on users (lower(name) text_pattern_ops);

-- The least assurance that a role demands of whoever holds it.
alter table roles add column acr text check (acr in ('aal1', 'aal2', 'phr'));
-- OpenID Connect Registration §2: what a client asks for when a request names nothing.
alter table clients add column default_acr_values text[] not null default '{}';

-- A browser in which somebody has signed in. The cookie is the browser's; the row makes it known for one person.
create table devices (
  id uuid primary key,
  user_id text not null references users on delete cascade,
  key_hash bytea not null,
  user_agent text, ip text, place jsonb,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  trusted_until timestamptz,
  unique (user_id, key_hash)
);
create index devices_seen on devices (last_seen_at);

alter table sessions
  add column device_id uuid references devices on delete set null,
  -- Where the sign-in came from, when a file of places is configured.
  add column place jsonb,
  -- A trusted device stood in for the second factor that policy wants; acr still says what was proved.
  add column device_trusted boolean not null default false,
  -- Whoever acts as this person (impersonation), by their id.
  add column actor_id text references users on delete cascade;
create index sessions_device on sessions (device_id) where ended_at is null;
create index sessions_actor on sessions (actor_id) where actor_id is not null and ended_at is null;

-- A sign-in of which the first step is proved and others are due. No session exists before all are.
create table sign_ins (
  id uuid primary key,
  browser_hash bytea not null,
  user_id text not null references users on delete cascade,
  interaction_id uuid references interactions on delete cascade,
  return_to text,
  method text not null,
  amr text[] not null,
  -- The credentials as they were when the first step was proved: another password since then ends this sign-in.
  credential text not null,
  -- Proofs, each with its instant. What a browser sends never writes them.
  proved_at timestamptz not null,
  factor_at timestamptz,
  mailed_at timestamptz,
  trust_device boolean not null default false,
  failures integer not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  completed_at timestamptz
);
create index sign_ins_expiry on sign_ins (expires_at);
create index sign_ins_user on sign_ins (user_id);

create table totp_factors (
  id uuid primary key,
  user_id text not null references users on delete cascade,
  name text not null,
  -- Sealed under the root secret, bound to this row.
  secret_sealed text not null,
  algorithm text not null default 'SHA1' check (algorithm in ('SHA1', 'SHA256', 'SHA512')),
  digits integer not null default 6 check (digits in (6, 8)),
  period_seconds integer not null default 30 check (period_seconds between 15 and 120),
  -- RFC 6238 §5.2: a step is accepted once.
  last_step bigint not null default 0,
  confirmed_at timestamptz,
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index totp_factors_user on totp_factors (user_id);

-- Codes by mail or text message as a second step, once their owner has chosen them.
create table code_factors (
  id uuid primary key,
  user_id text not null references users on delete cascade,
  channel text not null check (channel in ('email', 'sms')),
  destination text not null,
  confirmed_at timestamptz not null,
  last_used_at timestamptz,
  unique (user_id, channel)
);

create table backup_codes (
  id uuid primary key,
  user_id text not null references users on delete cascade,
  -- The part of a code that finds its row; it is no secret. The rest is hashed like a password.
  lookup text not null,
  code_hash text not null,
  created_at timestamptz not null,
  used_at timestamptz,
  unique (user_id, lookup)
);

create table passkeys (
  id uuid primary key,
  credential_id bytea not null unique,
  user_id text not null references users on delete cascade,
  name text not null,
  public_key bytea not null,
  alg integer not null,
  sign_count bigint not null default 0,
  transports text[] not null default '{}',
  aaguid text,
  backup_eligible boolean not null,
  backed_up boolean not null,
  user_verified boolean not null,
  discoverable boolean,
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index passkeys_user on passkeys (user_id);

-- Challenges of WebAuthn ceremonies: bound to a browser and a purpose, used once (security rule PK-1).
create table passkey_challenges (
  challenge_hash bytea primary key,
  purpose text not null check (purpose in ('register', 'sign_in', 'factor')),
  browser_hash bytea not null,
  user_id text references users on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index passkey_challenges_expiry on passkey_challenges (expires_at);

-- Wrong second factors per person and kind, over all sessions (security rule MF-2). Reserved before the check.
create table factor_throttles (
  user_id text not null references users on delete cascade,
  kind text not null,
  consecutive integer not null,
  failures integer not null,
  blocked_until timestamptz not null,
  updated_at timestamptz not null,
  primary key (user_id, kind)
);

-- One-time links and codes. A link is its SHA-256; a code an HMAC with a key of the root secret, salted with the row's id.
alter table one_time_tokens drop constraint one_time_tokens_purpose_check;
alter table one_time_tokens
  add column id uuid,
  add column address text,
  -- The credentials of the account when this was made: any change of them makes it worthless (security rule RC-1).
  add column credential text not null default '',
  add column data jsonb not null default '{}',
  -- The browser, sign-in or session in which the code may be typed.
  add column bound_to bytea,
  add column code_mac bytea,
  add column code_expires_at timestamptz,
  add column tries integer not null default 0,
  add constraint one_time_tokens_purpose check (purpose in ('setup', 'verify_email', 'reset_password', 'undo_email', 'not_me', 'sign_in',
    'factor', 'change_email', 'change_phone', 'invite', 'cancel_erasure', 'export'));
create unique index one_time_tokens_id on one_time_tokens (id);
create index one_time_tokens_user on one_time_tokens (user_id, purpose) where used_at is null;

-- A wish to have an account. It becomes one when the address is proved; until then it takes nothing from anybody.
create table registrations (
  id uuid primary key,
  email text not null,
  email_canonical text not null,
  username text, name text, locale text, zoneinfo text,
  password_hash text,
  browser_hash bytea not null,
  interaction_id uuid references interactions on delete set null,
  -- The invitation it answers: its roles, and that its address is proved already.
  invite_id uuid,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  completed_at timestamptz
);
create index registrations_email on registrations (email_canonical);
create index registrations_expiry on registrations (expires_at);

create table invitations (
  id uuid primary key,
  email text not null,
  email_canonical text not null,
  name text,
  roles text[] not null default '{}',
  invited_by text references users on delete set null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  accepted_at timestamptz,
  withdrawn_at timestamptz
);
create index invitations_email on invitations (email_canonical) where accepted_at is null and withdrawn_at is null;
create index invitations_created on invitations (created_at, id);

-- Mails and text messages to be sent. Written in the transaction of what they tell; nothing secret lies here: a letter's
-- codes and links are made when it is sent.
create table outbox (
  id uuid primary key,
  kind text not null,
  channel text not null check (channel in ('email', 'sms')),
  recipient text not null,
  -- For counting how many letters went to one address, after the address itself is forgotten.
  recipient_hash bytea not null,
  user_id text references users on delete cascade,
  locale text,
  facts jsonb not null default '{}',
  created_at timestamptz not null,
  due_at timestamptz not null,
  expires_at timestamptz not null,
  attempts integer not null default 0,
  last_error text,
  -- sent, nothing (there was nothing to say), refused, expired
  outcome text,
  finished_at timestamptz
);
create index outbox_due on outbox (due_at) where finished_at is null;
create index outbox_recipient on outbox (recipient_hash, created_at);
create index outbox_finished on outbox (finished_at) where finished_at is not null;

-- Copies of one's own data, made by a job, kept until their link expires.
create table exports (
  id uuid primary key,
  user_id text not null references users on delete cascade,
  requested_at timestamptz not null,
  ready_at timestamptz,
  expires_at timestamptz not null,
  downloaded_at timestamptz,
  -- Sealed under the root secret, bound to this row.
  content_sealed text
);
create index exports_user on exports (user_id, requested_at);

-- Whose data was erased, and when: a restored backup forgets them again before it serves (security rule GD-2).
create table erasures (
  user_id text primary key,
  erased_at timestamptz not null
);

-- The second steps that somebody can take, and the level that their roles demand: read with the account at each sign-in.
create function factor_kinds_of(holder text) returns text[] language sql stable as $$
  select array_remove(array[
    case when exists (select 1 from passkeys where user_id = holder) then 'passkey' end,
    case when exists (select 1 from totp_factors where user_id = holder and confirmed_at is not null) then 'totp' end,
    case when exists (select 1 from code_factors where user_id = holder and channel = 'sms') then 'sms' end,
    case when exists (select 1 from code_factors where user_id = holder and channel = 'email') then 'email' end,
    case when exists (select 1 from backup_codes where user_id = holder and used_at is null) then 'backup_code' end,
    case when exists (select 1 from password_credentials where user_id = holder) then 'password' end], null)
$$;
create function acr_of_roles(holder text) returns text language sql stable as $$
  select r.acr from user_roles ur join roles r on r.id = ur.role_id where ur.user_id = holder and r.acr is not null
    order by array_position('{aal1,aal2,phr}'::text[], r.acr) desc limit 1
$$;
