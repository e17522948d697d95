/** Owns how long what a webhook was told stays in its log: thirty days after it ended. */
import type { Query } from '../db/connect.ts'
import { removeFinished } from './delivery-store.ts'

const keptMs = 30 * 86_400_000

export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeFinished(tx, new Date(now.getTime() - keptMs), limit),
]
