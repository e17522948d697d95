/**
 * Owns the changes of an account that end what it had: disable, enable, new password, deletion. Each kills sessions, families and
 * tokens in the transaction of the change (security rules G-3, RC-3). Start reading at `changeStatus`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { distrustDevices } from '../devices/forget.ts'
import { actedBy, type By, type Happening, record } from '../events/record.ts'
import type { Denial } from '../protocol/errors.ts'
import { removeFactors } from '../factors/reset.ts'
import { warn } from '../recovery/warn.ts'
import { endEverywhere } from '../sessions/end.ts'
import { endAll } from './end-all.ts'
import { eraseAccount } from './erase.ts'
import { isPerson, notForServices } from './kind.ts'
import { refuseNow } from './still-may.ts'
import { loadDetails, lockAccount, removeAction, updateUser, upsertPassword } from './store.ts'

/** Disables, locks or enables an account; the first two end everything it had at once. */
export const changeStatus = async (
  ctx: Ctx,
  user_id: string,
  status: 'active' | 'disabled' | 'locked',
  by: By = {},
): Promise<Denial | undefined> => {
  const [type, shutsOut] = status === 'active' ? (['user.enabled', false] as const) : (['user.disabled', true] as const)
  return await change(ctx, user_id, { type, data: { status }, by, shutsOut }, async (tx, now) => {
    // Enabling calls a deletion off that was under way; nothing else does, so that nobody is kept against their wish.
    await updateUser(tx, user_id, { status, ...(status === 'active' && { erase_after: null }) }, now)
    if (status !== 'active') await endEverywhere(ctx, tx, { user_id, now, because: `account ${status}` })
  })
}

/** Sets a password and ends everything that was proved with the old one; the person is told. */
export const changePassword = async (ctx: Ctx, user_id: string, password_hash: string): Promise<void> => {
  const now = ctx.now()
  await transact(ctx.db, async (tx) => {
    await lockAccount(tx, user_id)
    await replacePassword(ctx, tx, { user_id, password_hash, now, because: 'password changed' })
    await warn(ctx, tx, { kind: 'password_changed', user_id, now })
  })
  await settled(ctx, user_id)
}

export type NewPassword = {
  user_id: string
  password_hash: string
  now: Date
  because: string
  /** Whoever sets it has just proved the address of the account. */
  proved?: boolean
  /** The session in which it is done; the caller gives it a new secret. */
  keep?: string | undefined
  by?: Partial<Happening>
}

/** The same within a transaction that holds the account. Afterwards the copies of the account are to be forgotten. */
export const replacePassword = async (ctx: Ctx, tx: Tx, change: NewPassword): Promise<void> => {
  const { user_id, password_hash, now, because, proved = false, keep, by = {} } = change
  await upsertPassword(tx, user_id, password_hash, now)
  await removeAction(tx, user_id, 'change_password')
  await endAll(ctx, tx, { user_id, now, because, proved, keep })
  await record(tx, { type: 'user.password_changed', now, user_id, data: { because }, ...by })
}

/** Ends every session, family and token of an account; the account stays as it is. */
export const endSessions = async (ctx: Ctx, user_id: string, by: By = {}): Promise<Denial | undefined> =>
  await change(ctx, user_id, { type: 'user.signed_out', by }, async (tx, now) => {
    await endEverywhere(ctx, tx, { user_id, now, because: 'ended by an administrator' })
  })

/** Sets what has to be done before the next sign-in is complete. Sessions go on: end them too where that is not wanted. */
export const requireActions = async (
  ctx: Ctx,
  user_id: string,
  actions: string[],
  by: By = {},
): Promise<Denial | undefined> =>
  await change(ctx, user_id, { type: 'user.action_required', data: { actions }, by }, async (tx, now) => {
    if (!(await isPerson(tx, user_id))) return notForServices
    await updateUser(tx, user_id, { required_actions: actions }, now)
    return undefined
  })

/**
 * Takes every second step and passkey away, with the sessions that they helped to begin and the devices that stood in for them.
 * Their person is told (security rule LI-4).
 */
export const resetFactors = async (ctx: Ctx, user_id: string, by: By = {}): Promise<Denial | undefined> =>
  await change(ctx, user_id, { type: 'user.factors_reset', by }, async (tx, now) => {
    if (!(await isPerson(tx, user_id))) return notForServices
    const had = (await loadDetails(tx, user_id))?.factor_kinds ?? []
    if (had.some((kind) => kind !== 'password')) await warn(ctx, tx, { kind: 'factor_removed', user_id, now })
    await removeFactors(tx, user_id)
    await distrustDevices(tx, user_id)
    await endEverywhere(ctx, tx, { user_id, now, because: 'factors reset' })
    return undefined
  })

/** Erases an account at once; its id is never given again. */
export const removeUser = async (ctx: Ctx, user_id: string, by: By = {}): Promise<Denial | undefined> =>
  await change(ctx, user_id, { type: 'user.deleted', by, shutsOut: true }, async (tx, now) => {
    await endEverywhere(ctx, tx, { user_id, now, because: 'account deleted' })
    await eraseAccount(ctx, tx, { user_id, now })
  })

type Kind = Pick<Happening, 'type' | 'data'> & { by?: By; shutsOut?: boolean }

/** A refusal changed nothing, so nothing is recorded and nobody is told. */
const change = async (
  ctx: Ctx,
  user_id: string,
  { by = {}, shutsOut = false, ...kind }: Kind,
  work: (tx: Tx, now: Date) => Promise<Denial | undefined | void>,
): Promise<Denial | undefined> => {
  const now = ctx.now()
  const refused = await transact(ctx.db, async (tx) => {
    const denial = (await refuseNow(tx, { actor_id: by.actor_id, user_id, shutsOut })) ?? (await work(tx, now))
    if (denial) return denial
    await record(tx, { type: kind.type, now, user_id, ...actedBy(by, kind.data) })
    return undefined
  })
  if (refused) return refused
  await settled(ctx, user_id)
  return undefined
}

/** After the commit: this node's copy is old, the others are told what ended, and letters go out. */
const settled = async (ctx: Ctx, user_id: string): Promise<void> => {
  ctx.subjects.forget(user_id)
  ctx.outbox.nudge()
  await ctx.feed.announce()
}
