/**
 * Owns looking again and again whether something is still accepted, while it is being revoked. Start reading at
 * `keepLooking`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Reply } from './http.ts'
import type { Oauth } from './oauth.ts'

/** One look: at which node, when it was sent and answered (`performance.now()`), and whether it was accepted. */
export type Look = { what: string; node: number; at: number; done: number; accepted: boolean }
/** Something to look at; its name says how the answer is to be read. */
export type Probe = {
  what:
    | 'userinfo'
    | 'introspection of the access token'
    | 'introspection of the refresh token'
    | 'refresh'
    | 'the own page'
  look: (node: Oauth, index: 0 | 1) => Promise<Reply>
}
/** Where to look, where to note it, and until when. */
export type Place = { node: Oauth; index: 0 | 1; looks: Look[]; isOver: () => boolean }

/**
 * Looks again and again at one node, one probe after the other, and notes what it saw, until told to stop.
 * @throws Error when an answer is neither a yes nor the right kind of no
 */
export const keepLooking = async (probes: Probe[], { node, index, looks, isOver }: Place): Promise<void> => {
  while (!isOver()) {
    for (const { what, look } of probes) {
      const at = performance.now()
      const reply = await look(node, index)
      const accepted = isAccepted(what, reply)
      if (accepted === undefined) throw new Error(`${what}: ${reply.status} ${reply.body}`)
      looks.push({ what, node: index, at, done: performance.now(), accepted })
    }
    await sleep(10)
  }
}

/** What each refusal looks like; anything else, a 500 or a 503 above all, is neither yes nor no and fails the test. */
const isAccepted = (what: Probe['what'], reply: Reply): boolean | undefined => {
  // A disabled client is not even listened to.
  if (reply.status === 401) return false
  if (what.startsWith('introspection') && reply.status === 200) return reply.json<{ active: boolean }>().active
  if (what === 'refresh' && reply.status === 400) return reply.json()['error'] === 'invalid_grant' ? false : undefined
  if (what === 'the own page' && reply.status === 303) return false
  return reply.status === 200 ? true : undefined
}

/** Waits until a condition holds, half a minute at most: the machine may be busy. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  const limit = performance.now() + 30_000
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(`not within 30 seconds: ${String(holds)}`)
    await sleep(10)
  }
}
