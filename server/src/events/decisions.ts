/**
 * Owns decision records: the private half of each refusal, kept for `keywright explain`. They are gathered in memory and
 * written in batches, so that a flood of refusals costs memory and table no more than a fixed amount.
 */
import { randomBytes } from 'node:crypto'
import type { Db } from '../db/connect.ts'
import { encode62 } from '../protocol/opaque-token.ts'
import type { Denial } from '../protocol/errors.ts'

type Place = { route: string; request_id: string; client_id?: string | undefined; now: Date }
export type DecisionRow = {
  error_id: string
  at: Date
  error: string
  error_description: string
  rule: string
  expected: string | null
  got: string | null
  remedy: string | null
  route: string
  client_id: string | null
  request_id: string
}

export type Decisions = {
  /** Keeps the reason of a refusal and returns the `error_id` that the caller is shown. */
  record: (denial: Denial, place: Place) => string
  /** Writes what was gathered. */
  flush: (db: Db) => Promise<void>
}

const gatheredAtMost = 2000
const keptAtMost = 50_000
const batch = 500

/** Makes the collector. */
export const createDecisions = (): Decisions => {
  let gathered: DecisionRow[] = []
  return {
    record: (denial, place) => {
      const row = rowOf(denial, place)
      if (gathered.length < gatheredAtMost) gathered.push(row)
      return row.error_id
    },
    flush: async (db) => {
      const rows = gathered
      gathered = []
      try {
        for (let at = 0; at < rows.length; at += batch) {
          await db`insert into decisions ${db(rows.slice(at, at + batch))} on conflict do nothing`
        }
      } catch (error) {
        // A database that is away for a while costs no reasons; writing one twice changes nothing.
        gathered = [...rows, ...gathered].slice(0, gatheredAtMost)
        throw error
      }
    },
  }
}

const rowOf = (denial: Denial, place: Place): DecisionRow => ({
  error_id: `err_${encode62(randomBytes(8))}`,
  at: place.now,
  error: denial.error,
  error_description: denial.error_description,
  rule: denial.because.rule,
  expected: clean(denial.because.expected),
  got: clean(denial.because.got),
  remedy: denial.because.remedy ?? null,
  route: place.route.slice(0, 200),
  client_id: clean(place.client_id?.slice(0, 200)),
  request_id: place.request_id,
})

const clean = (text: string | undefined): string | null =>
  text?.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\u{fffd}').slice(0, 1000) ?? null

/** Reads one record. */
export const findDecision = async (db: Db, error_id: string): Promise<DecisionRow | undefined> => {
  const rows = await db<DecisionRow[]>`
    select error_id, at, error, error_description, rule, expected, got, remedy, route, client_id, request_id
    from decisions where error_id = ${error_id}`
  return rows[0]
}

/** Removes records beyond the newest 50 000 and those older than seven days. */
export const trimDecisions = async (db: Db, now: Date): Promise<void> => {
  const weekAgo = new Date(now.getTime() - 7 * 86_400_000)
  await db`
    delete from decisions where at < greatest(${weekAgo}, coalesce(
      (select at from decisions order by at desc offset ${keptAtMost} limit 1), '-infinity'))`
}
