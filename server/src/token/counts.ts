/**
 * Owns the counting of what applications do, in memory, written together every few seconds: tokens per client, grant and
 * minute, and for their owners the figures of each day. What a node counted since the last writing is lost with it.
 */
import type { Db } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { addCounts } from './store.ts'
import { addDayCounts, addDayUsers } from './usage-store.ts'

/** What is counted by day beside tokens: people sent back signed in, and requests that were refused. */
export type DayFigure = 'sign_ins' | 'failures'

export type TokenCounts = {
  /** A token was issued; `user_id` is whom it is for. */
  add: (client_id: string, grant_type: string, now: Date, user_id?: string) => void
  note: (client_id: string, figure: DayFigure, now: Date) => void
  /** Writes what was counted since the last time. */
  flush: (db: Db) => Promise<void>
}

type Minute = { client_id: string; grant_type: string; minute: Date; issued: number }
type Day = { client_id: string; day: number; figure: string; count: number }
type User = { client_id: string; day: number; user_id: string }
type Counted = { minutes: Map<string, Minute>; days: Map<string, Day>; users: Map<string, User> }

const minuteMs = 60_000
const dayMs = 86_400_000
/** How many people a node remembers to have counted today: more are counted all the same, by asking the database again. */
const seenAtMost = 50_000
const usersAtMost = 20_000

const nothing = (): Counted => ({ minutes: new Map(), days: new Map(), users: new Map() })

/** Makes the counters of a node. */
export const createTokenCounts = (): TokenCounts => {
  let counted = nothing()
  const seen = new Set<string>()
  return {
    add: (client_id, grant_type, now, user_id) => {
      const ms = now.getTime()
      const minute = ms - (ms % minuteMs)
      const key = `${client_id}|${grant_type}|${minute}`
      const known = counted.minutes.get(key)
      if (known) known.issued += 1
      else counted.minutes.set(key, { client_id, grant_type, minute: new Date(minute), issued: 1 })
      if (user_id !== undefined) noteUser(counted, seen, { client_id, user_id, day: Math.floor(ms / dayMs) })
    },
    note: (client_id, figure, now) =>
      addDay(counted.days, { client_id, day: Math.floor(now.getTime() / dayMs), figure, count: 1 }),
    flush: async (db) => {
      const sent = counted
      counted = nothing()
      await write(db, sent).catch((error: unknown) => {
        putBack(counted, sent)
        throw error
      })
    },
  }
}

const noteUser = ({ users }: Counted, seen: Set<string>, user: User): void => {
  const key = `${user.client_id}|${user.day}|${user.user_id}`
  if (seen.has(key) || users.size >= usersAtMost) return
  if (seen.size >= seenAtMost) seen.clear()
  seen.add(key)
  users.set(key, user)
}

const addDay = (days: Map<string, Day>, row: Day): void => {
  const key = `${row.client_id}|${row.day}|${row.figure}`
  const known = days.get(key)
  if (known) known.count += row.count
  else days.set(key, row)
}

/** In one transaction, and in one order on every node, so that none waits for another in a circle. */
const write = async (db: Db, { minutes, days, users }: Counted): Promise<void> => {
  if (minutes.size + days.size + users.size === 0) return
  const daily = new Map([...days].map(([key, row]) => [key, { ...row }]))
  for (const { client_id, grant_type, minute, issued } of minutes.values())
    addDay(daily, {
      client_id,
      day: Math.floor(minute.getTime() / dayMs),
      figure: `tokens:${grant_type}`,
      count: issued,
    })
  await transact(db, async (tx) => {
    await addCounts(tx, sorted(minutes))
    await addDayCounts(tx, sorted(daily).map(dated))
    await addDayUsers(tx, sorted(users).map(dated))
  })
}

const sorted = <T>(rows: Map<string, T>): T[] => [...rows.keys()].toSorted().flatMap((key) => rows.get(key) ?? [])

/** The day as PostgreSQL writes it (UTC). */
const dated = <T extends { day: number }>(row: T) => ({
  ...row,
  day: new Date(row.day * dayMs).toISOString().slice(0, 10),
})

/** What could not be written is counted with what came since. */
const putBack = (counted: Counted, sent: Counted): void => {
  for (const [key, row] of sent.minutes)
    counted.minutes.set(key, { ...row, issued: row.issued + (counted.minutes.get(key)?.issued ?? 0) })
  for (const row of sent.days.values()) addDay(counted.days, row)
  for (const [key, user] of sent.users) counted.users.set(key, user)
}
