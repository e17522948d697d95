-- The audit trail (docs/adr/0015-audit-chain.md). Whatever happens is written to events, in the transaction in which it
-- happens. Within a second one node moves it here, in one order, each row sealed to the one before. Partitions follow the
-- month of sequencing, so that each holds an unbroken run of numbers and can be dropped whole.
create table audit_events (
  seq bigint not null,
  sequenced_at timestamptz not null,
  id uuid not null,
  type text not null,
  at timestamptz not null,
  severity text not null,
  outcome text not null,
  user_id text, actor_id text, client_id text, session_id uuid, request_id text,
  -- What may have to be forgotten. The chain holds a salted hash of it: without the salt it says nothing.
  ip text, user_agent text,
  data jsonb not null default '{}',
  origin_salt bytea, origin_hash bytea,
  data_salt bytea, data_hash bytea,
  hash bytea not null,
  primary key (seq, sequenced_at)
) partition by range (sequenced_at);

-- An id is a UUIDv7: ordered by id is ordered by time, so that each of these serves "the newest first" and a span of time.
create index audit_events_id on audit_events (id);
create index audit_events_type on audit_events (type, id);
create index audit_events_user on audit_events (user_id, id) where user_id is not null;
create index audit_events_actor on audit_events (actor_id, id) where actor_id is not null;
create index audit_events_client on audit_events (client_id, id) where client_id is not null;
create index audit_events_ip on audit_events ((ip::inet), id) where ip is not null;
create index audit_events_request on audit_events (request_id) where request_id is not null;
create index audit_events_severity on audit_events (severity, id) where severity <> 'info';
create index audit_events_failure on audit_events (id) where outcome = 'failure';

-- The end of the chain: whoever holds this row appends.
create table audit_head (
  single boolean primary key default true check (single),
  seq bigint not null,
  hash bytea not null,
  sequenced_at timestamptz not null
);
insert into audit_head (seq, hash, sequenced_at) values (0, decode(repeat('00', 32), 'hex'), '1970-01-01T00:00:00Z');

-- Signed statements of where the chain stood. count: how many rows since the one before.
create table audit_checkpoints (
  seq bigint primary key,
  hash bytea not null,
  count bigint not null,
  at timestamptz not null,
  signature bytea not null,
  shipped boolean not null default false
);
create index audit_checkpoints_unshipped on audit_checkpoints (seq) where not shipped;

-- Nothing is changed, removed or emptied but by dropping a whole partition. The one exception: personal columns are blanked
-- and their salt goes, when an account is erased.
create function keep_audit() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if (new.seq, new.sequenced_at, new.id, new.type, new.at, new.severity, new.outcome, new.user_id, new.actor_id,
        new.client_id, new.session_id, new.request_id, new.origin_hash, new.data_hash, new.hash)
      is not distinct from (old.seq, old.sequenced_at, old.id, old.type, old.at, old.severity, old.outcome, old.user_id,
        old.actor_id, old.client_id, old.session_id, old.request_id, old.origin_hash, old.data_hash, old.hash)
      and ((new.ip, new.user_agent, new.origin_salt) is not distinct from (old.ip, old.user_agent, old.origin_salt)
        or (new.ip is null and new.user_agent is null and new.origin_salt is null))
      and ((new.data, new.data_salt) is not distinct from (old.data, old.data_salt)
        or (new.data = '{}' and new.data_salt is null))
    then
      return new;
    end if;
  end if;
  raise exception 'the audit trail is only ever added to' using errcode = 'insufficient_privilege';
end
$$;
create trigger keep_rows before update or delete on audit_events for each row execute function keep_audit();
create trigger keep_table before truncate on audit_events for each statement execute function keep_audit();

-- Makes the partition of a month and attaches it, which lets readers go on. Call it under the lock of the sequencer.
create function make_audit_partition(instant timestamptz) returns void language plpgsql as $$
declare
  month timestamp := date_trunc('month', instant at time zone 'UTC');
  name text := 'audit_events_' || to_char(month, 'YYYY_MM');
begin
  if to_regclass(quote_ident(name)) is not null then
    return;
  end if;
  execute format('create table %I (like audit_events including all)', name);
  execute format('create trigger keep_table before truncate on %I for each statement execute function keep_audit()', name);
  execute format('alter table audit_events attach partition %I for values from (%L) to (%L)', name,
    month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
end
$$;
select make_audit_partition(now());
select make_audit_partition(now() + interval '1 month');

-- How often what happened, for statistics: kept by the sequencer, in its transaction. '' stands for no client.
create table event_days (
  day date not null,
  type text not null,
  client_id text not null,
  outcome text not null,
  count bigint not null,
  primary key (day, type, client_id, outcome)
);
create index event_days_client on event_days (client_id, day);

-- The intake is emptied all the time: it needs no other way in than its order.
drop index events_user;
drop index events_by;
alter table events set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);

-- What has been sequenced and what waits for it.
create view all_events as
  select null::bigint as seq, id, type, at, severity, outcome, user_id, data ->> 'by' as actor_id, client_id, session_id,
    request_id, ip, user_agent, data
  from events
  union all
  select seq, id, type, at, severity, outcome, user_id, actor_id, client_id, session_id, request_id, ip, user_agent, data
  from audit_events;
