/** Owns how long an authenticator that was never confirmed stays: a day after it was begun. It proves nothing meanwhile. */
import type { Query } from '../db/connect.ts'
import { removePendingTotp } from './store.ts'

const dayMs = 86_400_000

/** One batch, for operations/clean.ts. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removePendingTotp(tx, new Date(now.getTime() - dayMs), limit),
]
