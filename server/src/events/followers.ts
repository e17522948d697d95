/**
 * Owns what a follower is: something that reads every event once, in order, in the transaction that gives it its place. What
 * it writes commits with that, or not at all. The list is in app.ts. First of them: the counts of each day.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { SequencedEvent } from './chain.ts'

export type { SequencedEvent } from './chain.ts'

/**
 * Called with up to 2000 events, the oldest first. It asks only `tx`, waits for nobody outside, and throws only when nothing
 * at all shall be sequenced until it works again.
 */
export type Follower = (ctx: Ctx, tx: Tx, events: readonly SequencedEvent[]) => Promise<void>

/** How often it happened: an event may tell of many that were not written one by one (flood.ts). */
export const manyOf = ({ data: { summary, count } }: Pick<SequencedEvent, 'data'>): number =>
  summary === true && typeof count === 'number' ? count : 1

/** Counts what happened on each day (UTC), by type, client and outcome. */
export const countDays: Follower = async (_ctx, tx, events) => {
  const counts = new Map<string, { day: string; type: string; client_id: string; outcome: string; count: number }>()
  for (const event of events) {
    const { at, type, client_id, outcome } = event
    const row = { day: at.slice(0, 10), type, client_id: client_id ?? '', outcome, count: 0 }
    const key = JSON.stringify(Object.values(row))
    const counted = counts.get(key) ?? row
    counted.count += manyOf(event)
    counts.set(key, counted)
  }
  await tx`
    insert into event_days (day, type, client_id, outcome, count)
    select day, type, client_id, outcome, count from json_to_recordset(${tx.json([...counts.values()])}::json)
      as x (day date, type text, client_id text, outcome text, count bigint)
    on conflict (day, type, client_id, outcome) do update set count = event_days.count + excluded.count`
}
