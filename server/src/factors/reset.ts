/** Owns the taking away of every second step of a person: for administrators, and for whoever proves an address that was never theirs. */
import type { Tx } from '../db/connect.ts'
import { deleteFactors, deleteFactorsSince, deletePending } from './reset-store.ts'

/** Removes authenticators, codes, backup codes and passkeys, and the trust in devices. Sessions are the caller's to end. */
export const removeFactors = async (tx: Tx, user_id: string): Promise<void> => await deleteFactors(tx, user_id)

/** Removes those that were added at an instant or after it: by a thief, when the owner says that it was not them. */
export const removeFactorsSince = async (tx: Tx, user_id: string, since: Date): Promise<void> =>
  await deleteFactorsSince(tx, user_id, since)

/** Removes secrets of authenticators that were shown and not confirmed yet: another reader than their owner may have seen them. */
export const removePending = async (tx: Tx, user_id: string): Promise<void> => await deletePending(tx, user_id)
