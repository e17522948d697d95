/**
 * Owns the API of what a person has open: sessions, devices, applications with access, and what happened. The operations are
 * those of the pages. Start reading at `ownApiRoutes`.
 */
import { consentsOf, withdrawConsent } from '../authorize/consent.ts'
import type { Ctx } from '../ctx.ts'
import { listDevices } from '../devices/forget.ts'
import { eventsOf } from '../events/list.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { sessionsOfUser } from '../sessions/list.ts'
import { endOwnSessions, forgetOwnDevice } from './end-own.ts'
import { deviceFacts, eventFacts, sessionFacts } from './own-facts.ts'
import { selfRoute } from './self-route.ts'

const base = '/api/v1/users/me'

const listSessions = async (ctx: Ctx, request: HttpRequest, { subject, sid }: PersonPrincipal): Promise<Reply> => {
  const sessions = await sessionsOfUser(ctx, subject.id, request.now)
  return json({ sessions: sessions.map((one) => ({ ...sessionFacts(one), current: one.id === sid })) })
}

const endOne = async (ctx: Ctx, request: HttpRequest, { subject }: PersonPrincipal): Promise<Reply | Denial> => {
  const wanted = request.pathParams['id'] ?? ''
  const isId = wanted !== 'others'
  const ended = isId ? await endOwnSessions(ctx, request, { user_id: subject.id, wanted }) : 0
  return ended > 0 ? empty(204) : notYours('session')
}

/** The one that calls goes on. */
const endOthers = async (ctx: Ctx, request: HttpRequest, { subject, sid }: PersonPrincipal): Promise<Reply> => {
  const ended = await endOwnSessions(ctx, request, { user_id: subject.id, wanted: 'others', except: sid })
  return json({ ended })
}

const listOwnDevices = async (
  ctx: Ctx,
  _request: HttpRequest,
  { subject, browser }: PersonPrincipal,
): Promise<Reply> => {
  const devices = await listDevices(ctx.db, subject.id)
  const current = browser?.session.device_id
  return json({ devices: devices.map((one) => ({ ...deviceFacts(one), current: one.id === current })) })
}

const forget = async (ctx: Ctx, request: HttpRequest, { subject }: PersonPrincipal): Promise<Reply | Denial> => {
  const device_id = request.pathParams['id'] ?? ''
  const forgotten = await forgetOwnDevice(ctx, request, { user_id: subject.id, device_id })
  return forgotten ? empty(204) : notYours('device')
}

const listConsents = async (ctx: Ctx, _request: HttpRequest, { subject }: PersonPrincipal): Promise<Reply> => {
  const consents = await consentsOf(ctx, subject.id)
  return json({
    consents: consents.map(({ client_id, client_name, scopes, resources, granted_at, updated_at }) => ({
      client_id,
      client_name,
      scopes,
      resources,
      granted_at: granted_at.toISOString(),
      updated_at: updated_at.toISOString(),
    })),
  })
}

const withdraw = async (ctx: Ctx, request: HttpRequest, { subject }: PersonPrincipal): Promise<Reply | Denial> => {
  const client_id = request.pathParams['client_id'] ?? ''
  return (await withdrawConsent(ctx, request, subject.id, client_id)) ? empty(204) : notYours('consent')
}

const activity = async (ctx: Ctx, request: HttpRequest, { subject }: PersonPrincipal): Promise<Reply | Denial> => {
  const limit = Number(param(request.query, 'limit') ?? 50)
  if (!Number.isInteger(limit) || limit < 1 || limit > 200) return badQuery('limit from 1 to 200', String(limit))
  const cursor = param(request.query, 'cursor')
  const found = await eventsOf(ctx, { user_id: subject.id, cursor, limit })
  if (found === undefined) return badQuery('a cursor that this query gave', shown(cursor))
  const next = found.next && `${ctx.config.issuer}${base}/activity?limit=${limit}&cursor=${found.next}`
  const headers = next === undefined ? {} : { link: `<${next}>; rel="next"` }
  return json({ events: found.events.map(eventFacts), next: found.next ?? null }, 200, { headers })
}

const badQuery = (expected: string, got: string): Denial =>
  deny('invalid_request', `The query is not valid: expected ${expected}.`, {
    rule: 'the query can be read (G-6)',
    expected,
    got,
  })

const notYours = (what: string): Denial =>
  deny('not_found', 'There is nothing at this address.', {
    rule: 'a person reaches what is theirs, and nothing else',
    expected: `a ${what} of the person`,
    got: 'another one, or none any more',
  })

export const ownApiRoutes = [
  selfRoute({ method: 'GET', path: `${base}/sessions`, summary: 'Where one is signed in', handler: listSessions }),
  selfRoute({
    method: 'DELETE',
    path: `${base}/sessions`,
    summary: "End all of one's sessions but the one that calls",
    handler: endOthers,
  }),
  selfRoute({ method: 'DELETE', path: `${base}/sessions/:id`, summary: "End one of one's sessions", handler: endOne }),
  selfRoute({ method: 'GET', path: `${base}/devices`, summary: 'Browsers one has used', handler: listOwnDevices }),
  selfRoute({ method: 'DELETE', path: `${base}/devices/:id`, summary: 'Forget a browser', handler: forget }),
  selfRoute({ method: 'GET', path: `${base}/consents`, summary: 'Applications with access', handler: listConsents }),
  selfRoute({
    method: 'DELETE',
    path: `${base}/consents/:client_id`,
    summary: "Take back an application's access",
    handler: withdraw,
  }),
  selfRoute({ method: 'GET', path: `${base}/activity`, summary: 'What happened to the account', handler: activity }),
]
