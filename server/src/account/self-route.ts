/** Owns what the addresses below /api/v1/users/me have in common: who calls, how they refuse, what they read. */
import type { Ctx } from '../ctx.ts'
import { refuse } from '../http/errors.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import type { Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Route, route } from '../http/route.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'

export type SelfHandler = (ctx: Ctx, request: HttpRequest, person: PersonPrincipal) => Promise<Reply | Denial>

export type SelfRoute = Pick<Route, 'method' | 'path' | 'summary'> & {
  handler: SelfHandler
  /** As of a route; sign-ins share theirs. */
  limit?: NonNullable<Route['limit']>
}

/** A route for a person's own affairs. Refusals are problems (RFC 9457); bodies are JSON. */
export const selfRoute = ({ handler, ...facts }: SelfRoute): Route =>
  route({
    ...facts,
    auth: 'person',
    may: 'self',
    errors: 'problem',
    ...(facts.method !== 'GET' && facts.method !== 'DELETE' && { accepts: 'json' as const }),
    handler: async (ctx, request, person) => {
      const result = await handler(ctx, request, person)
      return isDenial(result) ? refuse(ctx, result, 'problem', { route: facts.path, request }) : result
    },
  })
