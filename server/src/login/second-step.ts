/**
 * Owns the proof of a second step, whatever its kind: counted before it is compared, at most five times wrong in one
 * sign-in (security rule MF-2), and then handed to `advance`. Pages and API end here. Start reading at `takeStep`.
 */
import type { Ctx } from '../ctx.ts'
import { callerOf, record } from '../events/record.ts'
import type { FactorKind } from '../factors/policy.ts'
import { reserve, succeeded } from '../factors/throttle.ts'
import { verifyTotp } from '../factors/totp.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { withFactor } from '../protocol/acr.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { advance, type Outcome } from './complete.ts'
import type { SignInRow } from './sign-in.ts'
import { countFailure } from './sign-in-store.ts'

export type Step = { kind: FactorKind; code: string; trust_device: boolean }

/** What a check of one kind needs to know. */
export type StepFacts = { request: HttpRequest; browser: BrowserPrincipal; row: SignInRow; code: string }

/** Checks one kind: the methods it proved (RFC 8176), or undefined for a wrong one. */
type Check = (ctx: Ctx, facts: StepFacts) => Promise<string[] | undefined>

const checks: Partial<Record<FactorKind, Check>> = {
  totp: async (ctx, { request, row, code }) =>
    (await verifyTotp(ctx, ctx.db, { user_id: row.user_id, code, now: request.now })) ? ['otp'] : undefined,
}

/** Takes a second step. Refusals: `wrong_code` (401), `too_many_attempts` (429), `invalid_request` for a kind that is not due. */
export const takeStep = async (
  ctx: Ctx,
  facts: Omit<StepFacts, 'code'> & { step: Step; kinds: readonly FactorKind[] },
): Promise<Outcome | Denial> => {
  const { request, browser, row, step } = facts
  const { kind, code, trust_device } = step
  const check = facts.kinds.includes(kind) ? checks[kind] : undefined
  if (check === undefined) return notDue(kind)
  const { user_id } = row
  const now = request.now
  if (!(await countFailure(ctx.db, row.id, maxFailures))) return spent
  const blocked = await reserve(ctx, { user_id, kind, now })
  if (blocked) return blocked
  const amr = await check(ctx, { request, browser, row, code })
  if (amr === undefined) {
    const data = { kind }
    await record(ctx.db, { type: 'factor.refused', now, user_id, data, ...callerOf(request) })
    return wrong(kind)
  }
  await succeeded(ctx, { user_id, kind })
  return await advance(ctx, request, browser, {
    id: row.id,
    prove: async (_tx, held) =>
      await Promise.resolve({
        amr: withFactor(held.amr, amr),
        factor_at: now,
        trust_device: held.trust_device || trust_device,
      }),
  })
}

/** Security rule MF-2: five tries for each sign-in. */
const maxFailures = 5

const wrong = (kind: FactorKind): Denial =>
  deny(
    'wrong_code',
    'That code is not right, or it was used before.',
    { rule: 'the second step proves the person (MF-2)', expected: `a right and unused ${kind}`, got: 'another one' },
    { status: 401 },
  )

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
