/** Owns the way from an event to the endpoints that want to hear of it: in the transaction that gives it its place. */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { eventsBetween } from '../events/between.ts'
import type { Follower, SequencedEvent } from '../events/followers.ts'
import { uuidv7 } from '../io/ids.ts'
import { insertDeliveries, type NewDelivery } from './delivery-store.ts'
import { isWanted, payloadOf } from './message.ts'
import { activeWebhooks, type Webhook } from './store.ts'

type Endpoint = Pick<Webhook, 'id' | 'events' | 'client_id'>

/** Queues what each endpoint wants of these events. One that is paused is not told; `replay` catches up. */
export const fanOut: Follower = async (ctx, tx, events) => {
  const endpoints = await activeWebhooks(tx)
  if (endpoints.length === 0) return
  const now = ctx.now()
  const wanted = events.flatMap((event) =>
    endpoints.filter((endpoint) => isWanted(endpoint, event)).map((endpoint) => deliveryOf(endpoint, event, now)),
  )
  await insertDeliveries(tx, wanted)
}

const deliveryOf = (endpoint: Endpoint, event: SequencedEvent, now: Date): NewDelivery => ({
  id: uuidv7(now),
  webhook_id: endpoint.id,
  event_id: event.id,
  type: event.type,
  payload: payloadOf(event, endpoint),
  due_at: now,
  created_at: now,
})

const page = 1000
/** One call catches up with no more than this. */
const replayedAtMost = 10_000

/** Queues the events of a span of time for one endpoint, again. Returns how many, and whether there are more. */
export const replaySpan = async (
  ctx: Ctx,
  tx: Tx,
  { endpoint, from, to }: { endpoint: Endpoint; from: Date; to: Date },
): Promise<{ queued: number; more: boolean }> => {
  const now = ctx.now()
  let queued = 0
  let after: string | undefined
  for (;;) {
    const events = await eventsBetween(tx, { from, to, client_id: endpoint.client_id, after, limit: page })
    const wanted = events.filter((event) => isWanted(endpoint, event)).slice(0, replayedAtMost - queued)
    await insertDeliveries(
      tx,
      wanted.map((event) => deliveryOf(endpoint, event, now)),
    )
    queued += wanted.length
    after = events.at(-1)?.id
    if (events.length < page) return { queued, more: false }
    if (queued >= replayedAtMost) return { queued, more: true }
  }
}
