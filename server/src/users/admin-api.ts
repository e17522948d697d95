/**
 * Owns the addresses below /api/v1/users at which administrators work. Each is one operation of admin.ts, manage.ts or
 * status.ts; who may call which is in `may` and the ceiling. Start reading at `usersApiRoutes`.
 */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { badQuery, nextLink, pageSize } from '../http/cursor.ts'
import { type PersonHandler, personRoute } from '../http/person-route.ts'
import { readBody } from '../http/json-body.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, isDenial, shown } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { sendReset } from '../recovery/by-admin.ts'
import { actOn, actorOf, createByAdmin, noSuchUser, notYourself } from './admin.ts'
import { adminView, listedView } from './admin-view.ts'
import { changeAccount } from './manage.ts'
import { searchUsers } from './search.ts'
import { changeStatus, endSessions, removeUser, requireActions, resetFactors } from './status.ts'
import { loadSubject } from './store.ts'

const base = '/api/v1/users'
const statuses = ['active', 'disabled', 'locked', 'pending_erasure']
const kinds = ['person', 'service', 'all'] as const

const list = async (ctx: Ctx, request: HttpRequest): Promise<Reply | Denial> => {
  const limit = pageSize(request)
  if (limit === undefined) return badQuery('limit from 1 to 200', shown(param(request.query, 'limit')))
  const status = param(request.query, 'status')
  if (status !== undefined && !statuses.includes(status)) return badQuery(statuses.join(', '), status)
  const [q, role, cursor] = ['q', 'role', 'cursor'].map((name) => param(request.query, name))
  const asked = param(request.query, 'kind') ?? 'person'
  const kind = kinds.find((one) => one === asked)
  if (kind === undefined) return badQuery(kinds.join(', '), asked)
  const found = await searchUsers(ctx, { q, role, status, kind, limit, cursor })
  if (found === undefined) return badQuery('a cursor that this query gave', shown(cursor))
  const headers = nextLink(ctx, request, { path: base, next: found.next })
  return json({ users: found.users.map(listedView), next: found.next ?? null }, 200, { headers })
}

const text = z.string().max(320)
const creation = z.strictObject({
  email: text.optional(),
  username: text.optional(),
  name: text.optional(),
  email_verified: z.boolean().optional(),
  roles: z.array(text).max(50).optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
})

const create = async (ctx: Ctx, request: HttpRequest, person: PersonPrincipal): Promise<Reply | Denial> => {
  const body = readBody(creation, request)
  if (isDenial(body)) return body
  const { roles = [], claims = {}, email_verified = false, ...names } = body
  const made = await createByAdmin(ctx, person, { request, registration: { ...names, roles, claims, email_verified } })
  if (isDenial(made)) return made
  const user = await loadSubject(ctx.db, made.user_id)
  const headers = { location: `${ctx.config.issuer}${base}/${encodeURIComponent(made.user_id)}` }
  return json({ user: user && (await adminView(ctx, user)) }, 201, { headers })
}

const change = z.strictObject({
  email: text.optional(),
  username: text.optional(),
  name: text.optional(),
  email_verified: z.boolean().optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
})

const actions = z.strictObject({
  actions: z.array(z.enum(['verify_email', 'change_password', 'enrol_factor'])).max(3),
})

/** Acts on the account of the path, within the ceiling. What `work` refuses is refused; else the account as it is then. */
type Work = (
  ctx: Ctx,
  facts: { request: HttpRequest; person: PersonPrincipal; target: Subject },
) => Promise<Denial | Reply | undefined | void>

const acting =
  (work: Work) =>
  async (ctx: Ctx, request: HttpRequest, person: PersonPrincipal): Promise<Reply | Denial> => {
    const id = request.pathParams['id'] ?? ''
    const target = await actOn(ctx, person, id)
    if (isDenial(target)) return target
    const result = await work(ctx, { request, person, target })
    if (result) return result
    const after = await loadSubject(ctx.db, id)
    return after === undefined ? empty(204) : json({ user: await adminView(ctx, after) })
  }

/** What nobody does to themselves here. */
const toOthers =
  (work: Work): Work =>
  async (ctx, facts) =>
    isOwn(facts) ? notYourself : await work(ctx, facts)

const isOwn = ({ person, target }: Parameters<Work>[1]): boolean => target.id === person.subject.id

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
  'require-action': toOthers(async (ctx, { request, person, target }) => {
    const body = readBody(actions, request)
    if (isDenial(body)) return body
    return await requireActions(ctx, target.id, body.actions, actorOf(request, person))
  }),
}

/** Reading needs no ceiling: who may see people sees those with more rights too. */
const read: PersonHandler = async (ctx, request) => {
  const user = await loadSubject(ctx.db, request.pathParams['id'] ?? '')
  return user === undefined ? noSuchUser : json({ user: await adminView(ctx, user) })
}

/** Whoever has the address of an account can have its password reset: changing that is giving the account away. */
const update: Work = async (ctx, { request, person, target }) => {
  const body = readBody(change, request)
  if (isDenial(body)) return body
  const givesAway = body.email !== undefined || body.email_verified !== undefined
  if (givesAway && isOwn({ request, person, target })) return notYourself
  const stale = givesAway ? requireFresh(ctx, request, person) : undefined
  return stale ?? (await changeAccount(ctx, target, { ...body, by: actorOf(request, person) }))
}

const remove: Work = freshly(
  toOthers(async (ctx, { request, person, target }) => await removeUser(ctx, target.id, actorOf(request, person))),
)

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
type Row = { method: Method; path: string; may: 'users:read' | 'users:write'; summary: string; handler: PersonHandler }

const rows: readonly Row[] = [
  { method: 'GET', path: base, may: 'users:read', summary: 'List and search accounts', handler: list },
  { method: 'POST', path: base, may: 'users:write', summary: 'Create an account', handler: create },
  { method: 'GET', path: `${base}/:id`, may: 'users:read', summary: 'Read an account', handler: read },
  { method: 'PATCH', path: `${base}/:id`, may: 'users:write', summary: 'Change an account', handler: acting(update) },
  { method: 'DELETE', path: `${base}/:id`, may: 'users:write', summary: 'Delete an account', handler: acting(remove) },
  ...Object.entries(works).map(
    ([name, work]): Row => ({
      method: 'POST',
      path: `${base}/:id/${name}`,
      may: 'users:write',
      summary: `An account: ${name.replace('-', ' ')}`,
      handler: acting(work),
    }),
  ),
]

export const usersApiRoutes = rows.map(personRoute)
