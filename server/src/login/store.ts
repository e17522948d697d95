/** Owns the table login_throttles. One row per bucket: an account as strangers see it, or as one known device does. */
import type { Query } from '../db/connect.ts'

export type ThrottleFacts = { bucket: Buffer; now: Date; free: number; hardCap: number }

const longestDelaySeconds = 900

/**
 * Reserves one attempt before it is made (security rule RL-1): counts it as a failure, and sets the delay that follows
 * from the count, in one statement. Returns nothing when the bucket is blocked; then the attempt must not be made. An open
 * bucket was blocked until long ago, not until now: parallel attempts arrive out of order.
 */
export const reserveAttempt = async (tx: Query, facts: ThrottleFacts): Promise<{ failures: number } | undefined> => {
  const { bucket, now, free } = facts
  const dayAgo = new Date(now.getTime() - 86_400_000)
  const rows = await tx<{ failures: number }[]>`
    insert into login_throttles as t (bucket, failures, consecutive, blocked_until, updated_at)
    values (${bucket}, 1, 1, case when 1 >= ${free}::int then ${now}::timestamptz + interval '1 second' else 'epoch' end, ${now})
    on conflict (bucket) do update set
      failures = case when t.updated_at < ${dayAgo} then 1 else t.failures + 1 end,
      consecutive = t.consecutive + 1,
      blocked_until = case when t.updated_at < ${dayAgo} or t.failures + 1 < ${free}::int then 'epoch'
        else ${now}::timestamptz + make_interval(secs => least(${longestDelaySeconds}::int, power(2, least(t.failures + 1 - ${free}::int, 20)))) end,
      updated_at = ${now}
      where t.blocked_until <= ${now} and t.consecutive < ${facts.hardCap}
    returning failures`
  return rows[0]
}

/** Takes a reservation back after a success: this attempt was no failure. What others failed before stays counted. */
export const refundAttempt = async (tx: Query, bucket: Buffer, now: Date): Promise<void> => {
  await tx`
    update login_throttles set failures = greatest(failures - 1, 0), consecutive = 0, blocked_until = 'epoch', updated_at = ${now}
    where bucket = ${bucket}`
}

/** Takes back a reservation that came to nothing: as if it had not been made. */
export const returnAttempt = async (tx: Query, bucket: Buffer): Promise<void> => {
  await tx`
    update login_throttles set failures = greatest(failures - 1, 0), consecutive = greatest(consecutive - 1, 0), blocked_until = 'epoch'
    where bucket = ${bucket}`
}

/** Forgets the failures of a known device after its success. */
export const clearBucket = async (tx: Query, bucket: Buffer): Promise<void> => {
  await tx`delete from login_throttles where bucket = ${bucket}`
}

/** Seconds until a blocked bucket opens again. */
export const blockedSeconds = async (tx: Query, bucket: Buffer, now: Date): Promise<number> => {
  const [row] = await tx<{ blocked_until: Date }[]>`select blocked_until from login_throttles where bucket = ${bucket}`
  return Math.max(1, Math.ceil(((row?.blocked_until.getTime() ?? 0) - now.getTime()) / 1000))
}

/** Forgets buckets that nobody has tried since an instant. At most `limit`; returns how many. */
export const removeBuckets = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from login_throttles where ctid = any (array(select ctid from login_throttles where updated_at < ${before} limit ${limit}))`
  return count
}
