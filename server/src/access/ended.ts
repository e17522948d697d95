/** Owns what remains of deleted roles and groups: who held them. It means nothing any more, and goes batch by batch. */
import type { Query } from '../db/connect.ts'
import { removeDeletedGroups } from './group-store.ts'
import { removeDeletedRoles } from './role-store.ts'

/** What of this is over. */
export const removeEnded: readonly ((tx: Query, now: Date, limit: number) => Promise<number>)[] = [
  async (tx, _now, limit) => await removeDeletedRoles(tx, limit),
  async (tx, _now, limit) => await removeDeletedGroups(tx, limit),
]
