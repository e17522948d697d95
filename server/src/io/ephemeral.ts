/**
 * Owns request counters: what may vanish. Each node counts in memory and settles with the others through one unlogged
 * table every half second, so that a limit holds over all nodes while no request waits for it.
 */
import type { Db, Query } from '../db/connect.ts'

export type Ephemeral = {
  /** Counts one request under `key` within a window of `windowSeconds` and tells how many there were, this one included. */
  hit: (key: string, windowSeconds: number, now: Date) => { count: number; resetSeconds: number }
  /** Sends what was counted since the last time and learns what other nodes counted. */
  settle: (db: Db, now: Date) => Promise<void>
}

type Counter = { count: number; unsent: number; expires: number }

const maxKeys = 200_000
const batch = 500

/** Makes the counters. Memory is bounded: beyond 200 000 keys the oldest are dropped. */
export const createEphemeral = (): Ephemeral => {
  const counters = new Map<string, Counter>()
  const dirty = new Set<string>()

  const hit: Ephemeral['hit'] = (key, windowSeconds, now) => {
    const length = windowSeconds * 1000
    const start = now.getTime() - (now.getTime() % length)
    const name = `${key}|${start}`
    let counter = counters.get(name)
    if (counter === undefined) {
      counter = { count: 0, unsent: 0, expires: start + length }
      counters.set(name, counter)
      if (counters.size > maxKeys) counters.delete(counters.keys().next().value ?? name)
    }
    counter.count += 1
    counter.unsent += 1
    dirty.add(name)
    return { count: counter.count, resetSeconds: Math.max(1, Math.ceil((counter.expires - now.getTime()) / 1000)) }
  }

  const settle: Ephemeral['settle'] = async (db, now) => {
    for (const [name, counter] of counters) if (counter.expires <= now.getTime()) counters.delete(name)
    for (const name of dirty) if (!counters.has(name)) dirty.delete(name)
    const names = [...dirty].toSorted()
    for (let at = 0; at < names.length; at += batch) {
      await exchange(db, { counters, dirty }, names.slice(at, at + batch))
    }
  }
  return { hit, settle }
}

type State = { counters: Map<string, Counter>; dirty: Set<string> }

const exchange = async (db: Db, { counters, dirty }: State, names: string[]): Promise<void> => {
  const sent = names.map((name) => {
    const counter = counters.get(name)
    const unsent = counter?.unsent ?? 0
    if (counter) counter.unsent = 0
    dirty.delete(name)
    return { name, unsent, expires: new Date(counter?.expires ?? 0).toISOString() }
  })
  const rows = await db<{ key: string; count: string }[]>`
    insert into ephemeral (key, count, expires_at)
    select name, unsent, expires::timestamptz
    from unnest(${sent.map((row) => row.name)}::text[], ${sent.map((row) => row.unsent)}::bigint[], ${sent.map((row) => row.expires)}::text[]) as sent (name, unsent, expires)
    on conflict (key) do update set count = ephemeral.count + excluded.count
    returning key, count`.catch((error: unknown) => {
    // Counters never loosen: what could not be sent is sent with the next hits.
    for (const { name, unsent } of sent) {
      const counter = counters.get(name)
      if (counter) counter.unsent += unsent
      dirty.add(name)
    }
    throw error
  })
  for (const row of rows) {
    const counter = counters.get(row.key)
    if (counter) counter.count = Math.max(counter.count, Number(row.count) + counter.unsent)
  }
}

/** Removes counters whose window ended before an instant. At most `limit`; returns how many. */
export const removeCounters = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from ephemeral where ctid = any (array(select ctid from ephemeral where expires_at < ${before} limit ${limit}))`
  return count
}
