/** Owns the guards for Hono 4, in every runtime that it runs in. */
import { createGate, type Demand, type GuardOptions, type Guards, guardsOf, proofsOfWeb } from './guard.ts'
import { KeywrightError } from './errors.ts'
import type { Auth } from './needs.ts'
import type { Verifier } from './verifier.ts'
import { responseOf } from './web.ts'

/** What is used of a context. */
export type HonoContextLike = { req: { raw: Request } }
export type HonoMiddleware = (context: HonoContextLike, next: () => Promise<void>) => Promise<Response | undefined>

/** The guards as middleware. `authOf(context)` tells who it is. */
export const createGuards = (
  verifier: Verifier,
  { realm }: GuardOptions = {},
): Guards<HonoMiddleware> & { authOf: (context: HonoContextLike) => Auth } => {
  const gate = createGate(verifier)
  const seen = new WeakMap<object, Auth>()
  const make =
    (demand: Demand): HonoMiddleware =>
    async ({ req }, next) => {
      try {
        seen.set(req.raw, await gate(req.raw, () => proofsOfWeb(req.raw.headers), demand))
      } catch (error) {
        return responseOf(error, realm)
      }
      await next()
      return undefined
    }
  const authOf = ({ req }: HonoContextLike): Auth => {
    const auth = seen.get(req.raw)
    if (auth === undefined) throw new KeywrightError('invalid_configuration', 'No guard stands before this route.')
    return auth
  }
  return { ...guardsOf(make), authOf }
}
