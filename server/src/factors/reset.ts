/** Owns the taking away of every second step of a person: for administrators, and for whoever proves an address that was never theirs. */
import type { Tx } from '../db/connect.ts'
import { deleteFactors } from './reset-store.ts'

/** Removes authenticators, codes, backup codes and passkeys, and the trust in devices. Sessions are the caller's to end. */
export const removeFactors = async (tx: Tx, user_id: string): Promise<void> => await deleteFactors(tx, user_id)
