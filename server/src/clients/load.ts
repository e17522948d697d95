/** Owns the short-lived copies of clients. A copy is at most one second old, so that a disabled client is refused within it (G-3). */
import type { Db, Tx } from '../db/connect.ts'
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

/**
 * A client for work within a transaction: the copy, or else read there. Whoever holds a connection must not wait for another
 * one: as many as the pool has would wait for each other.
 */
export const clientWithin = async (clients: Cache<Client>, tx: Tx, client_id: string): Promise<Client | undefined> =>
  clients.peek(client_id) ?? (await loadClient(tx, client_id))
