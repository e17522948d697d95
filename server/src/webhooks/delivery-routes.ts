/** Owns the addresses of deliveries below a webhook: the log, telling again, and the test. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { type ApiCall, apiRoute, instant, pageQuery } from '../http/api-route.ts'
import { listPage } from '../http/listing.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { findWebhook } from './access.ts'
import { deliverOne, leaseMs } from './deliver.ts'
import { claimOne, type Delivery, insertDeliveries, listDeliveries, loadDelivery } from './delivery-store.ts'
import { replaySpan } from './fan-out.ts'
import type { Webhook } from './manage.ts'
import { testPayload } from './message.ts'
import { deliveryListSchema, deliverySchema, deliveryView, wholeDeliverySchema } from './view.ts'

const path = '/api/v1/webhooks/:id'
const tag = 'Webhooks'

const question = pageQuery.extend({ status: z.enum(['waiting', 'delivered', 'failed']).optional() })
const span = z.strictObject({ from: instant, to: instant.optional() })
const replayed = z
  .object({ queued: z.int(), more: z.boolean().describe('there are more: ask again from where the last one is') })
  .meta({ id: 'WebhookReplay' })

const ofWebhook =
  <B, Q>(work: (ctx: Ctx, call: ApiCall<B, Q>, webhook: Webhook) => Promise<Reply | Denial>) =>
  async (ctx: Ctx, call: ApiCall<B, Q>): Promise<Reply | Denial> => {
    const webhook = await findWebhook(ctx, call.person, call.params['id'] ?? '')
    return isDenial(webhook) ? webhook : await work(ctx, call, webhook)
  }

const list = ofWebhook<unknown, z.infer<typeof question>>(
  async (ctx, { request, query }, { id: webhook_id }) =>
    await listPage(ctx, request, {
      path: `/api/v1/webhooks/${webhook_id}/deliveries`,
      place: { list: 'deliveries', question: [webhook_id, query.status ?? ''] },
      query,
      member: 'deliveries',
      load: async (page) => await listDeliveries(ctx.db, { webhook_id, status: query.status, ...page }),
      positionOf: ({ created_at, id }) => ({ at: created_at, id }),
      view: deliveryView,
    }),
)

/** Messages are called `msg_` and the id of the delivery. */
const find = async (ctx: Ctx, { id }: Webhook, message: string): Promise<Delivery | Denial> => {
  const delivery = message.replace(/^msg_/, '')
  return (isUuid(delivery) ? await loadDelivery(ctx.db, id, delivery) : undefined) ?? noSuchDelivery
}

const read = ofWebhook(async (ctx, { params }, webhook) => {
  const row = await find(ctx, webhook, params['message'] ?? '')
  return isDenial(row) ? row : json({ ...deliveryView(row), payload: row.payload })
})

/** The same event once more, as a message of its own. */
const again = ofWebhook(async (ctx, { params, request }, webhook) => {
  const row = await find(ctx, webhook, params['message'] ?? '')
  if (isDenial(row)) return row
  const { event_id, type, payload } = row
  return await queued(ctx, webhook, { event_id, type, payload, now: request.now })
})

type Told = Pick<Delivery, 'event_id' | 'type' | 'payload'> & { now: Date }

const queued = async (ctx: Ctx, webhook: Webhook, { now, ...told }: Told): Promise<Reply | Denial> => {
  const id = uuidv7(now)
  await insertDeliveries(ctx.db, [{ id, webhook_id: webhook.id, ...told, due_at: now, created_at: now }])
  const row = await loadDelivery(ctx.db, webhook.id, id)
  return row === undefined ? noSuchDelivery : json(deliveryView(row), 202)
}

const replay = ofWebhook<z.infer<typeof span>, unknown>(async (ctx, { body, request }, endpoint) => {
  const [from, to] = [new Date(body.from), body.to === undefined ? request.now : new Date(body.to)]
  if (from >= to) return backwards
  return json(await transact(ctx.db, async (tx) => await replaySpan(ctx, tx, { endpoint, from, to })), 202)
})

/** Sent at once and out of turn, paused or not, so that whoever presses the button sees how it ended. */
const test = ofWebhook(async (ctx, { request: { now } }, webhook) => {
  const id = uuidv7(now)
  const payload = testPayload(now, webhook.id)
  // Nobody else takes it: it is due only when this attempt has had its time.
  const due_at = new Date(now.getTime() + leaseMs)
  const message = { id, webhook_id: webhook.id, event_id: null, type: payload.type, payload }
  await insertDeliveries(ctx.db, [{ ...message, due_at, created_at: now }])
  const claimed = await claimOne(ctx.db, id, due_at)
  if (claimed) await deliverOne(ctx, claimed)
  const row = await loadDelivery(ctx.db, webhook.id, id)
  return row === undefined ? noSuchDelivery : json(deliveryView(row))
})

const noSuchDelivery: Denial = deny('not_found', 'There is no such delivery.', {
  rule: 'the delivery is one of this webhook',
  expected: 'the id of a message',
  got: 'another one',
})

const backwards: Denial = deny('invalid_request', 'The span of time ends before it begins.', {
  rule: 'a span of time has a beginning and an end',
  expected: 'from before to',
  got: 'the other way round',
})

const reads = { tag, may: 'webhooks:read', orOwner: true, method: 'GET' } as const
const writes = { tag, may: 'webhooks:write', orOwner: true, method: 'POST' } as const

export const deliveryRoutes: Route[] = [
  apiRoute({
    ...reads,
    path: `${path}/deliveries`,
    summary: 'What a webhook was told, newest first',
    query: question,
    answers: { 200: deliveryListSchema },
    handler: list,
  }),
  apiRoute({
    ...reads,
    path: `${path}/deliveries/:message`,
    summary: 'One message with its body and its attempts',
    answers: { 200: wholeDeliverySchema },
    handler: read,
  }),
  apiRoute({
    ...writes,
    path: `${path}/deliveries/:message/replay`,
    summary: 'Tell the same event again',
    answers: { 202: deliverySchema },
    handler: again,
  }),
  apiRoute({
    ...writes,
    path: `${path}/replay`,
    summary: 'Tell the events of a span of time again',
    body: span,
    answers: { 202: replayed },
    handler: replay,
  }),
  apiRoute({
    ...writes,
    path: `${path}/test`,
    summary: 'Send a test message now, and say how it ended',
    answers: { 200: deliverySchema },
    handler: test,
  }),
]
