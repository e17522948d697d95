/** Owns what the addresses of the JSON API for people who are signed in have in common: who calls, how they refuse, what they read. */
import type { Ctx } from '../ctx.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { refuse } from './errors.ts'
import type { May, PersonPrincipal } from './principal.ts'
import type { Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'
import { type Route, route } from './route.ts'

export type PersonHandler = (ctx: Ctx, request: HttpRequest, person: PersonPrincipal) => Promise<Reply | Denial>

export type PersonRoute = Pick<Route, 'method' | 'path' | 'summary'> & {
  may: May
  handler: PersonHandler
  /** As of a route; JSON where a body may come at all. */
  accepts?: NonNullable<Route['accepts']>
  /** As of a route; sign-ins share theirs. */
  limit?: NonNullable<Route['limit']>
}

/** A route for people. Refusals are problems (RFC 9457). */
export const personRoute = ({ handler, accepts, ...facts }: PersonRoute): Route => {
  const reads = accepts ?? (facts.method === 'GET' || facts.method === 'DELETE' ? undefined : 'json')
  return route({
    ...facts,
    auth: 'person',
    errors: 'problem',
    ...(reads !== undefined && { accepts: reads }),
    handler: async (ctx, request, person) => {
      const result = await handler(ctx, request, person)
      return isDenial(result) ? refuse(ctx, result, 'problem', { route: facts.path, request }) : result
    },
  })
}
