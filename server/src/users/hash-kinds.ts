/** Owns the knowledge of which kinds of password hash are in use, so that a refused sign-in can make one of each (LI-1). */
import type { Db } from '../db/connect.ts'
import { createCache } from '../io/cache.ts'
import { loadHashSamples } from './store.ts'

/** Stored hashes, one of each kind, at most ten seconds old. */
export const createHashKinds = (db: Db): (() => Promise<readonly string[]>) => {
  const kinds = createCache<readonly string[]>({ max: 1, ttlMs: 10_000, load: async () => await loadHashSamples(db) })
  return async () => (await kinds.get('kinds')) ?? []
}
