/** Owns how long API keys stay in lists after their end: ninety days, for whoever looks why a program stopped; a replaced secret a day. */
import type { Query } from '../db/connect.ts'
import { removeKeys, removeKeySecrets } from './store.ts'

const dayMs = 86_400_000

/** What of this has an end. */
export const removeExpired: readonly ((tx: Query, now: Date, limit: number) => Promise<number>)[] = [
  async (tx, now, limit) => await removeKeys(tx, new Date(now.getTime() - 90 * dayMs), limit),
  async (tx, now, limit) => await removeKeySecrets(tx, new Date(now.getTime() - dayMs), limit),
]
