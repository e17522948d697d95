/** Owns the taking away of every second step of a person: for administrators, and for whoever proves an address that was never theirs. */
import type { Tx } from '../db/connect.ts'
import { phoneDisowned } from '../users/proved.ts'
import { deleteFactors, deleteFactorsSince, deletePending } from './reset-store.ts'

/** Removes authenticators, codes, backup codes and passkeys, and the trust in devices. Sessions are the caller's to end. */
export const removeFactors = async (tx: Tx, user_id: string): Promise<void> => {
  await deleteFactors(tx, user_id)
}

/**
 * The same for what a stranger may have added: those since an instant, or all of them. A number that was proved for one of them
 * is not the account's any more: nobody else shall be told that it is.
 */
export const disownFactors = async (
  tx: Tx,
  user_id: string,
  { since, now }: { since?: Date; now: Date },
): Promise<void> => {
  const numbers = since === undefined ? await deleteFactors(tx, user_id) : await deleteFactorsSince(tx, user_id, since)
  if (numbers.length > 0) await phoneDisowned(tx, user_id, { numbers, now })
}

/** Removes secrets of authenticators that were shown and not confirmed yet: another reader than their owner may have seen them. */
export const removePending = async (tx: Tx, user_id: string): Promise<void> => await deletePending(tx, user_id)
