/**
 * Owns the setting up of codes by mail or text message: an address or number is proved by a first code, then chosen. A number is
 * proved as what it becomes, the number of the account. Start reading at `sendFirstCode`.
 */
import type { Ctx } from '../ctx.ts'
import { letterLanguageOf } from '../http/language.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import type { Subject } from '../protocol/claims.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { canonicalPhone } from '../users/phone.ts'
import { type Channel, type CodePlace, deadCode, sendCode, trySentCode } from './codes.ts'

/** Who sets a channel up, and where: `within` names the session, or the sign-in that is under way. */
export type SetUp = {
  user_id: string
  channel: Channel
  browser: string
  within: string
  now: Date
}

/** Where its first code may be typed. */
export const setUpPlace = ({ user_id, channel, browser, within, now }: SetUp): CodePlace => ({
  user_id,
  purpose: channel === 'sms' ? 'change_phone' : 'factor',
  browser,
  transaction: `enrol|${channel}|${within}`,
  now,
})

type Owner = Pick<Subject, 'email' | 'email_verified' | 'locale'>

/**
 * Sends the first code: to the proved address of the account, or to the number that was typed. Refusals: `invalid_phone` (422),
 * `no_address` (409), `too_many_codes` (429).
 */
export const sendFirstCode = async (
  ctx: Ctx,
  request: HttpRequest,
  { setUp, owner, typed, credential }: { setUp: SetUp; owner: Owner; typed: string; credential: string },
): Promise<Denial | undefined> => {
  const { channel } = setUp
  const address = channel === 'sms' ? canonicalPhone(typed) : addressOf(owner)
  if (address === undefined) return channel === 'sms' ? invalidPhone(typed) : noAddress
  const locale = letterLanguageOf(ctx, request, { user_locale: owner.locale })
  return await sendCode(ctx, { ...setUpPlace(setUp), channel, address, credential, locale })
}

const addressOf = ({ email, email_verified }: Owner): string | undefined =>
  email !== null && email_verified ? canonicalEmail(email) : undefined

/** Tries the first code: the address or number that it proves. Refusals: `wrong_code`, `expired_code` (401). */
export const proveAddress = async (ctx: Ctx, setUp: SetUp, code: string): Promise<string | Denial> => {
  const tried = await trySentCode(ctx, setUpPlace(setUp), code)
  if (tried.outcome === 'dead') return deadCode
  return tried.outcome === 'right' && tried.oneTime.address !== null ? tried.oneTime.address : wrong
}

const wrong: Denial = deny(
  'wrong_code',
  'That code is not right.',
  { rule: 'an address is proved by the code that was sent to it (MF-3)', expected: 'that code', got: 'another one' },
  { status: 401 },
)

const invalidPhone = (typed: string): Denial =>
  deny(
    'invalid_phone',
    'The number is not valid. It begins with + and the code of the country.',
    { rule: 'a number is one of ITU-T E.164', expected: 'such as +49 1512 3456789', got: shown(typed) },
    { status: 422 },
  )

const noAddress: Denial = deny(
  'no_address',
  'The account has no confirmed email address.',
  {
    rule: 'codes by mail go to a proved address',
    expected: 'a proved address',
    got: 'none',
    remedy: 'Confirm the address of the account first.',
  },
  { status: 409 },
)
