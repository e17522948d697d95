/** Owns how long finished letters are remembered: two days, for counting. What they said was never stored. */
import type { Query } from '../db/connect.ts'
import { removeFinished } from './store.ts'

const dayMs = 86_400_000

/** One batch of each, for operations/clean.ts. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeFinished(tx, new Date(now.getTime() - 2 * dayMs), limit),
]
