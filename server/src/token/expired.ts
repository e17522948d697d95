/**
 * Owns how long tokens stay after their end: families a day, for a clear answer; opaque access tokens not at all.
 */
import type { Query } from '../db/connect.ts'
import { removeAccessTokens, removeFamilies } from './expired-store.ts'

const dayMs = 86_400_000

/** One batch of each, for operations/clean.ts. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeFamilies(tx, new Date(now.getTime() - dayMs), limit),
  async (tx: Query, now: Date, limit: number): Promise<number> => await removeAccessTokens(tx, now, limit),
]
