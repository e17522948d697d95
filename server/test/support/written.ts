/**
 * Owns what black-box tests read in the database of what happened: events, decisions, codes, sessions. Changes only the
 * instants of a session, as if time had gone. Start reading at `eventsOf`.
 */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import type { HttpClient } from './http.ts'

export type Decision = { error: string; rule: string; expected: string; got: string; route: string; client_id: string }

/** The decision record of a refusal; they are written within 200 ms. */
export async function decisionOf(sql: Db, error_id: string): Promise<Decision> {
  let found: Decision | undefined
  await expect
    .poll(async () => {
      const rows = await sql<Decision[]>`
        select error, rule, expected, got, route, client_id from decisions where error_id = ${error_id}`
      found = rows[0]
      return rows.length
    })
    .toBe(1)
  if (found === undefined) throw new Error(`no decision ${error_id}`)
  return found
}

export type RecordedEvent = {
  type: string
  outcome: string
  severity: string
  user_id: string | null
  client_id: string | null
  session_id: string | null
  ip: string | null
  request_id: string | null
  data: Record<string, unknown>
}

/** The events about a person or an application, oldest first. */
export const eventsOf = async (sql: Db, about: { user_id?: string; client_id?: string }): Promise<RecordedEvent[]> =>
  await sql<RecordedEvent[]>`
    select type, outcome, severity, user_id, client_id, session_id, ip, request_id, data from all_events
    where (${about.user_id ?? null}::text is null or user_id = ${about.user_id ?? null})
      and (${about.client_id ?? null}::text is null or client_id = ${about.client_id ?? null})
    order by at, id`

/** What events of a type say, oldest first. */
export const eventsBy = async (sql: Db, type: string): Promise<Record<string, unknown>[]> =>
  (
    await sql<{ data: Record<string, unknown> }[]>`select data from all_events where type = ${type} order by at, id`
  ).map(({ data }) => data)

/** The types of the events about a person or an application, without how they came to be. */
export const eventTypes = async (sql: Db, about: { user_id?: string; client_id?: string }): Promise<string[]> =>
  (await eventsOf(sql, about)).map((event) => event.type).filter((type) => !/^(user|client)\.created$/.test(type))

export type CodeRow = {
  client_id: string
  user_id: string
  session_id: string
  redirect_uri: string
  redirect_uri_sent: boolean
  scope: string
  resource: string[]
  nonce: string | null
  code_challenge: string | null
  auth_time: Date
  acr: string
  amr: string[]
  created_at: Date
  expires_at: Date
  used_at: Date | null
}

/** What is stored of a code; undefined when nothing is. */
export async function codeRow(sql: Db, code: string): Promise<CodeRow | undefined> {
  const rows = await sql<CodeRow[]>`
    select * from authorization_codes where code_hash = ${createHash('sha256').update(code).digest()}`
  return rows[0]
}

/** The session that a browser's cookie names, as it is stored. */
export async function sessionRow(
  sql: Db,
  client: HttpClient,
): Promise<{ id: string; user_id: string; auth_time: Date; ended_at: Date | null; browser_id: string } | undefined> {
  const token = client.jar.get('kw_session')?.value ?? ''
  const rows = await sql<{ id: string; user_id: string; auth_time: Date; ended_at: Date | null; browser_id: string }[]>`
    select id, user_id, auth_time, ended_at, browser_id from sessions
    where token_hash = ${createHash('sha256').update(token).digest()}`
  return rows[0]
}

/**
 * Moves instants of a browser's session into the past (negative) or the future, by seconds from now, as if that much time
 * had gone. A server may believe its own copy of the row for one second more: poll.
 */
export async function moveSession(
  sql: Db,
  client: HttpClient,
  instants: Partial<Record<'auth_time' | 'idle_expires_at' | 'expires_at', number>>,
): Promise<void> {
  const id = (await sessionRow(sql, client))?.id ?? ''
  for (const [column, seconds] of Object.entries(instants)) {
    const moved = await sql`
      update sessions set ${sql(column)} = now() + make_interval(secs => ${seconds}::float) where id = ${id} returning id`
    expect(moved).toHaveLength(1)
  }
}
