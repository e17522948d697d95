/** Owns how long wishes and invitations stay: registrations not at all after their end, invitations ninety days. */
import type { Query } from '../db/connect.ts'
import { removeInvitations } from './invitation-store.ts'
import { removeRegistrations } from './store.ts'

const dayMs = 86_400_000

/** One batch of each, for operations/clean.ts. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> => await removeRegistrations(tx, now, limit),
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeInvitations(tx, new Date(now.getTime() - 90 * dayMs), limit),
]
