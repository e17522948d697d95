/** Owns the short-lived copies of people that tokens and pages are made from. A copy is at most one second old (G-3). */
import type { Db } from '../db/connect.ts'
import { type Cache, createCache } from '../io/cache.ts'
import type { Subject } from '../protocol/claims.ts'
import { loadSubject } from './store.ts'

export { loadSubject } from './store.ts'

/** Makes the cache of a node. */
export const createSubjects = (db: Db): Cache<Subject> =>
  createCache({ max: 10_000, ttlMs: 1000, load: async (id) => await loadSubject(db, id) })
