/** Owns the addresses of an application's secrets below /api/v1. A secret is in one answer and never in another (security rule AD-3). */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute } from '../http/api-route.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { askingOf } from './application-access.ts'
import { madeSecretSchema, secretListSchema, secretView } from './application-view.ts'
import { applicationsPath, findApplication } from './applications-api.ts'
import { removeSecret, rotateSecret } from './secrets.ts'
import { loadClient } from './store.ts'

const tag = 'Applications'
const day = 86_400

const rotation = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * day)
    .default(day)
    .describe('how long the former secret still works'),
})

const rotate = async (ctx: Ctx, call: ApiCall<z.infer<typeof rotation>, unknown>): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, call.request, call.person)
  if (stale) return stale
  const client_id = call.params['id'] ?? ''
  const asking = await askingOf(ctx, call, 'secret')
  const made = await rotateSecret(ctx, client_id, call.body.overlap_seconds, asking)
  if (isDenial(made)) return made
  const [, former] = (await loadClient(ctx.db, client_id))?.secrets ?? []
  return json({ ...made, previous_expires_at: former?.expires_at?.toISOString() ?? null }, 201)
}

const list = async (ctx: Ctx, { person, params }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const client = await findApplication(ctx, person, params['id'] ?? '')
  return isDenial(client) ? client : json({ secrets: client.secrets.map(secretView) })
}

const remove = async (ctx: Ctx, call: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, call.request, call.person)
  if (stale) return stale
  const { id = '', secret_id = '' } = call.params
  return (await removeSecret(ctx, id, secret_id, await askingOf(ctx, call, 'secret'))) ?? empty(204)
}

const one = `${applicationsPath}/:id`
const writes = { tag, may: 'applications:write', orOwner: true, refuses: [404, 412] } as const

export const secretRoutes = [
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${one}/regenerate-secret`,
    summary: 'Give an application a new secret; it is shown in this answer only',
    body: rotation,
    answers: { 201: madeSecretSchema },
    creates: true,
    handler: rotate,
  }),
  apiRoute({
    method: 'GET',
    path: `${one}/secrets`,
    tag,
    may: 'applications:read',
    orOwner: true,
    summary: 'List the secrets of an application, masked, newest first',
    answers: { 200: secretListSchema },
    refuses: [404],
    handler: list,
  }),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: `${one}/secrets/:secret_id`,
    summary: 'Take one secret of an application away at once',
    answers: { 204: 'empty' },
    handler: remove,
  }),
]
