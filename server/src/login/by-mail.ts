/**
 * Owns letters with a code and a link that anybody can ask for by naming an account: for a new password, for a sign-in. Known
 * and unknown names take the same steps, get the same answer and have the same number of tries (security rules LI-1, LI-5).
 * Start reading at `askForLetter`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import type { EventType } from '../events/catalog.ts'
import { callerOf, record } from '../events/record.ts'
import { languageOf } from '../http/language.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { queueLetter } from '../outbox/queue.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { accountOf } from '../users/credentials.ts'
import { canonicalLogin } from '../users/identifier.ts'
import { letterAddress } from '../users/mailbox.ts'
import { findOfBrowser, findOwnOneTime, type OneTime, openOneTime, tryCode, voidOfBrowser } from '../users/one-time.ts'
import { reserve, succeeded } from './throttle.ts'

/** What can be asked for; the letter has the name of the purpose. */
export type MailPurpose = 'verify_email' | 'reset_password' | 'sign_in'

/** `data` goes along with the code and the link. `address` is canonical. `also` writes in the same transaction. */
export type Wish = {
  purpose: MailPurpose
  address: string
  data?: OneTime['data']
  also?: (tx: Tx) => Promise<void>
}

/**
 * What was opened, and whether a letter may come: an address gets so many in an hour, and no more. Then it is what this
 * browser had opened before, so that the code of the newest letter is still typed where it works.
 */
export type Asked = { id: string; limited: boolean }

/** Asks for a letter to whoever signs in with a name, if there is such an account. */
export const askForLetter = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { login, ...wish }: { purpose: MailPurpose; login: string; data?: OneTime['data'] },
): Promise<Asked> => {
  const canonical = canonicalLogin(login)
  const address = await letterAddress(ctx, canonical)
  // Shown again on the page of the code; whose address a user name leads to is not.
  const data = { ...wish.data, ...(address === canonical && { typed: address }) }
  return await askAt(ctx, request, browser, { ...wish, address, data })
}

/** Asks for a letter to an address. What this browser had asked for before is void; when nothing more can be sent, it stays good. */
export const askAt = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { purpose, address, data = {}, also }: Wish,
): Promise<Asked> => {
  const { now } = request
  const bound_to = hashToken(browser.browser)
  const asked = await transact(ctx.db, async (tx) => {
    await also?.(tx)
    const before = await findOfBrowser(tx, { purpose, address, bound_to, now })
    const id = await openOneTime(tx, { purpose, address, data, bound_to, now })
    const locale = languageOf(ctx, request)
    const queued = await queueLetter(ctx, tx, { kind: purpose, to: address, locale, facts: { one_time: id }, now })
    if (queued === 'queued') await voidOfBrowser(tx, { purpose, address, bound_to, except: id })
    await record(tx, { type: events[purpose], now, data: { queued: queued === 'queued' }, ...callerOf(request) })
    return queued === 'queued' ? { id, limited: false } : { id: before ?? id, limited: true }
  })
  ctx.outbox.nudge()
  return asked
}

/** Asks once more for what this browser asked for before. Refuses with `expired_code` when it asked for nothing. */
export const askAgain = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { id, purpose }: { id: string; purpose: MailPurpose },
): Promise<Asked | Denial> => {
  const place = { id, purpose, bound_to: hashToken(browser.browser), now: request.now }
  const opened = await findOwnOneTime(ctx.db, place)
  if (opened?.address == null) return deadCode
  return await askAt(ctx, request, browser, { purpose, address: opened.address, data: opened.data })
}

const events: Record<MailPurpose, EventType> = {
  verify_email: 'registration.asked',
  reset_password: 'recovery.asked',
  sign_in: 'login.code_asked',
}

/** A code as somebody typed it on the page that this browser was shown. */
export type TypedCode = { id: string; purpose: MailPurpose; code: string }

/**
 * Tries a code. It counts where passwords count, so that a code gives no more guesses at an account than a password does
 * (LI-5). Refusals: `wrong_code` (401), `expired_code` (401), `too_many_attempts` (429).
 */
export const tryMailedCode = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { id, purpose, code }: TypedCode,
): Promise<OneTime | Denial> => {
  const { now } = request
  const place = { id, purpose, bound_to: hashToken(browser.browser), now }
  const opened = await findOwnOneTime(ctx.db, place)
  if (opened === undefined) return deadCode
  const account = await accountOf(ctx, opened.address ?? '?', browser.device)
  const attempt = await reserve(ctx, request, account)
  if (isDenial(attempt)) {
    await record(ctx.db, { type: 'login.throttled', now, ...callerOf(request) })
    return attempt
  }
  const tried = await tryCode(ctx, ctx.db, { ...place, code })
  if (tried.outcome === 'right') {
    await succeeded(ctx, attempt, now)
    return tried.oneTime
  }
  const data = { purpose, outcome: tried.outcome }
  await record(ctx.db, { type: 'recovery.refused', now, data, ...callerOf(request) })
  return tried.outcome === 'wrong' ? wrongCode : deadCode
}

/** The same for every address, known or not. */
export const tooManyLetters: Denial = deny(
  'too_many_letters',
  'Too many letters were asked for. Use the newest one, or try again later.',
  {
    rule: 'five letters an hour for each address (security.md 1.9)',
    expected: 'fewer',
    got: 'another one',
    remedy: 'Wait for an hour.',
  },
  { status: 429, retry_after_seconds: 3600 },
)

const wrongCode: Denial = deny(
  'wrong_code',
  'That code is not right.',
  { rule: 'the code proves the address (MF-3)', expected: 'the code of the newest letter', got: 'another one' },
  { status: 401 },
)

/** Of a code that was tried too often, has expired, was replaced, or belongs to another browser. */
export const deadCode: Denial = deny(
  'expired_code',
  'This code does not work any more. Ask for a new one.',
  {
    rule: 'a code lives ten minutes, bears five tries, and is typed in the browser that asked for it (MF-3)',
    expected: 'a code that is alive',
    got: 'none that is',
    remedy: 'Have a new code sent.',
  },
  { status: 401 },
)
