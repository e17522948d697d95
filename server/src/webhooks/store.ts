/** Owns the table webhooks. What is to be delivered is delivery-store.ts's. */
import type { Query } from '../db/connect.ts'
import type { WebhooksRow } from '../db/tables.gen.ts'

export type Webhook = WebhooksRow

export const insertWebhook = async (
  tx: Query,
  row: Pick<
    WebhooksRow,
    | 'id'
    | 'name'
    | 'description'
    | 'url'
    | 'events'
    | 'client_id'
    | 'secret_sealed'
    | 'created_by'
    | 'created_at'
    | 'updated_at'
  >,
): Promise<void> => {
  await tx`insert into webhooks ${tx(row)}`
}

export const loadWebhook = async (tx: Query, id: string): Promise<Webhook | undefined> => {
  const rows = await tx<Webhook[]>`select * from webhooks where id = ${id}`
  return rows[0]
}

export const lockWebhook = async (tx: Query, id: string): Promise<Webhook | undefined> => {
  const rows = await tx<Webhook[]>`select * from webhooks where id = ${id} for update`
  return rows[0]
}

/** Endpoints, newest first: all, or those of these applications. */
export const listWebhooks = async (
  tx: Query,
  page: { client_ids: readonly string[] | undefined; limit: number; after: { at: Date; id: string } | undefined },
): Promise<Webhook[]> => {
  const { client_ids, limit, after } = page
  const own = client_ids === undefined ? tx`true` : tx`w.client_id = any(${[...client_ids]})`
  return await tx<Webhook[]>`
    select w.* from webhooks w
    where ${own} and ${after === undefined ? tx`true` : tx`(w.created_at, w.id) < (${after.at}, ${after.id}::uuid)`}
    order by w.created_at desc, w.id desc limit ${limit}`
}

export const updateWebhook = async (
  tx: Query,
  id: string,
  change: Partial<Omit<WebhooksRow, 'id' | 'created_at'>>,
): Promise<void> => {
  await tx`update webhooks set ${tx(change as never)} where id = ${id}`
}

export const deleteWebhook = async (tx: Query, id: string): Promise<void> => {
  await tx`delete from webhooks where id = ${id}`
}

export const countWebhooks = async (tx: Query, client_id: string | null): Promise<number> => {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int as count from webhooks where client_id is not distinct from ${client_id}`
  return row?.count ?? 0
}

/** What the fan-out asks of every endpoint. */
export const activeWebhooks = async (tx: Query): Promise<Pick<Webhook, 'id' | 'events' | 'client_id'>[]> =>
  await tx`select id, events, client_id from webhooks where status = 'active' limit 10000`

/** One message got through. */
export const noteSuccess = async (tx: Query, id: string, now: Date): Promise<void> => {
  await tx`update webhooks set failing_since = null, last_success_at = ${now} where id = ${id}`
}

/** One did not: since when nothing did. */
export const noteFailure = async (tx: Query, id: string, now: Date): Promise<Date> => {
  const rows = await tx<{ failing_since: Date }[]>`
    update webhooks set failing_since = coalesce(failing_since, ${now}) where id = ${id} returning failing_since`
  return rows[0]?.failing_since ?? now
}

/** Pauses an endpoint that is active. Tells whether this call did. */
export const pauseWebhook = async (
  tx: Query,
  { id, because, now }: { id: string; because: string; now: Date },
): Promise<boolean> => {
  const rows = await tx`
    update webhooks set status = 'paused', paused_because = ${because}, updated_at = ${now}
    where id = ${id} and status = 'active' returning id`
  return rows.length === 1
}
