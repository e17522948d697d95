/** Owns calls about one's own passkeys for tests: what to ask a browser, a new one, what there is. */
import { expect } from 'vitest'
import type { Caller } from './api.ts'
import type { Reply } from './http.ts'
import type { Lies, SoftPasskey } from './passkey.ts'

/** Below /api/v1. */
export const path = 'users/me/passkeys'
type Options = {
  challenge: string
  rp: { id: string; name: string }
  user: { id: string; name: string; displayName: string }
  excludeCredentials: { id: string }[]
}

/** What to ask a browser for. */
export const options = async ({ call }: Caller): Promise<Options> => {
  const reply = await call('POST', `${path}/options`, {})
  expect(reply.status, reply.body).toBe(200)
  return reply.json<Options>()
}

/** Adds one, with lies. */
export const add = async (caller: Caller, passkey: SoftPasskey, lies: Lies = {}, name?: string): Promise<Reply> => {
  const { challenge } = await options(caller)
  return await caller.call('POST', path, {
    credential: passkey.attest(challenge, lies),
    ...(name !== undefined && { name }),
  })
}

/** Those there are. */
export const listed = async ({ call }: Caller): Promise<{ id: string; name: string }[]> =>
  (await call('GET', path)).json<{ passkeys: { id: string; name: string }[] }>().passkeys

/** Asserts a refusal as RFC 9457 has it. */
export const expectProblem = (reply: Reply, status: number, code: string): void => {
  expect([reply.status, reply.json()['code']], reply.body).toEqual([status, code])
}
