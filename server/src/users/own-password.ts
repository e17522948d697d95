/**
 * Owns the change of a password by its owner, and the first one of an account that has none: a fresh proof or the password
 * so far, the policy, and then everything ends but the session in which it was done (security rules LI-2, LI-4, RC-3). Start
 * reading at `changeOwnPassword`.
 */
import { isFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf } from '../events/record.ts'
import { checkPassword } from '../factors/password.ts'
import type { SetCookie } from '../http/cookies.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { warn } from '../recovery/warn.ts'
import { rebindDevice, renewSecret, type Renewing } from '../sessions/renew.ts'
import { changeAccount, credentialOf } from './credentials.ts'
import { checkNewPassword, passwordSentence } from './new-password.ts'
import { replacePassword } from './status.ts'
import { findPasswordChange } from './store.ts'

/** What somebody wants, and how they are known: `browser` where that is a session of theirs, which then goes on. */
export type OwnChange = {
  subject: Subject
  /** What was proved last, and when. */
  proof: Parameters<typeof isFresh>[1]
  browser?: Renewing | undefined
  /** The password so far. Not needed after a fresh proof; when it is there, it has to be right. */
  current: string | undefined
  password: string
}

/** When the password of an account was set; undefined where there is none. */
export const passwordSetAt = async (ctx: Ctx, user_id: string): Promise<Date | undefined> =>
  (await findPasswordChange(ctx.db, user_id)) ?? undefined

/**
 * Sets it. The answer has to carry the cookies. Refusals: `current_password_needed` (403), `wrong_password` (403),
 * `too_many_attempts` (429), `weak_password` (422), `overtaken` (409).
 */
export const changeOwnPassword = async (
  ctx: Ctx,
  request: HttpRequest,
  change: OwnChange,
): Promise<{ cookies: SetCookie[] } | Denial> => {
  const { subject, password } = change
  const user_id = subject.id
  const credential = credentialOf((await findPasswordChange(ctx.db, user_id)) ?? null)
  const unproved = await proveCurrent(ctx, request, change)
  if (unproved) return unproved
  const weak = await checkNewPassword(ctx, password, [subject.email, subject.username, subject.name])
  if (weak) return tooWeak(passwordSentence(weak), weak.code)
  const password_hash = await ctx.hashing.hash(password)
  const done = await transact(ctx.db, async (tx) => {
    const standing = await changeAccount(tx, user_id)
    // Somebody else has changed it since the proof: what was proved is worth nothing any more.
    if (standing === undefined || credentialOf(standing.password_changed_at) !== credential) return overtaken
    return await apply(ctx, tx, { request, change, password_hash })
  })
  if (isDenial(done)) return done
  ctx.subjects.forget(user_id)
  ctx.sessions.clear()
  ctx.outbox.nudge()
  await ctx.feed.announce()
  return done
}

/** LI-4: a fresh proof, or the password itself. Its tries count where all passwords count (LI-5). */
const proveCurrent = async (
  ctx: Ctx,
  request: HttpRequest,
  { subject, proof, current }: OwnChange,
): Promise<Denial | undefined> => {
  if (current === undefined) return isFresh(ctx, proof, request.now) ? undefined : currentNeeded
  const proved = await checkPassword(ctx, request, { user_id: subject.id, password: current })
  if (isDenial(proved)) return proved
  return proved === undefined ? wrongPassword : undefined
}

type Apply = { request: HttpRequest; change: OwnChange; password_hash: string }

const apply = async (
  ctx: Ctx,
  tx: Tx,
  { request, change, password_hash }: Apply,
): Promise<{ cookies: SetCookie[] } | Denial> => {
  const { now } = request
  const { browser } = change
  const user_id = change.subject.id
  // Before anything is written: a session that has ended meanwhile changes nothing.
  const renewed = browser && (await renewSecret(ctx, tx, { browser, now }))
  if (browser && renewed === undefined) return overtaken
  const keep = browser?.session.id
  const by = callerOf(request)
  await replacePassword(ctx, tx, { user_id, password_hash, now, because: 'password changed', keep, by })
  const device = browser && (await rebindDevice(ctx, tx, { browser, request }))
  await warn(ctx, tx, { kind: 'password_changed', user_id, now, request })
  return { cookies: [renewed, device].filter((cookie) => cookie !== undefined) }
}

const tooWeak = (sentence: string, got: string): Denial =>
  deny('weak_password', sentence, { rule: 'a password of the policy (LI-2)', got }, { status: 422 })

const currentNeeded: Denial = deny(
  'current_password_needed',
  'Enter your current password too.',
  {
    rule: 'a password is changed after a fresh proof, or with the password so far (LI-4)',
    expected: 'current_password',
    got: 'neither',
    remedy: 'Send current_password, or sign in again first.',
  },
  { status: 403 },
)

const wrongPassword: Denial = deny(
  'wrong_password',
  'The current password is wrong.',
  { rule: 'the password so far proves the person (LI-4)', expected: 'the password of the account', got: 'another one' },
  { status: 403 },
)

const overtaken: Denial = deny(
  'overtaken',
  'The account was changed meanwhile. Sign in again.',
  {
    rule: 'what was proved holds when it is used',
    expected: 'the account as it was',
    got: 'another password or status',
  },
  { status: 409 },
)
