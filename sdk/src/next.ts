/** Owns the guards for route handlers of Next.js, and for whatever takes a Request and gives a Response. */
import { createGate, type Demand, type GuardOptions, type Guards, guardsOf, proofsOfWeb } from './guard.ts'
import type { Auth } from './needs.ts'
import type { Verifier } from './verifier.ts'
import { responseOf } from './web.ts'

/** A handler behind a guard: the request, who sends it, and what the framework hands on (`params` of the route). */
export type GuardedHandler<R extends Request, C> = (request: R, auth: Auth, context: C) => Response | Promise<Response>
export type Wrapper = <R extends Request, C = unknown>(
  handler: GuardedHandler<R, C>,
) => (request: R, context: C) => Promise<Response>

/** The guards as wrappers: `export const GET = requireJwt()((request, auth) => Response.json({ sub: auth.sub }))`. */
export const createGuards = (verifier: Verifier, { realm }: GuardOptions = {}): Guards<Wrapper> => {
  const gate = createGate(verifier)
  const make =
    (demand: Demand): Wrapper =>
    (handler) =>
    async (request, context) => {
      const auth = await gate(request, () => proofsOfWeb(request.headers), demand).catch((error: unknown) =>
        responseOf(error, realm),
      )
      return auth instanceof Response ? auth : await handler(request, auth, context)
    }
  return guardsOf(make)
}
