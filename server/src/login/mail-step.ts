/**
 * Owns the code by mail that is no second step: before a first one may be set up (security rule MF-1), and when an address has to
 * be proved before a sign-in is complete. Start reading at `proveMail`.
 */
import type { Ctx } from '../ctx.ts'
import { type CodePlace, deadCode, sendCode, sentCode, trySentCode } from '../factors/codes.ts'
import { reserve, succeeded } from '../factors/throttle.ts'
import { letterLanguageOf } from '../http/language.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { maskedEmail } from '../users/phone.ts'
import { ownAddressProved } from '../users/proved.ts'
import { advance, type Outcome } from './complete.ts'
import { errorOf } from './factor-page.ts'
import { replyOf } from './reply.ts'
import { type Due, overPage, signInExtras, signInFrame } from './sign-in-page.ts'

/** What the code is for, and on which page it is typed. */
export type MailStep = { about: 'prove_mail' | 'verify_email'; path: '/factor/mail' | '/factor/action' }

const placeOf = ({ browser, row }: Due, about: MailStep['about'], now: Date): CodePlace => ({
  user_id: row.user_id,
  purpose: about === 'verify_email' ? 'verify_email' : 'factor',
  browser: browser.browser,
  transaction: `${about}|${row.id}`,
  now,
})

/** Sends the code to the address of the account. Refusals: `no_address` (409), `too_many_codes` (429). */
export const sendMailStep = async (
  ctx: Ctx,
  request: HttpRequest,
  due: Due,
  about: MailStep['about'],
): Promise<Denial | undefined> => {
  const { row, standing, interaction } = due
  if (standing.email_canonical === null) return noAddress
  const place = placeOf(due, about, request.now)
  const reader = { ui_locales: interaction?.request.ui_locales, user_locale: standing.locale }
  const locale = letterLanguageOf(ctx, request, reader)
  const { credential } = row
  return await sendCode(ctx, { ...place, channel: 'email', address: standing.email_canonical, credential, locale })
}

/**
 * Tries the code. Right, it proves that the address is the person's, and takes the sign-in on. Refusals: `wrong_code`,
 * `expired_code` (401), `too_many_attempts` (429).
 */
export const proveMail = async (
  ctx: Ctx,
  request: HttpRequest,
  due: Due,
  { about, code }: { about: MailStep['about']; code: string },
): Promise<Outcome | Denial> => {
  const { browser, row, standing } = due
  const { now } = request
  // A hundred wrong ones in a row, over all sign-ins, as of every code that goes there (MF-2).
  const counted = { user_id: row.user_id, kind: 'email', now } as const
  const blocked = await reserve(ctx, counted)
  if (blocked) return blocked
  const tried = await trySentCode(ctx, placeOf(due, about, now), code)
  if (tried.outcome === 'dead') return deadCode
  const email_canonical = tried.outcome === 'right' ? tried.oneTime.address : null
  if (email_canonical === null || email_canonical !== standing.email_canonical) return wrong
  await succeeded(ctx, counted)
  const outcome = await advance(ctx, request, browser, {
    id: row.id,
    prove: async (tx) => {
      const isTheirs = about === 'prove_mail' || (await ownAddressProved(tx, row.user_id, { email_canonical, now }))
      return isTheirs ? { mailed_at: now } : undefined
    },
  })
  ctx.subjects.forget(row.user_id)
  return outcome
}

/** The page of such a step: GET shows, the button sends, the code is tried. */
export const mailStepPage =
  ({ about, path }: MailStep) =>
  async (ctx: Ctx, request: HttpRequest, due: Due): Promise<Reply> => {
    if (request.method !== 'POST') return await draw(ctx, request, due, { about, path })
    if (request.form.has('send')) {
      const denial = await sendMailStep(ctx, request, due, about)
      return denial
        ? await draw(ctx, request, due, { about, path, denial })
        : redirectLocal(`${path}?sign_in=${due.row.id}`)
    }
    const code = (param(request.form, 'code') ?? '').slice(0, 100)
    const outcome = await proveMail(ctx, request, due, { about, code })
    if ('denied' in outcome) return await draw(ctx, request, due, { about, path, denial: outcome })
    return replyOf(ctx, outcome) ?? overPage(ctx, request, path)
  }

const draw = async (
  ctx: Ctx,
  request: HttpRequest,
  due: Due,
  { about, path, denial }: MailStep & { denial?: Denial },
): Promise<Reply> => {
  const sent = await sentCode(ctx.db, placeOf(due, about, request.now))
  const { email } = due.standing
  const data: PageData['factor'] = {
    ...(await signInFrame(ctx, due, path)),
    sent: sent !== undefined,
    ...(email !== null && { destination: maskedEmail(email) }),
    kind: 'email',
    about,
    others: [],
    trust_days: 0,
    ...(denial && { error: errorOf(denial) }),
  }
  return page('factor', data, denial ? (denial.status ?? 401) : 200, signInExtras(due))
}

const wrong: Denial = deny(
  'wrong_code',
  'That code is not right.',
  {
    rule: 'an address is proved by the code that was sent to it (MF-1, MF-3)',
    expected: 'that code',
    got: 'another one',
  },
  { status: 401 },
)

const noAddress: Denial = deny(
  'no_address',
  'The account has no email address.',
  { rule: 'a code goes to the address of the account (MF-1)', expected: 'an address', got: 'none' },
  { status: 409 },
)
