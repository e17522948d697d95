/** Owns the addresses of endpoints below /api/v1/webhooks. Those of their deliveries are delivery-routes.ts's. */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import { idsLookedAfter } from '../clients/looked-after.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, pageQuery } from '../http/api-route.ts'
import { etagOf, tagged } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { actorOf, findWebhook, mayHear } from './access.ts'
import { deliveryRoutes } from './delivery-routes.ts'
import {
  changeWebhook,
  createWebhook,
  type MadeWebhook,
  removeWebhook,
  rotateWebhookSecret,
  setPaused,
  type Webhook,
} from './manage.ts'
import { listWebhooks } from './store.ts'
import { madeWebhookSchema, webhookListSchema, webhookSchema, webhookView } from './view.ts'

const path = '/api/v1/webhooks'
const tag = 'Webhooks'
const day = 86_400

const names = {
  name: z.string().max(100),
  description: z.string().max(1000).nullable().optional(),
  url: z
    .string()
    .max(2000)
    .describe('https, on the public internet')
    .meta({ examples: ['https://hooks.example.com/keywright'] }),
  events: z
    .array(z.string().max(100))
    .min(1)
    .max(100)
    .describe('types of the catalogue, `user.*`, or `*`')
    .meta({ examples: [['user.created']] }),
}
const creation = z.strictObject({
  ...names,
  client_id: z.string().max(2000).optional().describe('events of this application alone; whoever looks after it may'),
})
const change = z.strictObject(names).partial()
const rotation = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * day)
    .default(day),
})

const list = async (ctx: Ctx, { request, person, query }: ApiCall<unknown, z.infer<typeof pageQuery>>) => {
  const client_ids = person.holds ? undefined : await idsLookedAfter(ctx.db, person.subject.id)
  return await listPage(ctx, request, {
    path,
    place: { list: 'webhooks', question: [person.holds ? '*' : person.subject.id] },
    query,
    member: 'webhooks',
    load: async (page) => await listWebhooks(ctx.db, { client_ids, ...page }),
    positionOf: ({ created_at, id }) => ({ at: created_at, id }),
    view: webhookView,
  })
}

const made = (ctx: Ctx, result: MadeWebhook | Denial): Reply | Denial => {
  if (isDenial(result)) return result
  const view = webhookView(result.row)
  const headers = { location: `${ctx.config.issuer}${path}/${view.id}`, etag: etagOf(view) }
  return json({ ...view, secret: result.secret }, 201, { headers })
}

const create = async (
  ctx: Ctx,
  { request, person, body }: ApiCall<z.infer<typeof creation>, unknown>,
): Promise<Reply | Denial> => {
  const { client_id = null, ...wish } = body
  const refused = requireFresh(ctx, request, person) ?? (await mayHear(ctx.db, person, client_id))
  if (refused) return refused
  const actor = actorOf({ request, person })
  return made(ctx, await createWebhook(ctx, { ...wish, client_id, created_by: person.subject.id }, actor))
}

const read = async (ctx: Ctx, { request, person, params }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const row = await findWebhook(ctx, person, params['id'] ?? '')
  return isDenial(row) ? row : tagged(request, webhookView(row))
}

const changed = (row: Webhook | Denial): Reply | Denial => {
  if (isDenial(row)) return row
  const view = webhookView(row)
  return json(view, 200, { headers: { etag: etagOf(view) } })
}

/** What is done to the endpoint of the path, by whoever it is for. */
const acting =
  <B>(work: (ctx: Ctx, call: ApiCall<B, unknown>, id: string) => Promise<Reply | Denial>) =>
  async (ctx: Ctx, call: ApiCall<B, unknown>): Promise<Reply | Denial> => {
    const row = await findWebhook(ctx, call.person, call.params['id'] ?? '')
    return isDenial(row) ? row : await work(ctx, call, row.id)
  }

/** Where a webhook leads is where events go: whoever changes that proves themselves (security rule AD-4). */
const update = acting<z.infer<typeof change>>(async (ctx, call, id) => {
  const stale = call.body.url === undefined ? undefined : requireFresh(ctx, call.request, call.person)
  return stale ?? changed(await changeWebhook(ctx, { id, change: call.body }, actorOf(call)))
})

const rotate = acting<z.infer<typeof rotation>>(async (ctx, call, id) => {
  const stale = requireFresh(ctx, call.request, call.person)
  const overlapSeconds = call.body.overlap_seconds
  return stale ?? made(ctx, await rotateWebhookSecret(ctx, { id, overlapSeconds }, actorOf(call)))
})

const pausing = (paused: boolean) =>
  acting(async (ctx, call, id) => changed(await setPaused(ctx, { id, paused }, actorOf(call))))

const remove = acting(async (ctx, call, id) => (await removeWebhook(ctx, id, actorOf(call))) ?? empty(204))

const reads = { tag, may: 'webhooks:read', orOwner: true } as const
const writes = { tag, may: 'webhooks:write', orOwner: true, refuses: [404, 412] } as const

export const webhookRoutes: Route[] = [
  apiRoute({
    ...reads,
    method: 'GET',
    path,
    summary: 'List webhooks, newest first',
    query: pageQuery,
    answers: { 200: webhookListSchema },
    handler: list,
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path,
    summary: 'Make a webhook; its secret is shown in this answer only',
    body: creation,
    answers: { 201: madeWebhookSchema },
    refuses: [409, 422],
    creates: true,
    handler: create,
  }),
  apiRoute({
    ...reads,
    method: 'GET',
    path: `${path}/:id`,
    summary: 'Read a webhook',
    answers: { 200: webhookSchema },
    handler: read,
  }),
  apiRoute({
    ...writes,
    method: 'PATCH',
    path: `${path}/:id`,
    summary: 'Change a webhook',
    body: change,
    answers: { 200: webhookSchema },
    handler: update,
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${path}/:id/rotate-secret`,
    summary: 'Give a webhook a new secret; it is shown in this answer only',
    body: rotation,
    answers: { 201: madeWebhookSchema },
    handler: rotate,
  }),
  ...(
    [
      ['pause', true],
      ['resume', false],
    ] as const
  ).map(([name, paused]) =>
    apiRoute({
      ...writes,
      method: 'POST',
      path: `${path}/:id/${name}`,
      summary: paused ? 'Pause a webhook' : 'Resume a webhook',
      answers: { 200: webhookSchema },
      handler: pausing(paused),
    }),
  ),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: `${path}/:id`,
    summary: 'Delete a webhook',
    answers: { 204: 'empty' },
    handler: remove,
  }),
  ...deliveryRoutes,
]
