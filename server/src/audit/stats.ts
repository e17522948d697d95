/**
 * Owns the figures of the dashboard. They come from what is counted by the day, never from the events themselves: ten million
 * of them cost as little as ten. Start reading at `dashboard`.
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'

const count = z.number().int()

/** `estimated`: too many to be counted each time. */
const howMany = z.object({ count, estimated: z.boolean() })

export const dashboardSchema = z.object({
  people: howMany,
  active_sessions: howMany,
  days: z.array(
    z.object({
      day: z.iso.date(),
      sign_ins: count.describe('sign-ins that succeeded'),
      failures: count.describe('sign-ins and second steps that were refused'),
      tokens: count.describe('answers of the token endpoint with tokens'),
      new_accounts: count,
    }),
  ),
  top_applications: z.array(
    z.object({
      client_id: z.string(),
      client_name: z.string(),
      sign_ins: count.describe('grants that a person began'),
    }),
  ),
})

type Day = z.infer<typeof dashboardSchema>['days'][number]

const dayMs = 86_400_000

/** The figures of the last `days` days (UTC), today included, the oldest first. */
export const dashboard = async (ctx: Ctx, days: number): Promise<z.infer<typeof dashboardSchema>> => {
  const until = ctx.now()
  const since = new Date(until.getTime() - (days - 1) * dayMs).toISOString().slice(0, 10)
  const [people, active_sessions, rows, top_applications] = await Promise.all([
    countPeople(ctx.db),
    countSessions(ctx.db, until),
    listDays(ctx.db, since, until.toISOString().slice(0, 10)),
    listTop(ctx.db, since),
  ])
  return { people, active_sessions, days: rows, top_applications }
}

const most = 50_000

/** Counted as long as that is quick; else what the planner thinks. */
const counted = async (limited: Promise<readonly { count: number }[]>, estimate: () => Promise<number>) => {
  const found = (await limited)[0]?.count ?? 0
  return found <= most
    ? { count: found, estimated: false }
    : { count: Math.max(found, await estimate()), estimated: true }
}

const countPeople = async (tx: Query) =>
  await counted(
    tx<{ count: number }[]>`
      select count(*)::int as count from (select 1 from users where kind = 'person' limit ${most + 1}) found`,
    async () => await estimated(tx, `select 1 from users where kind = 'person'`),
  )

const countSessions = async (tx: Query, now: Date) =>
  await counted(
    tx<{ count: number }[]>`
      select count(*)::int as count from (
        select 1 from sessions where expires_at > ${now} and idle_expires_at > ${now} and ended_at is null limit ${most + 1}
      ) found`,
    async () => await estimated(tx, 'select 1 from sessions where expires_at > now() and ended_at is null'),
  )

/** How many rows the planner expects of a constant statement. */
const estimated = async (tx: Query, statement: string): Promise<number> => {
  const [row] = await tx.unsafe<{ 'QUERY PLAN': { Plan: { 'Plan Rows': number } }[] }[]>(
    `explain (format json) ${statement}`,
  )
  return row?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0
}

/** A row for each day, also for those on which nothing happened. */
const listDays = async (tx: Query, since: string, until: string): Promise<Day[]> =>
  await tx<Day[]>`
    select to_char(d.day, 'YYYY-MM-DD') as day,
      coalesce(e.sign_ins, 0)::int as sign_ins, coalesce(e.failures, 0)::int as failures,
      coalesce(t.tokens, 0)::int as tokens, coalesce(e.new_accounts, 0)::int as new_accounts
    from generate_series(${since}::date, ${until}::date, interval '1 day') d (day)
    left join (
      select day,
        sum(count) filter (where type = 'login.succeeded') as sign_ins,
        sum(count) filter (where type in ('login.failed', 'login.throttled', 'factor.refused')) as failures,
        sum(count) filter (where type = 'user.created') as new_accounts
      from event_days where day >= ${since}::date group by day
    ) e on e.day = d.day
    left join (
      select day, sum(count) as tokens from client_days where day >= ${since}::date and starts_with(figure, 'tokens:') group by day
    ) t on t.day = d.day
    order by d.day`

/** Ten applications with the most grants that began. */
const listTop = async (
  tx: Query,
  since: string,
): Promise<{ client_id: string; client_name: string; sign_ins: number }[]> =>
  await tx`
    select t.client_id, coalesce(c.client_name, t.client_id) as client_name, t.sign_ins
    from (
      select client_id, sum(count)::int as sign_ins from event_days
      where day >= ${since}::date and type = 'token.issued' and client_id <> ''
      group by client_id order by 2 desc, 1 limit 10
    ) t
    left join clients c on c.client_id = t.client_id
    order by t.sign_ins desc, t.client_id`
