/** Owns the short-lived copies of clients. A copy is at most one second old, so that a disabled client is refused within it (G-3). */
import type { Db } from '../db/connect.ts'
import { type Cache, createCache } from '../io/cache.ts'
import { type Client, loadClient } from './store.ts'

export type { Client } from './store.ts'

/** Makes the cache of a node. */
export const createClients = (db: Db): Cache<Client> =>
  createCache({
    max: 10_000,
    ttlMs: 1000,
    load: async (client_id) =>
      client_id.length > 2000 || client_id.includes('\0') ? undefined : await loadClient(db, client_id),
  })
