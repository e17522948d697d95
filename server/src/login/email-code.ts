/**
 * Owns the sign-in by mail: whoever can read the mail of an account signs in, with the code where they asked for it or with
 * the link wherever they read it. One factor; the policy may want another. Pages and API end here.
 */
import { resume } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { callerOf } from '../events/record.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { defineAccountLetter } from '../users/account-letter.ts'
import { lockMailAccount, type MailAccount, proveAddress } from '../users/mailbox.ts'
import { type OneTime, peekLink, spendLink, textIn } from '../users/one-time.ts'
import { completeLogin, type Outcome } from './complete.ts'
import { ownPath } from './page.ts'

/** A code and a link, for an account that may act; nothing for anybody else. */
export const signInLetter = defineAccountLetter({
  kind: 'sign_in',
  purpose: 'sign_in',
  path: '/login/link',
  say: ({ code, href }) => ({
    subject: { key: 'letter.sign_in.subject' },
    paragraphs: [{ key: 'letter.sign_in.lead' }],
    code,
    link: { href, label: { key: 'letter.sign_in.link' } },
    footnotes: [{ key: 'letter.sign_in.life' }, { key: 'letter.not_asked' }],
  }),
})

/** Refuses where the operator has switched it off: then there is nothing at its addresses. */
export const emailSignInOff = (ctx: Ctx): Denial | undefined =>
  ctx.config.email_sign_in
    ? undefined
    : deny('not_found', 'There is nothing at this address.', {
        rule: 'sign-in by mail is on (KEYWRIGHT_EMAIL_SIGN_IN)',
        expected: 'on',
        got: 'off',
      })

/** The link, without using it. */
export const peekSignIn = async (ctx: Ctx, token: string, now: Date): Promise<OneTime | undefined> =>
  await peekLink(ctx.db, 'sign_in', token, now)

/** Uses the link, once; what it proves is signed in with `signInByMail`. */
export const spendSignIn = async (ctx: Ctx, token: string, now: Date): Promise<OneTime | undefined> =>
  await spendLink(ctx.db, 'sign_in', token, now)

/** Signs in with a code or link that was right and is used up. `overtaken` when the account has changed since the letter. */
export const signInByMail = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  oneTime: OneTime,
): Promise<Outcome> => {
  const account = await provenAccount(ctx, request, oneTime)
  if (account === undefined) return { kind: 'overtaken' }
  const { id: user_id, credential, email_canonical } = account
  const interaction = await resume(ctx, request, browser, textIn(oneTime.data, 'interaction'))
  const return_to = ownPath(textIn(oneTime.data, 'return_to'))
  const proven = { user_id, method: 'email_code', amr: ['otp'], credential, address: email_canonical ?? '' }
  return await completeLogin(ctx, request, browser, { proven, interaction, return_to })
}

/** RC-1: whose letter it was, as the account was then. An address that is proved by this is its person's alone (SO-2). */
const provenAccount = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, address, credential }: OneTime,
): Promise<MailAccount | undefined> => {
  const { account, isNews } = await transact(ctx.db, async (tx) => {
    const held = user_id === null ? undefined : await lockMailAccount(tx, user_id)
    if (held === undefined || held.email_canonical !== address || held.credential !== credential)
      return { account: undefined, isNews: false }
    if (held.email_verified || held.status !== 'active') return { account: held, isNews: false }
    await proveAddress(ctx, tx, { account: held, now: request.now, by: callerOf(request) })
    ctx.subjects.forget(held.id)
    return { account: await lockMailAccount(tx, held.id), isNews: true }
  })
  if (!isNews) return account
  // Whoever had the account until now is signed out, on every node.
  ctx.sessions.clear()
  await ctx.feed.announce()
  return account
}
