/** Owns the guards for Express 4 and 5, and for whatever takes `(request, response, next)`. */
import { KeywrightError, problemOf } from './errors.ts'
import { createGate, type Demand, type GuardOptions, type Guards, guardsOf, proofsOfNode } from './guard.ts'
import type { Auth } from './needs.ts'
import type { Verifier } from './verifier.ts'

/** What is used of a request. */
export type NodeRequest = {
  headers: Readonly<Record<string, string | string[] | undefined>>
  rawHeaders?: readonly string[]
}
/** What is used of a response. */
export type NodeResponse = {
  statusCode: number
  setHeader: (name: string, value: string) => unknown
  end: (body: string) => unknown
}
export type Middleware = (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void

/** The guards as middleware. `authOf(request)` tells who it is. */
export const createGuards = (
  verifier: Verifier,
  { realm }: GuardOptions = {},
): Guards<Middleware> & { authOf: (request: object) => Auth } => {
  const gate = createGate(verifier)
  const seen = new WeakMap<object, Auth>()
  const refuse = (response: NodeResponse, error: unknown, next: (error?: unknown) => void): void => {
    if (!(error instanceof KeywrightError)) return next(error)
    const { status, headers, body } = problemOf(error, realm)
    response.statusCode = status
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.end(JSON.stringify(body))
  }
  const pass = async (demand: Demand, [request, response, next]: Parameters<Middleware>): Promise<void> => {
    try {
      seen.set(request, await gate(request, () => proofsOfNode(request), demand))
    } catch (error) {
      return refuse(response, error, next)
    }
    next()
  }
  const make =
    (demand: Demand): Middleware =>
    (...call) =>
      void pass(demand, call)
  return { ...guardsOf(make), authOf: (request) => authOf(seen, request) }
}

const authOf = (seen: WeakMap<object, Auth>, request: object): Auth => {
  const auth = seen.get(request)
  if (auth === undefined) throw new KeywrightError('invalid_configuration', 'No guard stands before this route.')
  return auth
}
