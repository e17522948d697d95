/**
 * Owns the proof of a second step, whatever its kind: counted before it is compared, at most five times wrong in one
 * sign-in (security rule MF-2), and then handed to `advance`. Pages and API end here. Start reading at `takeStep`.
 */
import type { Ctx } from '../ctx.ts'
import { checkKind } from '../factors/check.ts'
import { type CodePlace, sendCode } from '../factors/codes.ts'
import { destinationOf } from '../factors/destination.ts'
import { provePasskeyOf } from '../factors/passkeys.ts'
import type { FactorKind } from '../factors/policy.ts'
import { letterLanguageOf } from '../http/language.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { withFactor } from '../protocol/acr.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { advance, type Outcome } from './complete.ts'
import type { SignInRow } from './sign-in.ts'
import { countFailure } from './sign-in-store.ts'

/** `code` is what was typed; for a passkey it is what the browser answered, as JSON. */
export type Step = { kind: FactorKind; code: string; trust_device: boolean }

export type StepFacts = {
  request: HttpRequest
  browser: BrowserPrincipal
  row: SignInRow
  step: Step
  /** The kinds that are due. */
  kinds: readonly FactorKind[]
}

/** Takes a second step. Refusals: `wrong_code`, `expired_code`, `wrong_passkey` (401), `too_many_attempts` (429), `invalid_request` for a kind that is not due. */
export const takeStep = async (ctx: Ctx, facts: StepFacts): Promise<Outcome | Denial> => {
  const { request, browser, row, step } = facts
  if (!facts.kinds.includes(step.kind)) return notDue(step.kind)
  if (!(await countFailure(ctx.db, row.id, maxFailures))) return spent
  const proved = await check(ctx, facts)
  if (isDenial(proved)) return proved
  return await advance(ctx, request, browser, {
    id: row.id,
    prove: async (_tx, held) =>
      await Promise.resolve({
        ...(proved.passkey_id !== undefined && { passkey_id: proved.passkey_id }),
        amr: withFactor(held.amr, proved.amr),
        factor_at: request.now,
        trust_device: held.trust_device || step.trust_device,
      }),
  })
}

const check = async (
  ctx: Ctx,
  { request, browser, row, step }: StepFacts,
): Promise<{ amr: string[]; passkey_id?: string } | Denial> => {
  const { user_id } = row
  const { kind, code } = step
  const holder = browser.browser
  if (kind === 'passkey') return await provePasskeyOf(ctx, request, { user_id, bound_to: holder, sent: code })
  const amr = await checkKind(ctx, kind, { request, holder, user_id, transaction: transactionOf(row), code })
  return isDenial(amr) ? amr : { amr }
}

type Here = { request: HttpRequest; browser: BrowserPrincipal; row: SignInRow }

/** Where the codes of a second step may be typed: in this sign-in alone (security rule MF-3). */
const transactionOf = (row: Pick<SignInRow, 'id'>): string => `sign_in|${row.id}`

/** The place of the codes of a sign-in's second step. */
export const placeOf = ({ request, browser, row }: Here): CodePlace => ({
  user_id: row.user_id,
  purpose: 'factor',
  browser: browser.browser,
  transaction: transactionOf(row),
  now: request.now,
})

/** Sends a code for the second step. Refusals: `invalid_request` for a kind that is not due, `too_many_codes` (429). */
export const sendStepCode = async (
  ctx: Ctx,
  { kind, kinds, ...here }: Here & { kind: FactorKind; kinds: readonly FactorKind[] },
): Promise<Denial | undefined> => {
  const { request, row } = here
  if ((kind !== 'email' && kind !== 'sms') || !kinds.includes(kind)) return notDue(kind)
  const to = await destinationOf(ctx.db, row.user_id, kind)
  if (to === undefined) return notDue(kind)
  const locale = letterLanguageOf(ctx, request, { user_locale: to.user_locale })
  const { credential } = row
  return await sendCode(ctx, { ...placeOf(here), channel: kind, address: to.address, credential, locale })
}

/** Security rule MF-2: five tries for each sign-in. */
const maxFailures = 5

const spent: Denial = deny(
  'too_many_attempts',
  'Too many wrong codes. Sign in again.',
  {
    rule: 'at most five wrong second steps in one sign-in (MF-2)',
    expected: `at most ${maxFailures}`,
    got: 'more',
    remedy: 'Begin the sign-in anew.',
  },
  { status: 429 },
)

const notDue = (kind: string): Denial =>
  deny('invalid_request', 'This is not a way to confirm this sign-in.', {
    rule: 'the kind of the second step is one that is due (MF-1)',
    expected: 'one of those that were offered',
    got: kind,
  })
