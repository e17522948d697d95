/** Owns the table webhook_deliveries. */
import type postgres from 'postgres'
import type { Query } from '../db/connect.ts'
import type { WebhookDeliveriesRow } from '../db/tables.gen.ts'

export type Delivery = WebhookDeliveriesRow
/** How one attempt ended. `status` is that of the answer, where there was one. */
export type Attempt = { at: string; status: number | null; error: string | null; ms: number }

export type NewDelivery = Pick<
  Delivery,
  'id' | 'webhook_id' | 'event_id' | 'type' | 'payload' | 'due_at' | 'created_at'
>

export const insertDeliveries = async (tx: Query, rows: readonly NewDelivery[]): Promise<void> => {
  if (rows.length === 0) return
  const sent = rows.map((row) => ({
    ...row,
    due_at: row.due_at.toISOString(),
    created_at: row.created_at.toISOString(),
  }))
  await tx`
    insert into webhook_deliveries (id, webhook_id, event_id, type, payload, due_at, created_at)
    select id, webhook_id, event_id, type, payload, due_at, created_at
    from json_to_recordset(${tx.json(sent as unknown as postgres.JSONValue)}::json) as x (id uuid, webhook_id uuid, event_id uuid,
      type text, payload jsonb, due_at timestamptz, created_at timestamptz)`
}

/** Endpoints that have something due, those that have waited longest first. */
export const dueWebhooks = async (tx: Query, now: Date, limit: number): Promise<string[]> => {
  const rows = await tx<{ id: string }[]>`
    select w.id from webhooks w cross join lateral (
      select d.due_at from webhook_deliveries d where d.webhook_id = w.id and d.status = 'waiting' order by d.due_at limit 1) first
    where w.status = 'active' and first.due_at <= ${now} order by first.due_at limit ${limit}`
  return rows.map(({ id }) => id)
}

export type Claimed = Pick<Delivery, 'id' | 'webhook_id' | 'payload' | 'type' | 'attempts' | 'created_at'>

/**
 * Takes deliveries of one endpoint that are due, the oldest first, and counts the attempt. They are nobody else's until `until`:
 * after a crash they come again.
 */
export const claimDeliveries = async (
  tx: Query,
  { webhook_id, now, until, limit }: { webhook_id: string; now: Date; until: Date; limit: number },
): Promise<Claimed[]> =>
  await tx<Claimed[]>`
    update webhook_deliveries set attempts = attempts + 1, due_at = ${until}
    where id in (
      select d.id from webhook_deliveries d join webhooks w on w.id = d.webhook_id and w.status = 'active'
      where d.webhook_id = ${webhook_id} and d.status = 'waiting' and d.due_at <= ${now}
      order by d.due_at limit ${limit} for update of d skip locked)
    returning id, webhook_id, payload, type, attempts, created_at`

/** Takes one delivery out of its turn, whatever its endpoint's state. */
export const claimOne = async (tx: Query, id: string, until: Date): Promise<Claimed | undefined> => {
  const rows = await tx<Claimed[]>`
    update webhook_deliveries set attempts = attempts + 1, due_at = ${until} where id = ${id} and status = 'waiting'
    returning id, webhook_id, payload, type, attempts, created_at`
  return rows[0]
}

/** Writes how an attempt ended: done for good, or to be tried again at `due_at`. */
export const finishAttempt = async (
  tx: Query,
  id: string,
  {
    attempt,
    status,
    due_at,
    now,
  }: { attempt: Attempt; status: Delivery['status']; due_at: Date | undefined; now: Date },
): Promise<void> => {
  await tx`
    update webhook_deliveries set status = ${status}, due_at = ${due_at ?? now},
      finished_at = ${status === 'waiting' ? null : now},
      log = jsonb_path_query_array(${tx.json([attempt])}::jsonb || log, '$[0 to 19]')
    where id = ${id} and status = 'waiting'`
}

export const loadDelivery = async (tx: Query, webhook_id: string, id: string): Promise<Delivery | undefined> => {
  const rows = await tx<Delivery[]>`select * from webhook_deliveries where id = ${id} and webhook_id = ${webhook_id}`
  return rows[0]
}

/** Deliveries of an endpoint, newest first. */
export const listDeliveries = async (
  tx: Query,
  page: { webhook_id: string; status: string | undefined; limit: number; after: { at: Date; id: string } | undefined },
): Promise<Delivery[]> => {
  const { webhook_id, status, limit, after } = page
  return await tx<Delivery[]>`
    select * from webhook_deliveries d
    where d.webhook_id = ${webhook_id} and ${status === undefined ? tx`true` : tx`d.status = ${status}`}
      and ${after === undefined ? tx`true` : tx`(d.created_at, d.id) < (${after.at}, ${after.id}::uuid)`}
    order by d.created_at desc, d.id desc limit ${limit}`
}

/** Removes deliveries that ended before an instant. At most `limit`; returns how many. */
export const removeFinished = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from webhook_deliveries where ctid = any (array(
      select ctid from webhook_deliveries where finished_at < ${before} limit ${limit}))`
  return count
}
