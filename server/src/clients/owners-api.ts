/** Owns the addresses at which applications get further owners, or another one. */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, instant } from '../http/api-route.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { askingOf } from './application-access.ts'
import { applicationSchema, applicationView } from './application-view.ts'
import { applicationsPath, findApplication } from './applications-api.ts'
import { noSuchClient } from './asking.ts'
import { listOwners, type OwnerRow } from './owner-store.ts'
import { addOwner, removeOwner, transfer } from './owners.ts'
import { loadClient } from './store.ts'

const tag = 'Applications'

const ownerSchema = z
  .object({
    user_id: z.string(),
    name: z.string().nullable(),
    rank: z.enum(['owner', 'co-owner']),
    added_at: instant,
  })
  .meta({ id: 'ApplicationOwner' })
const ownerListSchema = z.object({ owners: z.array(ownerSchema) }).meta({ id: 'ApplicationOwnerList' })
const handover = z.strictObject({ user_id: z.string().max(255) })

const ownerView = ({ added_at, ...row }: OwnerRow) => ({ ...row, added_at: added_at.toISOString() })

const list = async (ctx: Ctx, { person, params }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const client = await findApplication(ctx, person, params['id'] ?? '')
  if (isDenial(client)) return client
  return json({ owners: (await listOwners(ctx.db, client.client_id)).map(ownerView) })
}

const add = async (ctx: Ctx, call: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, call.request, call.person)
  if (stale) return stale
  const { id = '', user_id = '' } = call.params
  const refused = await addOwner(ctx, { client_id: id, user_id }, await askingOf(ctx, call, 'owner'))
  return refused ?? json({ owners: (await listOwners(ctx.db, id)).map(ownerView) })
}

/** Whoever looks after it may stop to. */
const remove = async (ctx: Ctx, call: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const { id = '', user_id = '' } = call.params
  const deed = user_id === call.person.subject.id ? 'change' : 'owner'
  return (await removeOwner(ctx, { client_id: id, user_id }, await askingOf(ctx, call, deed))) ?? empty(204)
}

const give = async (ctx: Ctx, call: ApiCall<z.infer<typeof handover>, unknown>): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, call.request, call.person)
  if (stale) return stale
  const { id = '' } = call.params
  const to = { client_id: id, user_id: call.body.user_id, toAnybody: call.person.holds }
  const refused = await transfer(ctx, to, await askingOf(ctx, call, 'owner'))
  if (refused) return refused
  const client = await loadClient(ctx.db, id)
  return client === undefined ? noSuchClient(id) : json(applicationView(client))
}

const one = `${applicationsPath}/:id`
const writes = { tag, may: 'applications:write', orOwner: true } as const

export const ownerRoutes = [
  apiRoute({
    method: 'GET',
    path: `${one}/owners`,
    tag,
    may: 'applications:read',
    orOwner: true,
    summary: 'List who looks after an application',
    answers: { 200: ownerListSchema },
    refuses: [404],
    handler: list,
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${one}/owners/:user_id`,
    summary: 'Let somebody look after an application beside its owner',
    answers: { 200: ownerListSchema },
    refuses: [404, 409, 412],
    handler: add,
  }),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: `${one}/owners/:user_id`,
    summary: 'Let somebody no longer look after an application',
    answers: { 204: 'empty' },
    refuses: [404, 412],
    handler: remove,
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${one}/transfer`,
    summary:
      'Give an application to somebody else: its owner to one who looks after it already, administrators to anybody',
    body: handover,
    answers: { 200: applicationSchema },
    refuses: [404, 409, 412],
    handler: give,
  }),
]
