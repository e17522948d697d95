/**
 * Owns how long sessions and revocations stay after their end: sessions ninety days, because events name them; revocations not
 * at all, since what they revoke has expired before them.
 */
import type { Query } from '../db/connect.ts'
import { removeRevocations } from './revocation-store.ts'
import { removeSessions } from './store.ts'

const dayMs = 86_400_000

/** One batch of each, for operations/clean.ts. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeSessions(tx, new Date(now.getTime() - 90 * dayMs), limit),
  async (tx: Query, now: Date, limit: number): Promise<number> => await removeRevocations(tx, now, limit),
]
