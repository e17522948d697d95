/**
 * Owns how many sessions one person may have at once, where the operator has set a limit: a sign-in beyond it is refused, or
 * the oldest session makes room. Start reading at `makeRoom`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { knownDevice } from '../devices/remember.ts'
import { type Happening, record } from '../events/record.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { endSession } from './end.ts'
import { listCounted, lockSessionsOf } from './store.ts'

type Newcomer = {
  user_id: string
  /** The session that goes on with a new proof, if there is one. */
  renews: string | undefined
  /** Where it will be: what this person has left behind there is replaced, and does not count. */
  browser_id: string | undefined
  device: string | undefined
  now: Date
  caller: Pick<Happening, 'ip' | 'user_agent'>
}

/** `off` is undefined; `3:refuse` and `3:end_oldest` are the number and what becomes of one session more. */
const limitOf = (setting: string): { max: number; refuses: boolean } | undefined => {
  const [max, beyond] = setting.split(':')
  return beyond === undefined ? undefined : { max: Number(max), refuses: beyond === 'refuse' }
}

/** Lets sign-ins of one person count one after the other. Before anything else is locked, so that none waits in a circle. */
export const queueUp = async (ctx: Ctx, tx: Tx, user_id: string): Promise<void> => {
  if (limitOf(ctx.config.session_limit)) await lockSessionsOf(tx, user_id)
}

/**
 * Makes room for one more session, within the transaction that starts it and has queued up. Outcome: how many sessions were
 * ended for it, or a refusal; both are recorded.
 */
export const makeRoom = async (ctx: Ctx, tx: Tx, newcomer: Newcomer): Promise<number | Denial> => {
  const limit = limitOf(ctx.config.session_limit)
  if (limit === undefined) return 0
  const { user_id, now } = newcomer
  const { replaced, others } = await rivals(tx, newcomer)
  const surplus = others.slice(0, Math.max(0, others.length + 1 - limit.max))
  const event = { type: 'session.limit_reached', now, user_id, ...newcomer.caller } as const
  if (surplus.length > 0 && limit.refuses) {
    await record(tx, { ...event, data: { max: limit.max, outcome: 'refused' } })
    return refused(limit.max, others.length)
  }
  for (const session_id of replaced)
    await endSession(ctx, tx, { session_id, now, because: 'replaced by a new sign-in' })
  for (const session_id of surplus) await endSession(ctx, tx, { session_id, now, because: 'too many sessions' })
  if (surplus.length > 0)
    await record(tx, { ...event, data: { max: limit.max, outcome: 'ended_oldest', sessions: surplus.length } })
  return replaced.length + surplus.length
}

/** The other sessions of this person: those that were here, and those elsewhere, the oldest first. */
const rivals = async (tx: Tx, newcomer: Newcomer): Promise<{ replaced: string[]; others: string[] }> => {
  const { user_id, renews, browser_id, now } = newcomer
  const device = await knownDevice(tx, user_id, newcomer.device)
  const sessions = (await listCounted(tx, user_id, now)).filter(({ id }) => id !== renews)
  const isHere = (session: { browser_id: string; device_id: string | null }): boolean =>
    session.browser_id === browser_id || (device !== undefined && session.device_id === device.id)
  const ids = (here: boolean): string[] => sessions.filter((one) => isHere(one) === here).map(({ id }) => id)
  return { replaced: ids(true), others: ids(false) }
}

const refused = (max: number, got: number): Denial =>
  deny(
    'session_limit_reached',
    'This account is signed in at as many places as it may be. Sign out at one of them first.',
    {
      rule: 'a person has at most so many sessions at once (KEYWRIGHT_SESSION_LIMIT)',
      expected: `at most ${max}`,
      got: `${got} others`,
      remedy: 'End one of the sessions, or set the limit to end_oldest.',
    },
    { status: 409 },
  )
