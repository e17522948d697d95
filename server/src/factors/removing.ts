/**
 * Owns the removal of a second step: what has to be proved for it, the proof, and the end of the factor. Pages and API end here;
 * that the sign-in is fresh they check themselves (security rules LI-4, MF-4). Start reading at `removeWithProof`.
 */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { letterLanguageOf } from '../http/language.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { holdAccount } from '../users/credentials.ts'
import { allowedKinds } from './allowed.ts'
import { checkKind } from './check.ts'
import { type Channel, type CodePlace, deadCode, sendCode, sentCode, trySentCode } from './codes.ts'
import { destinationOf } from './destination.ts'
import { type OwnFactor, removeFactor } from './keeping.ts'
import { listPasskeys } from './passkey-store.ts'
import type { FactorKind } from './policy.ts'
import { type RemovalProof, removalProof } from './removal.ts'
import { listTotp } from './store.ts'

/** Who removes which factor, and where. `holder` is the browser cookie, or the token of an application; `amr` what was proved. */
export type Removing = {
  request: HttpRequest
  user_id: string
  session_id: string
  holder: string
  amr: readonly string[]
  factor: OwnFactor
}

/** What has to be proved. */
export const proofNeeded = async (ctx: Ctx, removing: Removing): Promise<RemovalProof> => {
  const { user_id, factor } = removing
  const standing = await transact(ctx.db, async (tx) => await holdAccount(tx, user_id))
  if (standing === undefined) return { proof: 'none' }
  const stays = factor.kind === 'totp' && (await listTotp(ctx.db, user_id)).length > 1
  const kinds = allowedKinds(ctx, standing.factor_kinds).filter((kind) => kind !== factor.kind || stays)
  const can_mail = standing.email !== null && standing.email_verified
  return removalProof({ removed: factor.kind, kinds, amr: await freshAmr(ctx, removing), can_mail })
}

/**
 * What the session has proved, without a passkey that was not used just now: a step-up by another factor makes the session fresh,
 * and its passkey is as old as it was.
 */
const freshAmr = async (ctx: Ctx, { user_id, amr, request }: Removing): Promise<readonly string[]> => {
  const since = request.now.getTime() - ctx.config.freshness_seconds * 1000
  const passkeys = await listPasskeys(ctx.db, user_id)
  const isFresh = passkeys.some(({ last_used_at }) => last_used_at !== null && last_used_at.getTime() >= since)
  return isFresh ? amr : amr.filter((method) => method !== 'swk' && method !== 'hwk')
}

const placeOf = ({ request, user_id, session_id, holder, factor }: Removing): CodePlace => ({
  user_id,
  purpose: 'factor',
  browser: holder,
  transaction: transactionOf(factor, session_id),
  now: request.now,
})

const transactionOf = ({ kind, id }: OwnFactor, session_id: string): string => `remove|${kind}|${id}|${session_id}`

/** The code that is on its way for this removal, and by which channel. */
export const removalCode = async (ctx: Ctx, removing: Removing) => await sentCode(ctx.db, placeOf(removing))

/** Sends the code that a removal is confirmed with. Refusals: `invalid_request`, `too_many_codes` (429). */
export const sendRemovalCode = async (ctx: Ctx, removing: Removing, kind: string): Promise<Denial | undefined> => {
  const channel = channelOf(await proofNeeded(ctx, removing), kind)
  const to = channel && (await destinationOf(ctx.db, removing.user_id, channel))
  if (channel === undefined || to === undefined) return notAsked(kind)
  const locale = letterLanguageOf(ctx, removing.request, { user_locale: to.user_locale })
  return await sendCode(ctx, { ...placeOf(removing), channel, address: to.address, credential: '', locale })
}

const channelOf = (needed: RemovalProof, kind: string): Channel | undefined => {
  if (needed.proof === 'mail') return 'email'
  if (needed.proof !== 'factor') return undefined
  return (['email', 'sms'] as const).find((one) => one === kind && needed.kinds.includes(one))
}

export type TypedProof = { kind: FactorKind | undefined; code: string }

/**
 * Compares what was typed, and takes the factor away. Refusals: `wrong_code`, `expired_code` (401), `too_many_attempts` (429),
 * `factor_proof_required` (403) where nothing was typed or can be, `not_found`.
 */
export const removeWithProof = async (ctx: Ctx, removing: Removing, typed: TypedProof): Promise<Denial | undefined> => {
  const needed = await proofNeeded(ctx, removing)
  const denial = needed.proof === 'given' ? undefined : await check(ctx, removing, { needed, typed })
  if (denial) return denial
  const { kind, id } = removing.factor
  return await removeFactor(ctx, removing.request, { user_id: removing.user_id, kind, id })
}

const check = async (
  ctx: Ctx,
  removing: Removing,
  { needed, typed }: { needed: RemovalProof; typed: TypedProof },
): Promise<Denial | undefined> => {
  const { request, user_id, holder, factor, session_id } = removing
  const { kind, code } = typed
  if (needed.proof === 'mail') return code === '' ? proofRequired(needed) : await checkMail(ctx, removing, code)
  if (needed.proof !== 'factor' || kind === undefined || code === '' || !needed.kinds.includes(kind))
    return proofRequired(needed)
  if (ctx.ephemeral.hit(`removal|${user_id}`, windowSeconds, request.now).count > mostTries) return tooMany
  const transaction = transactionOf(factor, session_id)
  const amr = await checkKind(ctx, kind, { request, holder, user_id, transaction, code, except: factor.id })
  return isDenial(amr) ? amr : undefined
}

/** The code to the address of the account, chosen as a second step or not. */
const checkMail = async (ctx: Ctx, removing: Removing, code: string): Promise<Denial | undefined> => {
  const { outcome } = await trySentCode(ctx, placeOf(removing), code)
  if (outcome === 'right') return undefined
  return outcome === 'dead' ? deadCode : wrongCode
}

/** Security rule MF-2: few tries here too, beside the hundred in a row. */
const mostTries = 10
const windowSeconds = 600

const rule = 'a second step is removed with another one (MF-4)'

const wrongCode: Denial = deny(
  'wrong_code',
  'That code is not right, or it was used before.',
  { rule, expected: 'the code that was sent', got: 'another one' },
  { status: 401 },
)

const tooMany: Denial = deny(
  'too_many_attempts',
  'Too many attempts. Try again later.',
  { rule, expected: `at most ${mostTries} tries in ten minutes`, got: 'more' },
  { status: 429, retry_after_seconds: windowSeconds },
)

/** Tells the API which kinds would do. */
const proofRequired = (needed: RemovalProof): Denial =>
  deny(
    'factor_proof_required',
    'Confirm this with another second step.',
    { rule, expected: needed.proof === 'factor' ? needed.kinds.join(' ') : needed.proof, got: 'nothing that counts' },
    {
      status: 403,
      members: {
        proof: needed.proof,
        ...(needed.proof === 'factor' && { kinds: needed.kinds.join(' ') }),
        ...(needed.proof === 'mail' && { kinds: 'email' }),
      },
    },
  )

const notAsked = (kind: string): Denial =>
  deny('invalid_request', 'No code can be sent for this.', { rule, expected: 'a kind that is asked for', got: kind })
