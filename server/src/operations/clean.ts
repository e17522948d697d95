/**
 * Owns the removal of rows that nobody can use any more, in small batches that never hold a lock for long. Nothing
 * depends on it: expiry is checked at use (security rule G-4).
 */
import type { Ctx } from '../ctx.ts'
import { trimDecisions } from '../events/decisions.ts'

const batch = 1000
const day = 86_400_000

/** One pass over every table with an end. One node at a time; the others skip it. */
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
  await ctx.db.begin(async (tx) => {
    const [row] = await tx<{ mine: boolean }[]>`select pg_try_advisory_xact_lock(27512) as mine`
    if (row?.mine !== true) return
    for (const [table, column, before] of ends) {
      await tx`delete from ${tx(table)} where ctid = any (array(select ctid from ${tx(table)} where ${tx(column)} < ${before} limit ${batch}))`
    }
  })
  await trimDecisions(ctx.db, now)
}
