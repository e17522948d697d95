/**
 * Owns when rows that nobody can use any more are removed: in turn, in small batches that never hold a lock for long. What
 * is removed, and how long it stays after its end, is each slice's own. Nothing depends on it: expiry is checked at use
 * (security rule G-4).
 */
import { removeEnded as removeOfAccess } from '../access/ended.ts'
import { removeExpired as removeOfAccount } from '../account/export.ts'
import { removeExpired as removeOfKeys } from '../api-keys/expired.ts'
import { removeExpired as removeOfAuthorize } from '../authorize/expired.ts'
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import { trimDecisions } from '../events/decisions.ts'
import { removeExpired as removeOfFactors } from '../factors/expired.ts'
import { removeExpired as removeOfCalls } from '../http/idempotency.ts'
import { removeCounters } from '../io/ephemeral.ts'
import { removeExpired as removeOfDevices } from '../devices/forget.ts'
import { removeExpired as removeOfLogin } from '../login/expired.ts'
import { removeExpired as removeOfOutbox } from '../outbox/expired.ts'
import { removeExpired as removeOfSessions } from '../sessions/expired.ts'
import { removeExpired as removeOfSignup } from '../signup/expired.ts'
import { removeExpired as removeOfToken } from '../token/expired.ts'
import { removeOneTime } from '../users/one-time.ts'
import { removeExpired as removeOfWebhooks } from '../webhooks/expired.ts'

/** Removes one batch of at most `limit` rows and returns how many went. */
type Removal = (tx: Query, now: Date, limit: number) => Promise<number>

const batch = 1000
/** How long one pass may take, in milliseconds; the next one goes on. */
const budgetMs = 20_000
const dayMs = 86_400_000

const removals: readonly Removal[] = [
  ...removeOfAccess,
  ...removeOfAccount,
  ...removeOfKeys,
  ...removeOfAuthorize,
  ...removeOfToken,
  ...removeOfSessions,
  ...removeOfLogin,
  ...removeOfFactors,
  ...removeOfOutbox,
  ...removeOfDevices,
  ...removeOfSignup,
  ...removeOfWebhooks,
  // A day, for whoever looks why a link does not work any more.
  async (tx, now, limit) => await removeOneTime(tx, new Date(now.getTime() - dayMs), limit),
  removeOfCalls,
  removeCounters,
]

/** One pass over everything with an end, until nothing is left or the time is up. One node at a time; the others skip it. */
export const clean = async (ctx: Ctx): Promise<void> => {
  const now = ctx.now()
  const until = performance.now() + budgetMs
  for (const remove of removals) while (performance.now() < until && (await removeBatch(ctx, remove, now)) === batch);
  await trimDecisions(ctx.db, now)
}

/** One batch in a transaction of its own; none while another node cleans. Returns how many rows went. */
const removeBatch = async (ctx: Ctx, remove: Removal, now: Date): Promise<number> =>
  await ctx.db.begin(async (tx) => {
    const [row] = await tx<{ mine: boolean }[]>`select pg_try_advisory_xact_lock(27512) as mine`
    return row?.mine === true ? await remove(tx, now, batch) : 0
  })
