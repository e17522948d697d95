/**
 * Owns the addresses of API keys below /api/v1. A key's owner is whoever calls, or the service account of the path; never
 * something that a body says (security rule AK-1). Start reading at `apiKeyRoutes`.
 */
import { z } from 'zod'
import { can } from '../access/can.ts'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, instant, pageQuery } from '../http/api-route.ts'
import { checkMatch, etagOf, tagged } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { isUuid } from '../io/ids.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import {
  changeKey,
  createKey,
  type KeyActor,
  type KeyGuard,
  type KeyRow,
  noSuchKey,
  removeKey,
  rotateKey,
  setKeyStatus,
} from './manage.ts'
import { exchangeKey } from './exchange.ts'
import { listKeys, loadKey } from './store.ts'
import { actorOf, creation, ids, made, rotation, wishOf } from './calls.ts'
import { serviceKeyRoutes } from './service-routes.ts'
import { keyListSchema, keySchema, keyView, madeKeySchema } from './view.ts'

const path = '/api/v1/api-keys'
const tag = 'API keys'
const change = z.strictObject({
  name: z.string().max(100).optional(),
  description: z.string().max(1000).nullable().optional(),
  expires_at: instant.optional(),
  role_ids: ids.optional(),
  permission_ids: ids.optional(),
})
const question = pageQuery.extend({
  owner_id: z.string().max(255).optional().describe('keys of somebody else; needs api-keys:read. `*` is everybody'),
})

const list = async (ctx: Ctx, { request, person, query }: ApiCall<unknown, z.infer<typeof question>>) => {
  const { owner_id = person.subject.id } = query
  if (owner_id !== person.subject.id && !person.holds) return notYours
  const owner = owner_id === '*' ? undefined : owner_id
  return await listPage(ctx, request, {
    path,
    place: { list: 'api-keys', question: [owner_id] },
    query,
    member: 'api_keys',
    load: async (page) => await listKeys(ctx.db, { owner_id: owner, ...page }),
    positionOf: ({ created_at, id }) => ({ at: created_at, id }),
    view: keyView,
  })
}

const create = async (
  ctx: Ctx,
  { request, person, body }: ApiCall<z.infer<typeof creation>, unknown>,
): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, request, person)
  if (stale) return stale
  return made(ctx, await createKey(ctx, wishOf(body, person.subject.id), actorOf(request, person)))
}

type Found = { row: KeyRow; own: boolean }

/** A key of the caller's, or of anybody's who has no more than they, where they hold the permission of the route. */
const find = async (ctx: Ctx, person: PersonPrincipal, id: string): Promise<Found | Denial> => {
  const row = isUuid(id) ? await loadKey(ctx.db, id) : undefined
  if (row === undefined) return noSuchKey
  if (row.owner_id === person.subject.id) return { row, own: true }
  return person.holds ? { row, own: false } : noSuchKey
}

const read = async (ctx: Ctx, { request, person, params }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const found = await find(ctx, person, params['id'] ?? '')
  return isDenial(found) ? found : tagged(request, keyView(found.row))
}

type Act<B> = (
  ctx: Ctx,
  facts: ApiCall<B, unknown> & { id: string; own: boolean; guard: KeyGuard; actor: KeyActor },
) => Promise<Reply | Denial>

/** What is done to one key: to one's own, or to that of somebody who holds no more (security rule AD-2). */
const acting =
  <B>(work: Act<B>) =>
  async (ctx: Ctx, call: ApiCall<B, unknown>): Promise<Reply | Denial> => {
    const { person, request, params } = call
    const found = await find(ctx, person, params['id'] ?? '')
    if (isDenial(found)) return found
    const owner = found.own ? undefined : await ctx.subjects.get(found.row.owner_id)
    const permission = 'api-keys:write'
    const beyond = owner && can(person.subject, { do: 'act on somebody', permission, whom: owner })
    if (beyond) return beyond
    const guard: KeyGuard = (row) => checkMatch(request, keyView(row))
    return await work(ctx, { ...call, id: found.row.id, own: found.own, guard, actor: actorOf(request, person) })
  }

const changed = (row: KeyRow | Denial | undefined): Reply | Denial => {
  if (row === undefined) return noSuchKey
  if (isDenial(row)) return row
  const view = keyView(row)
  return json(view, 200, { headers: { etag: etagOf(view) } })
}

/** Whoever administers keys takes from them; what a key can do, and for how long, is its owner's to say (security rule AK-1). */
const update = acting<z.infer<typeof change>>(async (ctx, { request, person, body, id, own, guard, actor }) => {
  const { role_ids, permission_ids, expires_at, ...names } = body
  const gives = role_ids !== undefined || permission_ids !== undefined
  const lasting = gives || expires_at !== undefined
  const refused = lasting ? ((own ? undefined : notYours) ?? requireFresh(ctx, request, person)) : undefined
  if (refused) return refused
  // Rights are replaced as a whole: what is not named is not held any more.
  const rights = gives && { by: 'id' as const, roles: role_ids ?? [], permissions: permission_ids ?? [] }
  const wish = {
    ...names,
    ...(expires_at !== undefined && { expires_at: new Date(expires_at) }),
    ...(rights && { rights }),
  }
  return changed(await changeKey(ctx, { id, change: wish, guard }, actor))
})

const setStatus = (status: 'active' | 'inactive') =>
  acting(async (ctx, { id, guard, actor }) => changed(await setKeyStatus(ctx, { id, status, guard }, actor)))

/** Whoever rotates a key sees it: that is for its owner alone. Keys of service accounts have their own address. */
const rotate = acting<z.infer<typeof rotation>>(async (ctx, { request, person, body, id, own, guard, actor }) => {
  const refused = own ? requireFresh(ctx, request, person) : notYours
  if (refused) return refused
  return made(ctx, await rotateKey(ctx, { id, overlapSeconds: body.overlap_seconds, guard }, actor))
})

const remove = acting(async (ctx, { id, guard, actor }) => (await removeKey(ctx, { id, guard }, actor)) ?? empty(204))

const tokenBody = z.strictObject({
  resource: z
    .union([z.string().max(2000), z.array(z.string().max(2000)).max(20)])
    .optional()
    .describe('registered APIs; this server’s own when nothing is said'),
})
const tokenSchema = z
  .object({ access_token: z.string(), token_type: z.literal('Bearer'), expires_in: z.int(), scope: z.string() })
  .meta({ id: 'ApiKeyToken' })

const exchange = async (
  ctx: Ctx,
  { request, person, body }: ApiCall<z.infer<typeof tokenBody>, unknown>,
): Promise<Reply | Denial> => {
  const token = await exchangeKey(ctx, { request, person, resources: [body.resource ?? []].flat() })
  return isDenial(token) ? token : json(token)
}

const notYours: Denial = deny(
  'permission_denied',
  'This is for the owner of the API key.',
  { rule: 'a key is its owner’s (AK-1)', expected: 'a key of one’s own', got: 'somebody else’s' },
  { status: 403 },
)

const writes = { tag, may: 'api-keys:write', orOwner: true, answers: { 200: keySchema }, refuses: [404, 412] } as const

export const apiKeyRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    may: 'api-keys:read',
    orOwner: true,
    summary: 'List API keys, newest first',
    query: question,
    answers: { 200: keyListSchema },
    handler: list,
  }),
  apiRoute({
    method: 'POST',
    path,
    tag,
    may: 'self',
    summary: 'Make an API key for oneself; it is shown in this answer only',
    body: creation,
    answers: { 201: madeKeySchema },
    refuses: [409, 422],
    creates: true,
    handler: create,
  }),
  apiRoute({
    method: 'POST',
    path: `${path}/token`,
    tag,
    may: 'self',
    keys: true,
    proofs: ['api_key'],
    summary: 'Exchange the API key of the call for a short access token',
    body: tokenBody,
    answers: { 200: tokenSchema },
    handler: exchange,
  }),
  apiRoute({
    method: 'GET',
    path: `${path}/:id`,
    tag,
    may: 'api-keys:read',
    orOwner: true,
    summary: 'Read an API key',
    answers: { 200: keySchema },
    refuses: [404],
    handler: read,
  }),
  apiRoute({
    ...writes,
    method: 'PATCH',
    path: `${path}/:id`,
    summary: 'Change an API key. Roles and permissions are replaced as a whole',
    body: change,
    refuses: [404, 412, 422],
    handler: update,
  }),
  ...(['POST', 'PATCH'] as const).flatMap((method) => [
    apiRoute({
      ...writes,
      method,
      path: `${path}/:id/activate`,
      summary: 'Switch an API key on',
      handler: setStatus('active'),
    }),
    apiRoute({
      ...writes,
      method,
      path: `${path}/:id/deactivate`,
      summary: 'Switch an API key off, with all that was made of it',
      handler: setStatus('inactive'),
    }),
  ]),
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${path}/:id/rotate`,
    summary: 'Give an API key a new secret; it is shown in this answer only',
    body: rotation,
    answers: { 201: madeKeySchema },
    handler: rotate,
  }),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: `${path}/:id`,
    summary: 'Delete an API key',
    answers: { 204: 'empty' },
    handler: remove,
  }),
  ...serviceKeyRoutes,
]
