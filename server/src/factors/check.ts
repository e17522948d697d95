/**
 * Owns the comparison of what somebody typed with one kind of second step, and the count of wrong ones beside it (security
 * rule MF-2). Who may take which step, and what follows, is the caller's affair. Start reading at `checkKind`.
 */
import type { Ctx } from '../ctx.ts'
import { callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { useCode } from './backup-codes.ts'
import { touchCodeFactor } from './code-store.ts'
import { type Channel, deadCode, trySentCode } from './codes.ts'
import { checkPassword } from './password.ts'
import type { FactorKind } from './policy.ts'
import { reserve, succeeded } from './throttle.ts'
import { verifyTotp } from './totp.ts'

/** What a check of one kind needs to know. `transaction` is where a code by mail or text message may be typed (codes.ts). */
export type CheckFacts = {
  request: HttpRequest
  /** Who may type it: the browser cookie's value, or what stands for it (codes.ts). */
  holder: string
  user_id: string
  transaction: string
  code: string
  /** A factor that does not count, because it is about to be removed (security rule MF-4). */
  except?: string | undefined
}

/** Checks one kind: the methods it proved (RFC 8176), undefined for a wrong one, or a refusal of its own. */
type Check = (ctx: Ctx, facts: CheckFacts) => Promise<string[] | Denial | undefined>

const byCode =
  (channel: Channel): Check =>
  async (ctx, { request, holder, user_id, transaction, code }) => {
    const { now } = request
    const place = { user_id, purpose: 'factor' as const, browser: holder, transaction, now }
    const tried = await trySentCode(ctx, place, code)
    if (tried.outcome === 'dead') return deadCode
    if (tried.outcome !== 'right' || tried.oneTime.data['channel'] !== channel) return undefined
    // Switched off meanwhile, or led to another number, it proves nothing any more.
    const chosen = await touchCodeFactor(ctx.db, { user_id, channel, address: tried.oneTime.address, now })
    return chosen ? [amrOf[channel]] : undefined
  }

/** RFC 8176 §2. */
const amrOf: Record<Channel, string> = { email: 'otp', sms: 'sms' }

const checks: Partial<Record<FactorKind, Check>> = {
  totp: async (ctx, { request, user_id, code, except }) =>
    (await verifyTotp(ctx, ctx.db, { user_id, code, except, now: request.now })) ? ['otp'] : undefined,
  email: byCode('email'),
  sms: byCode('sms'),
  backup_code: async (ctx, { request, user_id, code }) =>
    (await useCode(ctx, request, { user_id, code })) ? ['otp'] : undefined,
  password: async (ctx, { request, user_id, code }) => await checkPassword(ctx, request, { user_id, password: code }),
}

/**
 * Counts an attempt, makes it, and gives the count back after a success. Refusals: `wrong_code` (401), `expired_code` (401),
 * `too_many_attempts` (429), `invalid_request` for a kind that is not checked here.
 */
export const checkKind = async (ctx: Ctx, kind: FactorKind, facts: CheckFacts): Promise<string[] | Denial> => {
  const check = checks[kind]
  if (check === undefined) return notHere(kind)
  const { user_id, request } = facts
  const blocked = await reserve(ctx, { user_id, kind, now: request.now })
  if (blocked) return blocked
  const amr = await check(ctx, facts)
  if (amr === undefined || isDenial(amr)) {
    await record(ctx.db, { type: 'factor.refused', now: request.now, user_id, data: { kind }, ...callerOf(request) })
    return amr ?? wrong(kind)
  }
  await succeeded(ctx, { user_id, kind })
  return amr
}

const wrong = (kind: FactorKind): Denial =>
  deny(
    'wrong_code',
    'That code is not right, or it was used before.',
    { rule: 'the second step proves the person (MF-2)', expected: `a right and unused ${kind}`, got: 'another one' },
    { status: 401 },
  )

const notHere = (kind: string): Denial =>
  deny('invalid_request', 'This is not a way to confirm this.', {
    rule: 'the kind of the second step is one that is due (MF-1)',
    expected: 'one of those that were offered',
    got: kind,
  })
