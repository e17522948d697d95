/**
 * Owns the removal of rows that nobody can use any more, in small batches that never hold a lock for long. Nothing
 * depends on it: expiry is checked at use (security rule G-4).
 */
import type { Ctx } from '../ctx.ts'
import { trimDecisions } from '../events/decisions.ts'

const batch = 1000
/** How long one pass may take, in milliseconds; the next one goes on. */
const budgetMs = 20_000
const day = 86_400_000

/** One pass over every table with an end, until nothing is left or the time is up. One node at a time; the others skip it. */
export const clean = async (ctx: Ctx): Promise<void> => {
  const now = ctx.now()
  const dayAgo = new Date(now.getTime() - day)
  // Table, column of the end, and how long a row is still of use after it: for clear answers, and for replay detection.
  const ends = [
    ['authorization_codes', 'expires_at', dayAgo],
    ['interactions', 'expires_at', dayAgo],
    ['access_tokens', 'expires_at', now],
    ['revocations', 'expires_at', now],
    ['one_time_tokens', 'expires_at', dayAgo],
    ['ephemeral', 'expires_at', now],
    ['login_throttles', 'updated_at', new Date(now.getTime() - 2 * day)],
    ['refresh_families', 'expires_at', dayAgo],
    ['sessions', 'expires_at', new Date(now.getTime() - 90 * day)],
  ] as const
  const until = performance.now() + budgetMs
  for (const end of ends) while (performance.now() < until && (await removeBatch(ctx, end)) === batch);
  await trimDecisions(ctx.db, now)
}

/** One batch in a transaction of its own; none while another node cleans. Returns how many rows went. */
const removeBatch = async (ctx: Ctx, [table, column, before]: readonly [string, string, Date]): Promise<number> =>
  await ctx.db.begin(async (tx) => {
    const [row] = await tx<{ mine: boolean }[]>`select pg_try_advisory_xact_lock(27512) as mine`
    if (row?.mine !== true) return 0
    const { count } = await tx`
      delete from ${tx(table)} where ctid = any (array(select ctid from ${tx(table)} where ${tx(column)} < ${before} limit ${batch}))`
    return count
  })
