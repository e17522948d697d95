/**
 * Owns the setting of a password by whoever has proved the address of the account, and of nothing else (security rules RC-1,
 * RC-3). Nobody is signed in by it. Pages and API end here. Start reading at `resetPassword`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { forgive } from '../login/throttle.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { mayAct } from '../protocol/subject.ts'
import { accountAt, lockMailAccount, type MailAccount, proveAddress } from '../users/mailbox.ts'
import { deadLink, makeLink, type OneTime, peekLink, spendLink } from '../users/one-time.ts'
import { checkNewPassword, passwordSentence } from '../users/new-password.ts'
import { replacePassword } from '../users/status.ts'
import { warn } from './warn.ts'

/** A link that may be used now, and whose it is. */
export type OpenReset = { oneTime: OneTime; account: MailAccount }

/** Looks at a link without using it (GET never does). Refuses with `dead_link`. */
export const openReset = async (ctx: Ctx, token: string, now: Date): Promise<OpenReset | Denial> => {
  const oneTime = await peekLink(ctx.db, 'reset_password', token, now)
  const account = oneTime?.address == null ? undefined : await accountAt(ctx.db, oneTime.address)
  return oneTime && account && isStillTheirs(oneTime, account) ? { oneTime, account } : deadLink
}

/** RC-1: bound to the account, its address and its password as they were when the letter was written. */
const isStillTheirs = (oneTime: OneTime, account: MailAccount): boolean =>
  oneTime.user_id === account.id &&
  oneTime.address === account.email_canonical &&
  oneTime.credential === account.credential &&
  mayAct({ user: account }, 'dead_link') === undefined

/** A link for the page on which the password is typed, for somebody who has just proved the address in another way. */
export const resetLink = async (
  tx: Tx,
  account: MailAccount,
  now: Date,
  data: OneTime['data'] = {},
): Promise<string> => {
  const { id: user_id, email_canonical: address, credential } = account
  return await makeLink(tx, {
    purpose: 'reset_password',
    user_id,
    address: address ?? undefined,
    credential,
    data,
    now,
  })
}

/** A right code leads to the same page as the link of its letter. Refuses with `dead_link` when the account changed meanwhile. */
export const resetLinkOf = async (ctx: Ctx, oneTime: OneTime, now: Date): Promise<string | Denial> =>
  await transact(ctx.db, async (tx) => {
    const account = oneTime.address === null ? undefined : await accountAt(tx, oneTime.address)
    return account && isStillTheirs(oneTime, account) ? await resetLink(tx, account, now, oneTime.data) : deadLink
  })

/** Sets the password and spends the link. Refusals: `dead_link`, `weak_password` (the link stays good). */
export const resetPassword = async (
  ctx: Ctx,
  request: HttpRequest,
  { token, password }: { token: string; password: string },
): Promise<{ user_id: string } | Denial> => {
  const { now } = request
  const opened = await openReset(ctx, token, now)
  if (isDenial(opened)) return opened
  const { id: user_id, email, username, name } = opened.account
  const weak = await checkNewPassword(ctx, password, [email, username, name])
  if (weak) return refuseWeak(passwordSentence(weak), weak.code)
  const password_hash = await ctx.hashing.hash(password)
  const done = await transact(ctx.db, async (tx) => {
    const account = await lockMailAccount(tx, user_id)
    const oneTime = await spendLink(tx, 'reset_password', token, now)
    if (oneTime === undefined || account === undefined || !isStillTheirs(oneTime, account)) return deadLink
    return await apply(ctx, tx, { account, password_hash, request })
  })
  if (isDenial(done)) return done
  ctx.subjects.forget(user_id)
  ctx.sessions.clear()
  ctx.outbox.nudge()
  await ctx.feed.announce()
  return done
}

type Apply = { account: MailAccount; password_hash: string; request: HttpRequest }

const apply = async (ctx: Ctx, tx: Tx, { account, password_hash, request }: Apply): Promise<{ user_id: string }> => {
  const { now } = request
  const user_id = account.id
  const by = callerOf(request)
  await proveAddress(ctx, tx, { account, now, by })
  await replacePassword(ctx, tx, { user_id, password_hash, now, because: 'password reset', proved: true, by })
  // Whoever proved the address is no stranger: what strangers tried before does not keep them out (security design 3.7).
  await forgive(ctx, tx, user_id)
  await warn(ctx, tx, { kind: 'password_changed', user_id, now, request })
  return { user_id }
}

const refuseWeak = (sentence: string, got: string): Denial =>
  deny('weak_password', sentence, { rule: 'a password of the policy (LI-2)', got }, { status: 422 })
