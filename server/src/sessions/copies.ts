/** Owns the copies of live sessions in memory. */
import type { Db } from '../db/connect.ts'
import { type Cache, createCache } from '../io/cache.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'
import type { LiveSession } from '../protocol/session.ts'
import { findLive } from './store.ts'

/** Makes the copies of sessions of a node; at most one second old, and never believed about revocation (security design 3.3). */
export const createSessions = (db: Db, now: () => Date): Cache<LiveSession> =>
  createCache({
    max: 20_000,
    ttlMs: 1000,
    load: async (key) => await findLive(db, Buffer.from(key, 'base64url') as TokenHash, now()),
  })
