/**
 * Owns the addresses of the API keys of service accounts. Nobody signs in as such an account: its keys are made and rotated by who
 * may administer service accounts and holds at least what the account holds (security rules AK-1, AD-2).
 */
import type { z } from 'zod'
import { can } from '../access/can.ts'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, pageQuery } from '../http/api-route.ts'
import { checkMatch } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import type { Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { isUuid } from '../io/ids.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { serviceOf } from '../users/service-accounts.ts'
import { actorOf, creation, made, rotation, wishOf } from './calls.ts'
import { createKey, noSuchKey, rotateKey } from './manage.ts'
import { listKeys, loadKey } from './store.ts'
import { keyListSchema, keyView, madeKeySchema } from './view.ts'

const path = '/api/v1/service-accounts/:id/api-keys'
const tag = 'Service accounts'

const list = async (ctx: Ctx, { request, query, params }: ApiCall<unknown, z.infer<typeof pageQuery>>) => {
  const account = await serviceOf(ctx, params['id'] ?? '')
  if (isDenial(account)) return account
  return await listPage(ctx, request, {
    path: path.replace(':id', encodeURIComponent(account.id)),
    place: { list: 'service account keys', question: [account.id] },
    query,
    member: 'api_keys',
    load: async (page) => await listKeys(ctx.db, { owner_id: account.id, ...page }),
    positionOf: ({ created_at, id }) => ({ at: created_at, id }),
    view: keyView,
  })
}

/** The account of the path, if the caller may have its secrets in hand. */
const inReach = async <B>(ctx: Ctx, { request, person, params }: ApiCall<B, unknown>) => {
  const stale = requireFresh(ctx, request, person)
  if (stale) return stale
  const account = await serviceOf(ctx, params['id'] ?? '')
  if (isDenial(account)) return account
  const permission = 'service-accounts:write'
  return can(person.subject, { do: 'act on somebody', permission, whom: account }) ?? account
}

const create = async (ctx: Ctx, call: ApiCall<z.infer<typeof creation>, unknown>): Promise<Reply | Denial> => {
  const account = await inReach(ctx, call)
  if (isDenial(account)) return account
  return made(ctx, await createKey(ctx, wishOf(call.body, account.id), actorOf(call.request, call.person)))
}

const rotate = async (ctx: Ctx, call: ApiCall<z.infer<typeof rotation>, unknown>): Promise<Reply | Denial> => {
  const account = await inReach(ctx, call)
  if (isDenial(account)) return account
  const { request, person, body, params } = call
  const id = params['key_id'] ?? ''
  const row = isUuid(id) ? await loadKey(ctx.db, id) : undefined
  if (row?.owner_id !== account.id) return noSuchKey
  const facts = { id, overlapSeconds: body.overlap_seconds }
  const guard = (now: typeof row) => checkMatch(request, keyView(now))
  return made(ctx, await rotateKey(ctx, { ...facts, guard }, actorOf(request, person)))
}

const writes = { method: 'POST', tag, may: 'service-accounts:write', answers: { 201: madeKeySchema } } as const

export const serviceKeyRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    may: 'service-accounts:read',
    summary: 'List the API keys of a service account, newest first',
    query: pageQuery,
    answers: { 200: keyListSchema },
    handler: list,
  }),
  apiRoute({
    ...writes,
    path,
    summary: 'Make an API key for a service account; it is shown in this answer only',
    body: creation,
    refuses: [409, 422],
    creates: true,
    handler: create,
  }),
  apiRoute({
    ...writes,
    path: `${path}/:key_id/rotate`,
    summary: 'Give an API key of a service account a new secret; it is shown in this answer only',
    body: rotation,
    refuses: [412],
    handler: rotate,
  }),
]
