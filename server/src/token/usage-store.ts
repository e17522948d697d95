/** Owns the tables client_days, client_day_users and client_large_tokens. */
import type { Query } from '../db/connect.ts'

export type LargeToken = {
  client_id: string
  resource: string
  bytes: number
  budget_bytes: number
  claim: string
  at: Date
}

/** Keeps the last one for each client and audience. A client that is gone meanwhile keeps none. */
export const upsertLargeToken = async (tx: Query, row: LargeToken): Promise<void> => {
  await tx`
    insert into client_large_tokens (client_id, resource, bytes, budget_bytes, claim, at)
    select client_id, ${row.resource}, ${row.bytes}::integer, ${row.budget_bytes}::integer, ${row.claim}, ${row.at}::timestamptz
    from clients where client_id = ${row.client_id}
    on conflict (client_id, resource) do update
      set bytes = excluded.bytes, budget_bytes = excluded.budget_bytes, claim = excluded.claim, at = excluded.at`
}

/** Adds to the figures of days. Of clients that are gone meanwhile nothing is kept. */
export const addDayCounts = async (
  tx: Query,
  rows: readonly { client_id: string; day: string; figure: string; count: number }[],
): Promise<void> => {
  if (rows.length === 0) return
  await tx`
    insert into client_days (client_id, day, figure, count)
    select c.client_id, u.day, u.figure, u.count
    from unnest(${rows.map((row) => row.client_id)}::text[], ${rows.map((row) => row.day)}::date[],
      ${rows.map((row) => row.figure)}::text[], ${rows.map((row) => row.count)}::bigint[]) as u (client_id, day, figure, count)
      join clients c on c.client_id = u.client_id
    on conflict (client_id, day, figure) do update set count = client_days.count + excluded.count`
}

/** Counts people who were not counted on that day yet, each once, whichever node saw them. */
export const addDayUsers = async (
  tx: Query,
  rows: readonly { client_id: string; day: string; user_id: string }[],
): Promise<void> => {
  if (rows.length === 0) return
  await tx`
    with fresh as (
      insert into client_day_users (client_id, day, user_id)
      select c.client_id, r.day, u.id
      from unnest(${rows.map((row) => row.client_id)}::text[], ${rows.map((row) => row.day)}::date[],
        ${rows.map((row) => row.user_id)}::text[]) as r (client_id, day, user_id)
        join clients c on c.client_id = r.client_id join users u on u.id = r.user_id
      on conflict do nothing returning client_id, day
    )
    insert into client_days (client_id, day, figure, count)
    select client_id, day, 'active_users', count(*) from fresh group by client_id, day order by client_id, day
    on conflict (client_id, day, figure) do update set count = client_days.count + excluded.count`
}

export type DayFigures = { day: string; figures: Record<string, number> }

/** The figures of an application from one day to another, both included: a row for each day that has any. */
export const loadDays = async (
  tx: Query,
  client_id: string,
  { from, to }: { from: string; to: string },
): Promise<DayFigures[]> =>
  await tx<DayFigures[]>`
    select to_char(day, 'YYYY-MM-DD') as day, jsonb_object_agg(figure, count) as figures from client_days
    where client_id = ${client_id} and day between ${from}::date and ${to}::date group by day order by day`

/** The last tokens of an application that were larger than their budget, newest first. */
export const loadLargeTokens = async (tx: Query, client_id: string): Promise<LargeToken[]> =>
  await tx<LargeToken[]>`
    select * from client_large_tokens where client_id = ${client_id} order by at desc, resource limit 100`

/** Removes who used an application on days before one: they are counted. At most `limit`; returns how many. */
export const removeDayUsers = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from client_day_users where ctid = any (array(select ctid from client_day_users where day < ${before}::date limit ${limit}))`
  return count
}
