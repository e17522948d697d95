/**
 * Owns how long failed sign-ins are remembered: two days after the last attempt; the count of the hard cap
 * ends with them. Challenges and sign-ins under way go when they are over.
 */
import type { Query } from '../db/connect.ts'
import { removeChallenges } from '../factors/passkey-challenge.ts'
import { removeSignIns } from './sign-in-store.ts'
import { removeBuckets } from './store.ts'

const dayMs = 86_400_000

/** One batch of each, for operations/clean.ts. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeBuckets(tx, new Date(now.getTime() - 2 * dayMs), limit),
  async (tx: Query, now: Date, limit: number): Promise<number> => await removeSignIns(tx, now, limit),
  async (tx: Query, now: Date, limit: number): Promise<number> => await removeChallenges(tx, now, limit),
]
