/**
 * Owns the slowing down of password guessing without locking the owner out (security design 3.7). A browser that signed
 * in before, with the password that the account has now, is a known device (devices/remember.ts) and has a bucket of its own;
 * all strangers share one bucket per account. Every pathway that proves a password counts here, under the account that the store knows
 * it by (security rule LI-5).
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import type { Account } from '../users/credentials.ts'
import { blockedSeconds, clearBucket, refundAttempt, reserveAttempt, returnAttempt } from './store.ts'

/** An attempt that may be made. Tell how it ended: `succeeded` gives the reservation back. */
export type Attempt = { bucket: Buffer; knownDevice: boolean }

/** Reserves an attempt on an account, existing or not. Refuses with 429 while its bucket is blocked. */
export const reserve = async (ctx: Ctx, request: HttpRequest, account: Account): Promise<Attempt | Denial> => {
  const device = account.device_id
  const bucket = bucketOf(ctx, account.name, device ?? 'strangers')
  // A device that its owner has used is slowed down like any other, but never shut out for good.
  const hardCap = device === undefined ? ctx.config.throttle_hard_cap : 2_000_000_000
  const reserved = await reserveAttempt(ctx.db, { bucket, now: request.now, free: ctx.config.throttle_free, hardCap })
  if (reserved) return { bucket, knownDevice: device !== undefined }
  const retry_after_seconds = await blockedSeconds(ctx.db, bucket, request.now)
  return deny(
    'too_many_attempts',
    'Too many attempts to sign in. Try again later.',
    {
      rule: 'sign-in attempts per account are slowed down (security design 3.7)',
      expected: `at most ${ctx.config.throttle_free} wrong passwords without a delay`,
      got:
        device === undefined
          ? 'too many wrong passwords from unknown devices'
          : 'too many wrong passwords from this device',
      remedy: 'Wait, or sign in from a browser that signed in before.',
    },
    { status: 429, retry_after_seconds },
  )
}

/** Gives the reservation back: this was no failure. The browser becomes a known device when its session begins. */
export const succeeded = async (ctx: Ctx, attempt: Attempt, now: Date): Promise<void> => {
  if (attempt.knownDevice) await clearBucket(ctx.db, attempt.bucket)
  else await refundAttempt(ctx.db, attempt.bucket, now)
}

/** Takes a reservation back that came to nothing: no password was compared. */
export const giveBack = async (ctx: Ctx, attempt: Attempt): Promise<void> => await returnAttempt(ctx.db, attempt.bucket)

/** Forgets what strangers have tried at an account whose owner has proved themselves in another way. */
export const forgive = async (ctx: Ctx, tx: Tx, user_id: string): Promise<void> =>
  await forgetAttempts(ctx, tx, [`user|${user_id}`])

/** Forgets what strangers have failed at an account, and at a name that has none any more. */
export const forgetAttempts = async (ctx: Ctx, tx: Tx, names: readonly string[]): Promise<void> => {
  for (const name of names) await clearBucket(tx, bucketOf(ctx, name, 'strangers'))
}

const bucketOf = (ctx: Ctx, name: string, browser: string): Buffer =>
  ctx.secrets.mac('throttle', ctx.secrets.mac('throttle', name), browser)
