/**
 * Owns the API of what a person has open: sessions, devices, applications with access, and what happened. The operations are
 * those of the pages. Start reading at `ownApiRoutes`.
 */
import { z } from 'zod'
import { consentsOf, withdrawConsent } from '../authorize/consent.ts'
import type { Ctx } from '../ctx.ts'
import { listDevices } from '../devices/forget.ts'
import { eventsOf } from '../events/list.ts'
import { type ApiCall, apiRoute, instant, nextCursor, pageQuery } from '../http/api-route.ts'
import { badQuery } from '../http/cursor.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { sessionsOfUser } from '../sessions/list.ts'
import { endOwnSessions, forgetOwnDevice } from './end-own.ts'
import { deviceFacts, deviceSchema, eventFacts, eventSchema, sessionFacts, sessionSchema } from './own-facts.ts'

const base = '/api/v1/users/me'

type Call = ApiCall<unknown, unknown>

const listSessions = async (ctx: Ctx, { request, person: { subject, sid } }: Call): Promise<Reply> => {
  const sessions = await sessionsOfUser(ctx, subject.id, request.now)
  return json({ sessions: sessions.map((one) => ({ ...sessionFacts(one), current: one.id === sid })) })
}

const endOne = async (ctx: Ctx, { request, params, person: { subject } }: Call): Promise<Reply | Denial> => {
  const wanted = params['id'] ?? ''
  const isId = wanted !== 'others'
  const ended = isId ? await endOwnSessions(ctx, request, { user_id: subject.id, wanted }) : 0
  return ended > 0 ? empty(204) : notYours('session')
}

/** The one that calls goes on. */
const endOthers = async (ctx: Ctx, { request, person: { subject, sid } }: Call): Promise<Reply> => {
  const ended = await endOwnSessions(ctx, request, { user_id: subject.id, wanted: 'others', except: sid })
  return json({ ended })
}

const listOwnDevices = async (ctx: Ctx, { person: { subject, browser } }: Call): Promise<Reply> => {
  const devices = await listDevices(ctx.db, subject.id)
  const current = browser?.session.device_id
  return json({ devices: devices.map((one) => ({ ...deviceFacts(one), current: one.id === current })) })
}

const forget = async (ctx: Ctx, { request, params, person: { subject } }: Call): Promise<Reply | Denial> => {
  const device_id = params['id'] ?? ''
  const forgotten = await forgetOwnDevice(ctx, request, { user_id: subject.id, device_id })
  return forgotten ? empty(204) : notYours('device')
}

const listConsents = async (ctx: Ctx, { person: { subject } }: Call): Promise<Reply> => {
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

const withdraw = async (ctx: Ctx, { request, params, person: { subject } }: Call): Promise<Reply | Denial> => {
  const client_id = params['client_id'] ?? ''
  return (await withdrawConsent(ctx, request, subject.id, client_id)) ? empty(204) : notYours('consent')
}

const activity = async (
  ctx: Ctx,
  { person: { subject }, query: { limit, cursor } }: ApiCall<unknown, z.infer<typeof pageQuery>>,
): Promise<Reply | Denial> => {
  const found = await eventsOf(ctx, { user_id: subject.id, cursor, limit })
  if (found === undefined) return badQuery('a cursor that this query gave', shown(cursor))
  const next = found.next && `${ctx.config.issuer}${base}/activity?limit=${limit}&cursor=${found.next}`
  const headers = next === undefined ? {} : { link: `<${next}>; rel="next"` }
  return json({ events: found.events.map(eventFacts), next: found.next ?? null }, 200, { headers })
}

const notYours = (what: string): Denial =>
  deny('not_found', 'There is nothing at this address.', {
    rule: 'a person reaches what is theirs, and nothing else',
    expected: `a ${what} of the person`,
    got: 'another one, or none any more',
  })

const consents = z.object({
  consents: z.array(
    z.object({
      client_id: z.string(),
      client_name: z.string(),
      scopes: z.array(z.string()),
      resources: z.array(z.string()),
      granted_at: instant,
      updated_at: instant,
    }),
  ),
})

const own = { tag: 'One’s own account', may: 'self' } as const
const gone = { 204: 'empty' } as const

export const ownApiRoutes = [
  apiRoute({
    ...own,
    method: 'GET',
    path: `${base}/sessions`,
    summary: 'Where one is signed in',
    answers: { 200: z.object({ sessions: z.array(sessionSchema) }) },
    handler: listSessions,
  }),
  apiRoute({
    ...own,
    method: 'DELETE',
    path: `${base}/sessions`,
    summary: "End all of one's sessions but the one that calls",
    answers: { 200: z.object({ ended: z.int().describe('how many') }) },
    handler: endOthers,
  }),
  apiRoute({
    ...own,
    method: 'DELETE',
    path: `${base}/sessions/:id`,
    summary: "End one of one's sessions",
    answers: gone,
    handler: endOne,
  }),
  apiRoute({
    ...own,
    method: 'GET',
    path: `${base}/devices`,
    summary: 'Browsers one has used',
    answers: { 200: z.object({ devices: z.array(deviceSchema) }) },
    handler: listOwnDevices,
  }),
  apiRoute({
    ...own,
    method: 'DELETE',
    path: `${base}/devices/:id`,
    summary: 'Forget a browser',
    answers: gone,
    handler: forget,
  }),
  apiRoute({
    ...own,
    method: 'GET',
    path: `${base}/consents`,
    summary: 'Applications with access',
    answers: { 200: consents },
    handler: listConsents,
  }),
  apiRoute({
    ...own,
    method: 'DELETE',
    path: `${base}/consents/:client_id`,
    summary: "Take back an application's access",
    answers: gone,
    handler: withdraw,
  }),
  apiRoute({
    ...own,
    method: 'GET',
    path: `${base}/activity`,
    summary: 'What happened to the account',
    query: pageQuery,
    answers: { 200: z.object({ events: z.array(eventSchema), next: nextCursor }) },
    handler: activity,
  }),
]
