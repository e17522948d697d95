/** Owns the counting of tokens that are not recorded one by one: per client, grant and minute, written together. */
import type { Db } from '../db/connect.ts'
import { addCounts } from './store.ts'

export type TokenCounts = {
  add: (client_id: string, grant_type: string, now: Date) => void
  /** Writes what was counted since the last time. */
  flush: (db: Db) => Promise<void>
}

/** Makes the counters of a node. */
export const createTokenCounts = (): TokenCounts => {
  let counts = new Map<string, { client_id: string; grant_type: string; minute: Date; issued: number }>()
  return {
    add: (client_id, grant_type, now) => {
      const minute = now.getTime() - (now.getTime() % 60_000)
      const key = `${client_id}|${grant_type}|${minute}`
      const known = counts.get(key)
      if (known) known.issued += 1
      else counts.set(key, { client_id, grant_type, minute: new Date(minute), issued: 1 })
    },
    flush: async (db) => {
      const sent = counts
      counts = new Map()
      // In one order on every node, so that none waits for another in a circle.
      const keys = [...sent.keys()].toSorted()
      await addCounts(
        db,
        keys.flatMap((key) => sent.get(key) ?? []),
      ).catch((error: unknown) => {
        for (const [key, row] of sent) counts.set(key, { ...row, issued: row.issued + (counts.get(key)?.issued ?? 0) })
        throw error
      })
    },
  }
}
