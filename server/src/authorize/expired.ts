/**
 * Owns how long codes and interactions stay after their end: a day, so that a late use gets a clear answer and a replayed code
 * is still recognised as one (security rule TK-1).
 */
import type { Query } from '../db/connect.ts'
import { removeCodes } from './code-store.ts'
import { removeInteractions } from './store.ts'

const dayMs = 86_400_000

/** One batch of each, for operations/clean.ts. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeCodes(tx, new Date(now.getTime() - dayMs), limit),
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeInteractions(tx, new Date(now.getTime() - dayMs), limit),
]
