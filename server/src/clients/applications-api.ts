/**
 * Owns the addresses of applications below /api/v1. Everybody looks after their own; who holds applications:read or
 * applications:write, after all of them. Start reading at `applicationRoutes`.
 */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, pageQuery } from '../http/api-route.ts'
import { etagOf, tagged } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { askingOf, askingToCreate, rankOf } from './application-access.ts'
import { partBody, partOf, type WholeBody, wholeBody, wholeOf } from './application-body.ts'
import { applicationListSchema, applicationSchema, applicationView, madeApplicationSchema } from './application-view.ts'
import { noSuchClient } from './asking.ts'
import { createClient, removeClient, rewriteClient, setClientStatus, type Wanted } from './manage.ts'
import { clientTypes } from './metadata.ts'
import { isPerson, listOwned } from './owner-store.ts'
import type { Created } from './secrets.ts'
import { type Client, loadClient } from './store.ts'

export const applicationsPath = '/api/v1/applications'
const tag = 'Applications'

const question = pageQuery.extend({
  type: z.enum(clientTypes).optional(),
  status: z.enum(['enabled', 'disabled']).optional(),
  owner_id: z
    .string()
    .max(255)
    .optional()
    .describe('of somebody else; needs applications:read, which shows all without it'),
})

const list = async (ctx: Ctx, { request, person, query }: ApiCall<unknown, z.infer<typeof question>>) => {
  if (query.owner_id !== undefined && query.owner_id !== person.subject.id && !person.holds) return notYours
  const { type, status } = query
  const owner_id = person.holds ? query.owner_id : person.subject.id
  return await listPage(ctx, request, {
    path: applicationsPath,
    place: { list: 'applications', question: [owner_id ?? '', type ?? '', status ?? ''] },
    query,
    member: 'applications',
    load: async (page) => await listOwned(ctx.db, { owner_id, type, status }, page),
    positionOf: ({ created_at, client_id }) => ({ at: created_at, id: client_id }),
    view: applicationView,
  })
}

const create = async (ctx: Ctx, { request, person, body }: ApiCall<WholeBody, unknown>): Promise<Reply | Denial> => {
  // A service account is nobody who could look after it.
  const owner_id = (await isPerson(ctx.db, person.subject.id)) ? person.subject.id : undefined
  const asking = await askingToCreate(ctx, { request, person })
  return await shown(ctx, await createClient(ctx, { ...wholeOf(body), owner_id }, undefined, asking), 201)
}

/** The application as it is now, with its secret where one was made. */
const shown = async (ctx: Ctx, made: Created | Denial, status: number): Promise<Reply | Denial> => {
  if (isDenial(made)) return made
  const client = await loadClient(ctx.db, made.client_id)
  if (client === undefined) return noSuchClient(made.client_id)
  const view = applicationView(client)
  const { client_secret } = made
  const location = `${ctx.config.issuer}${applicationsPath}/${encodeURIComponent(made.client_id)}`
  const headers = { etag: etagOf(view), ...(status === 201 && { location }) }
  return json({ ...view, ...(client_secret !== undefined && { client_secret }) }, status, { headers })
}

/** An application of the caller's, or any where they hold the permission of the route. */
export const findApplication = async (
  ctx: Ctx,
  person: PersonPrincipal,
  client_id: string,
): Promise<Client | Denial> => {
  const client = client_id.includes('\0') ? undefined : await loadClient(ctx.db, client_id)
  if (client === undefined) return noSuchClient(client_id)
  const mayKnow = person.holds || (await rankOf(ctx.db, client, person.subject.id)) !== undefined
  return mayKnow ? client : noSuchClient(client_id)
}

const read = async (ctx: Ctx, { request, person, params }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const client = await findApplication(ctx, person, params['id'] ?? '')
  return isDenial(client) ? client : tagged(request, applicationView(client))
}

const rewrite = async (ctx: Ctx, call: ApiCall<unknown, unknown>, wanted: Wanted): Promise<Reply | Denial> => {
  const asking = await askingOf(ctx, call, 'change')
  return await shown(ctx, await rewriteClient(ctx, call.params['id'] ?? '', wanted, asking), 200)
}

type Acting = { request: HttpRequest; person: PersonPrincipal; params: Readonly<Record<string, string>> }

const setStatus =
  (status: 'enabled' | 'disabled') =>
  async (ctx: Ctx, call: Acting): Promise<Reply | Denial> => {
    const { person, params } = call
    const client = await findApplication(ctx, person, params['id'] ?? '')
    if (isDenial(client)) return client
    // What an administrator did, its owner does not undo.
    if (!person.holds && client.disabled_by === 'administrator') return switchedOff
    const asking = await askingOf(ctx, call, 'change')
    const who = person.holds ? 'administrator' : 'owner'
    const refused = await setClientStatus(ctx, client.client_id, status, { ...asking, who })
    return refused ?? (await shown(ctx, { client_id: client.client_id }, 200))
  }

const remove = async (ctx: Ctx, call: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, call.request, call.person)
  if (stale) return stale
  const refused = await removeClient(ctx, call.params['id'] ?? '', await askingOf(ctx, call, 'owner'))
  return refused ?? empty(204)
}

const notYours: Denial = deny(
  'permission_denied',
  'These are applications of somebody else.',
  { rule: 'a list shows one’s own (AD-1)', expected: 'applications:read', got: 'nothing like it' },
  { status: 403 },
)

const switchedOff: Denial = deny(
  'permission_denied',
  'An administrator has switched this application off.',
  {
    rule: 'what an administrator switched off its owner does not switch on (AD-2)',
    expected: 'the permission applications:write',
    got: 'its owner',
  },
  { status: 403 },
)

const reads = { tag, may: 'applications:read', orOwner: true } as const
const writes = { tag, may: 'applications:write', orOwner: true, answers: { 200: madeApplicationSchema } } as const
const one = `${applicationsPath}/:id`

export const applicationRoutes = [
  apiRoute({
    ...reads,
    method: 'GET',
    path: applicationsPath,
    summary: 'List applications, newest first: one’s own, or all',
    query: question,
    answers: { 200: applicationListSchema },
    handler: list,
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path: applicationsPath,
    summary: 'Register an application; its secret is shown in this answer only',
    body: wholeBody,
    answers: { 201: madeApplicationSchema },
    refuses: [409],
    creates: true,
    handler: create,
  }),
  apiRoute({
    ...reads,
    method: 'GET',
    path: one,
    summary: 'Read an application',
    answers: { 200: applicationSchema },
    refuses: [404],
    handler: read,
  }),
  apiRoute({
    ...writes,
    method: 'PUT',
    path: one,
    summary: 'Describe an application anew: what is left out gets the default of its type',
    body: wholeBody,
    refuses: [404, 412],
    handler: async (ctx, call) => await rewrite(ctx, call, { whole: wholeOf(call.body) }),
  }),
  apiRoute({
    ...writes,
    method: 'PATCH',
    path: one,
    summary: 'Change an application: what is left out stays, null takes a value back',
    body: partBody,
    refuses: [404, 412],
    handler: async (ctx, call) => await rewrite(ctx, call, { change: partOf(call.body) }),
  }),
  ...(['enable', 'disable'] as const).map((name) =>
    apiRoute({
      ...writes,
      method: 'POST',
      path: `${one}/${name}`,
      summary:
        name === 'enable' ? 'Switch an application on' : 'Switch an application off; its access tokens die at once',
      answers: { 200: applicationSchema },
      refuses: [404, 412],
      handler: setStatus(name === 'enable' ? 'enabled' : 'disabled'),
    }),
  ),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: one,
    summary: 'Delete an application with everything issued to it',
    answers: { 204: 'empty' },
    refuses: [404, 412],
    handler: remove,
  }),
]
