/**
 * Owns the ending of sessions: one, or everything a person has. What hangs on them ends in the same transaction, and the
 * feed tells every node. Start reading at `endSession`.
 */
import { clientsOfServiceAccount } from '../clients/service-accounts.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { record } from '../events/record.ts'
import { revokeFamiliesOfSession, revokeFamiliesOfUser } from '../token/families.ts'
import { endActed, endAllOf, endOne, listActedBeside, listOfDevice } from './store.ts'

/**
 * Ends one session: its families without offline_access and its access tokens die with it, and so does what its person does as
 * others in the same browser (security rule AD-4). False when it had ended before.
 */
export const endSession = async (
  ctx: Ctx,
  tx: Tx,
  { session_id, now, because }: { session_id: string; now: Date; because: string },
): Promise<boolean> => {
  const ended = await endOne(tx, session_id, now, because)
  if (ended === undefined) return false
  await revokeFamiliesOfSession(tx, session_id, now, because)
  await ctx.feed.write(tx, [{ kind: 'session', key: session_id }], now)
  await record(tx, { type: 'session.ended', now, user_id: ended.user_id, session_id, data: { because } })
  for (const acted of await listActedBeside(tx, ended)) await endSession(ctx, tx, { session_id: acted, now, because })
  return true
}

/** Ends what a person, or several, have open on one device. Returns how many sessions that were. */
export const endSessionsOfDevice = async (
  ctx: Ctx,
  tx: Tx,
  { device_id, now, because }: { device_id: string; now: Date; because: string },
): Promise<number> => {
  const ids = await listOfDevice(tx, device_id)
  for (const session_id of ids) await endSession(ctx, tx, { session_id, now, because })
  return ids.length
}

/** Ends every session, family and access token of a person, offline ones too. `except` is a session that goes on, without its tokens. */
export const endEverywhere = async (
  ctx: Ctx,
  tx: Tx,
  { user_id, now, because, except }: { user_id: string; now: Date; because: string; except?: string | undefined },
): Promise<void> => {
  const sessions = [
    ...(await endAllOf(tx, user_id, { now, because, except })),
    ...(await endActed(tx, user_id, now, because)),
  ]
  const families = await revokeFamiliesOfUser(tx, user_id, now, because)
  const keys = [
    ...sessions.map((key) => ({ kind: 'session' as const, key })),
    ...families.map((key) => ({ kind: 'family' as const, key })),
    { kind: 'user' as const, key: user_id },
    // Tokens of applications that act with its rights name the application.
    ...(await clientsOfServiceAccount(tx, user_id)).map((key) => ({ kind: 'client' as const, key })),
  ]
  await ctx.feed.write(tx, keys, now)
  await record(tx, {
    type: 'sessions.ended_everywhere',
    now,
    user_id,
    data: { because, sessions: sessions.length, families: families.length },
  })
}
