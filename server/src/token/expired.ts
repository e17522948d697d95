/**
 * Owns how long tokens stay after their end: families a day, for a clear answer; opaque access tokens not at all; who used an
 * application on a day two days, because late nodes may still count them.
 */
import type { Query } from '../db/connect.ts'
import { removeAccessTokens, removeFamilies } from './expired-store.ts'
import { removeDayUsers } from './usage-store.ts'

const dayMs = 86_400_000

/** One batch of each, for operations/clean.ts. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeDayUsers(tx, new Date(now.getTime() - 2 * dayMs), limit),
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeFamilies(tx, new Date(now.getTime() - dayMs), limit),
  async (tx: Query, now: Date, limit: number): Promise<number> => await removeAccessTokens(tx, now, limit),
]
