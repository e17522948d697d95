/** Owns the sign-out as JSON: of this session, or of everything that a person has anywhere. */
import type { Ctx } from '../ctx.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { noSession } from './cookie.ts'
import { endAll, endHere } from './logout.ts'

/** The browser's own session, or the one that an application's token came from; applications of other sessions stay. */
const logout = async (ctx: Ctx, request: HttpRequest, { sid }: PersonPrincipal): Promise<Reply> => {
  if (sid !== undefined) await endHere(ctx, [sid], request)
  return empty(204, { cookies: [noSession] })
}

const everywhere = async (ctx: Ctx, request: HttpRequest, { subject }: PersonPrincipal): Promise<Reply> => {
  await endAll(ctx, subject.id, request)
  return empty(204, { cookies: [noSession] })
}

export const logoutApiRoutes = [
  route({
    method: 'POST',
    path: '/api/v1/auth/logout',
    auth: 'person',
    may: 'self',
    errors: 'problem',
    accepts: 'json',
    summary: 'Sign out of this session',
    handler: logout,
  }),
  route({
    method: 'POST',
    path: '/api/v1/auth/logout-everywhere',
    auth: 'person',
    may: 'self',
    errors: 'problem',
    accepts: 'json',
    summary: 'End all sessions, refresh tokens and access tokens of this person',
    handler: everywhere,
  }),
]
