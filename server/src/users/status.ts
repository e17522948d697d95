/**
 * Owns the changes of an account that end what it had: disable, enable, new password, new roles, deletion. Each kills sessions, families and
 * tokens in the transaction of the change (security rules G-3, RC-3). Start reading at `changeStatus`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import type { EventType } from '../events/catalog.ts'
import { record } from '../events/record.ts'
import { assignRoles, removeRoles } from '../access/roles.ts'
import { endEverywhere } from '../sessions/end.ts'
import { deleteUser, updateUser, upsertPassword } from './store.ts'

/** Disables, locks or enables an account; the first two end everything it had at once. */
export const changeStatus = async (
  ctx: Ctx,
  user_id: string,
  status: 'active' | 'disabled' | 'locked',
): Promise<void> => {
  await change(ctx, user_id, status === 'active' ? 'user.enabled' : 'user.disabled', async (tx, now) => {
    await updateUser(tx, user_id, { status }, now)
    if (status !== 'active') await endEverywhere(ctx, tx, user_id, now, `account ${status}`)
  })
}

/** Sets a password and ends everything that was proved with the old one. */
export const changePassword = async (ctx: Ctx, user_id: string, password_hash: string): Promise<void> => {
  await change(ctx, user_id, 'user.password_changed', async (tx, now) => {
    await upsertPassword(tx, user_id, password_hash, now)
    await endEverywhere(ctx, tx, user_id, now, 'password changed')
  })
}

/** Gives and takes roles; a loss kills the access tokens that still name them. */
export const changeRoles = async (
  ctx: Ctx,
  user_id: string,
  change_: { add: readonly string[]; remove: readonly string[] },
): Promise<void> => {
  await change(ctx, user_id, 'user.roles_changed', async (tx, now) => {
    const refused = await assignRoles(tx, user_id, change_.add)
    if (refused) throw new Error(refused.error_description)
    await removeRoles(tx, user_id, change_.remove)
    if (change_.remove.length > 0) await ctx.feed.write(tx, [{ kind: 'user', key: user_id }], now)
  })
}

/** Deletes an account; its id is never given again. */
export const removeUser = async (ctx: Ctx, user_id: string): Promise<void> => {
  await change(ctx, user_id, 'user.deleted', async (tx, now) => {
    await endEverywhere(ctx, tx, user_id, now, 'account deleted')
    await deleteUser(tx, user_id)
  })
}

const change = async (
  ctx: Ctx,
  user_id: string,
  type: EventType,
  work: (tx: Tx, now: Date) => Promise<void>,
): Promise<void> => {
  const now = ctx.now()
  await transact(ctx.db, async (tx) => {
    await work(tx, now)
    await record(tx, { type, now, user_id })
  })
  ctx.subjects.forget(user_id)
  await ctx.feed.announce()
}
