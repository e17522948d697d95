-- Endpoints that are told of events, and what is to be told. A delivery is written in the transaction that gives its event a
-- place in the audit trail, so that none is missed and none is told twice under another id.
create table webhooks (
  id uuid primary key,
  name text not null check (length(name) between 1 and 100),
  description text,
  url text not null,
  -- Event types, `user.*` or `*`.
  events text[] not null check (cardinality(events) between 1 and 100),
  -- Of an application's owner: events of that application alone.
  client_id text references clients on delete cascade,
  status text not null default 'active' check (status in ('active', 'paused')),
  -- gone: it said so (410). failing: nothing got through for too long. asked: somebody paused it.
  paused_because text check (paused_because in ('gone', 'failing', 'asked')),
  -- Sealed under the root secret, bound to this row; the former one signs too until its time is over.
  secret_sealed text not null,
  previous_sealed text,
  previous_until timestamptz,
  created_by text references users on delete set null,
  -- When the first of the failures since the last success was.
  failing_since timestamptz,
  last_success_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((status = 'paused') = (paused_because is not null))
);
create index webhooks_created on webhooks (created_at, id);
create index webhooks_client on webhooks (client_id) where client_id is not null;

create table webhook_deliveries (
  -- The webhook-id of the message: the same at each attempt, so that a receiver can drop a second copy.
  id uuid primary key,
  webhook_id uuid not null references webhooks on delete cascade,
  event_id uuid,
  type text not null,
  payload jsonb not null,
  status text not null default 'waiting' check (status in ('waiting', 'delivered', 'failed')),
  attempts integer not null default 0,
  -- The last attempts, newest first: when, how it ended, how long it took.
  log jsonb not null default '[]',
  due_at timestamptz not null,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at) where status = 'waiting';
create index webhook_deliveries_list on webhook_deliveries (webhook_id, created_at desc, id desc);
create index webhook_deliveries_finished on webhook_deliveries (finished_at) where finished_at is not null;
