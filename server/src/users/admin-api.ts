/**
 * Owns the addresses below /api/v1/users at which administrators work. Each is one operation of admin.ts, manage.ts or
 * status.ts; who may call which is in `may` and the ceiling. Start reading at `usersApiRoutes`.
 */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, nextCursor, pageQuery } from '../http/api-route.ts'
import { badQuery, nextLink } from '../http/cursor.ts'
import { tagged } from '../http/etag.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { ApiFacts, Route } from '../http/route.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, isDenial, shown } from '../protocol/errors.ts'
import { sendReset } from '../recovery/by-admin.ts'
import { actOn, actorOf, createByAdmin, noSuchUser, notYourself } from './admin.ts'
import { adminSchema, adminView, listedSchema, listedView } from './admin-view.ts'
import { changeAccount } from './manage.ts'
import { searchUsers } from './search.ts'
import { changeStatus, endSessions, removeUser, requireActions, resetFactors } from './status.ts'
import { loadSubject } from './store.ts'
import { accountStatus } from './view.ts'

const base = '/api/v1/users'
const question = pageQuery.extend({
  q: z.string().optional().describe('how the name, the address or the user name begins'),
  role: z.string().optional(),
  status: accountStatus.optional(),
  kind: z.enum(['person', 'service', 'all']).default('person'),
})

const list = async (
  ctx: Ctx,
  { request, query }: ApiCall<unknown, z.infer<typeof question>>,
): Promise<Reply | Denial> => {
  const found = await searchUsers(ctx, query)
  if (found === undefined) return badQuery('a cursor that this query gave', shown(query.cursor))
  const headers = nextLink(ctx, request, { path: base, next: found.next })
  return json({ users: found.users.map(listedView), next: found.next ?? null }, 200, { headers })
}

const text = z.string().max(320)
const email = text.meta({ examples: ['grace@example.com'] })
const creation = z.strictObject({
  email: email.optional(),
  username: text.optional(),
  name: text.optional(),
  email_verified: z.boolean().optional(),
  roles: z.array(text).max(50).optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
})

const create = async (
  ctx: Ctx,
  { request, person, body }: ApiCall<z.infer<typeof creation>, unknown>,
): Promise<Reply | Denial> => {
  const { roles = [], claims = {}, email_verified = false, ...names } = body
  const made = await createByAdmin(ctx, person, { request, registration: { ...names, roles, claims, email_verified } })
  if (isDenial(made)) return made
  const user = await loadSubject(ctx.db, made.user_id)
  const headers = { location: `${ctx.config.issuer}${base}/${encodeURIComponent(made.user_id)}` }
  return user === undefined ? noSuchUser : json({ user: await adminView(ctx, user) }, 201, { headers })
}

const change = z.strictObject({
  email: email.optional(),
  username: text.optional(),
  name: text.optional(),
  email_verified: z.boolean().optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
})

const actions = z.strictObject({
  actions: z
    .array(z.enum(['verify_email', 'change_password', 'enrol_factor']))
    .max(3)
    .meta({ examples: [['change_password']] }),
})

/** Acts on the account of the path, within the ceiling. What `work` refuses is refused; else the account as it is then. */
type Work<B = unknown> = (
  ctx: Ctx,
  facts: { request: HttpRequest; person: PersonPrincipal; target: Subject; body: B },
) => Promise<Denial | Reply | undefined | void>

const acting =
  <B>(work: Work<B>) =>
  async (ctx: Ctx, { request, person, params, body }: ApiCall<B, unknown>): Promise<Reply | Denial> => {
    const id = params['id'] ?? ''
    const target = await actOn(ctx, person, id)
    if (isDenial(target)) return target
    const result = await work(ctx, { request, person, target, body })
    if (result) return result
    const after = await loadSubject(ctx.db, id)
    return after === undefined ? empty(204) : json({ user: await adminView(ctx, after) })
  }

/** What nobody does to themselves here. */
const toOthers =
  <B>(work: Work<B>): Work<B> =>
  async (ctx, facts) =>
    isOwn(facts) ? notYourself : await work(ctx, facts)

const isOwn = ({ person, target }: Pick<Parameters<Work>[1], 'person' | 'target'>): boolean =>
  target.id === person.subject.id

/** What a thief of an administrator's session must not do (security rule AD-4). */
const freshly =
  (work: Work): Work =>
  async (ctx, facts) =>
    requireFresh(ctx, facts.request, facts.person) ?? (await work(ctx, facts))

const setStatus =
  (status: 'active' | 'disabled' | 'locked'): Work =>
  async (ctx, { request, person, target }) =>
    await changeStatus(ctx, target.id, status, actorOf(request, person))

const works: Record<string, Work> = {
  disable: toOthers(setStatus('disabled')),
  enable: setStatus('active'),
  lock: toOthers(setStatus('locked')),
  unlock: setStatus('active'),
  'end-sessions': async (ctx, { request, person, target }) =>
    await endSessions(ctx, target.id, actorOf(request, person)),
  'reset-factors': freshly(
    toOthers(async (ctx, { request, person, target }) => await resetFactors(ctx, target.id, actorOf(request, person))),
  ),
  'send-reset': async (ctx, { request, person, target }) => await sendReset(ctx, target, actorOf(request, person)),
}

const demand = toOthers<z.infer<typeof actions>>(
  async (ctx, { request, person, target, body }) =>
    await requireActions(ctx, target.id, body.actions, actorOf(request, person)),
)

/** Reading needs no ceiling: who may see people sees those with more rights too. */
const read = async (ctx: Ctx, { request, params }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const user = await loadSubject(ctx.db, params['id'] ?? '')
  return user === undefined ? noSuchUser : tagged(request, { user: await adminView(ctx, user) })
}

/** Whoever has the address of an account can have its password reset: changing that is giving the account away. */
const update: Work<z.infer<typeof change>> = async (ctx, { request, person, target, body }) => {
  const givesAway = body.email !== undefined || body.email_verified !== undefined
  if (givesAway && isOwn({ person, target })) return notYourself
  const stale = givesAway ? requireFresh(ctx, request, person) : undefined
  return stale ?? (await changeAccount(ctx, target, { ...body, by: actorOf(request, person) }))
}

const remove: Work = freshly(
  toOthers(async (ctx, { request, person, target }) => await removeUser(ctx, target.id, actorOf(request, person))),
)

const one = z.object({ user: adminSchema })
const reads = { tag: 'Accounts', may: 'users:read' } as const
const writes = { tag: 'Accounts', may: 'users:write' } as const
const summaries: Record<string, string> = {
  disable: 'Disable an account; its sessions and tokens end',
  enable: 'Enable an account',
  lock: 'Lock an account; its sessions and tokens end',
  unlock: 'Unlock an account',
  'end-sessions': 'End every session of an account',
  'reset-factors': 'Take away the second steps of an account',
  'send-reset': 'Send a letter with which its reader chooses a new password',
}

/** 204 when there is no account any more. */
const gone: ApiFacts['answers'] = { 200: one, 204: 'empty' }

export const usersApiRoutes: Route[] = [
  apiRoute({
    ...reads,
    method: 'GET',
    path: base,
    summary: 'List and search accounts',
    query: question,
    answers: { 200: z.object({ users: z.array(listedSchema), next: nextCursor }) },
    handler: list,
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path: base,
    summary: 'Create an account',
    body: creation,
    answers: { 201: one },
    refuses: [404, 409, 422],
    handler: create,
  }),
  apiRoute({
    ...reads,
    method: 'GET',
    path: `${base}/:id`,
    summary: 'Read an account',
    answers: { 200: one },
    handler: read,
  }),
  apiRoute({
    ...writes,
    method: 'PATCH',
    path: `${base}/:id`,
    summary: 'Change an account',
    body: change,
    answers: gone,
    refuses: [409, 422],
    handler: acting(update),
  }),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: `${base}/:id`,
    summary: 'Delete an account',
    answers: gone,
    refuses: [409],
    handler: acting(remove),
  }),
  ...Object.entries(works).map(([name, work]) =>
    apiRoute({
      ...writes,
      method: 'POST',
      path: `${base}/:id/${name}`,
      summary: summaries[name] ?? name,
      answers: gone,
      refuses: [409],
      handler: acting(work),
    }),
  ),
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${base}/:id/require-action`,
    summary: 'Say what an account has to do at its next sign-in',
    body: actions,
    answers: gone,
    refuses: [409, 422],
    handler: acting(demand),
  }),
]
