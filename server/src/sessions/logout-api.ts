/** Owns the sign-out as JSON: of this session, or of everything that a person has anywhere. */
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute } from '../http/api-route.ts'
import { empty, type Reply } from '../http/reply.ts'
import { noSession } from './cookie.ts'
import { endAll, endHere } from './logout.ts'

/** The browser's own session, or the one that an application's token came from; applications of other sessions stay. */
const logout = async (ctx: Ctx, { request, person: { sid } }: ApiCall<unknown, unknown>): Promise<Reply> => {
  if (sid !== undefined) await endHere(ctx, [sid], request)
  return empty(204, { cookies: [noSession] })
}

const everywhere = async (ctx: Ctx, { request, person: { subject } }: ApiCall<unknown, unknown>): Promise<Reply> => {
  await endAll(ctx, subject.id, request)
  return empty(204, { cookies: [noSession] })
}

export const logoutApiRoutes = [
  apiRoute({
    method: 'POST',
    tag: 'Signing in',
    path: '/api/v1/auth/logout',
    may: 'self',
    answers: { 204: 'empty' },
    summary: 'Sign out of this session',
    handler: logout,
  }),
  apiRoute({
    method: 'POST',
    tag: 'Signing in',
    path: '/api/v1/auth/logout-everywhere',
    may: 'self',
    answers: { 204: 'empty' },
    summary: 'End all sessions, refresh tokens and access tokens of this person',
    handler: everywhere,
  }),
]
