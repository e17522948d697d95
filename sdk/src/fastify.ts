/** Owns the guards for Fastify 4 and 5: as `preHandler` or `onRequest`. */
import { KeywrightError, problemOf } from './errors.ts'
import { createGate, type Demand, type GuardOptions, type Guards, guardsOf, proofsOfNode } from './guard.ts'
import type { Auth } from './needs.ts'
import type { Verifier } from './verifier.ts'

type Raw = { headers: Readonly<Record<string, string | string[] | undefined>>; rawHeaders?: readonly string[] }
/** What is used of a request. */
export type FastifyRequestLike = { raw: Raw }
/** What is used of a reply. */
export type FastifyReplyLike = {
  code: (status: number) => unknown
  header: (name: string, value: string) => unknown
  send: (body: string) => unknown
}
export type Hook = (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>

/** The guards as hooks. `authOf(request)` tells who it is. */
export const createGuards = (
  verifier: Verifier,
  { realm }: GuardOptions = {},
): Guards<Hook> & { authOf: (request: FastifyRequestLike) => Auth } => {
  const gate = createGate(verifier)
  const seen = new WeakMap<object, Auth>()
  const make =
    (demand: Demand): Hook =>
    async (request, reply) => {
      try {
        seen.set(request.raw, await gate(request.raw, () => proofsOfNode(request.raw), demand))
        return undefined
      } catch (error) {
        if (!(error instanceof KeywrightError)) throw error
        const { status, headers, body } = problemOf(error, realm)
        reply.code(status)
        for (const [name, value] of Object.entries(headers)) reply.header(name, value)
        reply.send(JSON.stringify(body))
        return reply
      }
    }
  const authOf = (request: FastifyRequestLike): Auth => {
    const auth = seen.get(request.raw)
    if (auth === undefined) throw new KeywrightError('invalid_configuration', 'No guard stands before this route.')
    return auth
  }
  return { ...guardsOf(make), authOf }
}
