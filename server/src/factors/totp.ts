/**
 * Owns one-time passwords of an authenticator app (RFC 6238): their secrets, sealed at rest, and the check of a code. A code
 * is good for its own step of time and the ones beside it, and each step is accepted once (security rule MF-2). How one is
 * set up is set-up-totp.ts's affair.
 */
import { Secret, TOTP } from 'otpauth'
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import type { TotpFactorsRow } from '../db/tables.gen.ts'
import { uuidv7 } from '../io/ids.ts'
import { insertTotp, listTotp, useStep } from './store.ts'

/** One step to either side: clocks of phones differ by seconds (RFC 6238 §5.2). */
const window = 1

/** Where a secret lies, for its sealing (security rule KY-1). */
export const sealPlace = (ctx: Ctx, id: string): string => `${ctx.deploymentId}|totp_factors|secret_sealed|${id}|v1`

/**
 * Compares a code with every authenticator of a person, `except` apart, and uses up its step. False for a wrong or repeated
 * one.
 */
export const verifyTotp = async (
  ctx: Ctx,
  query: Query,
  { user_id, code, except, now }: { user_id: string; code: string; except?: string | undefined; now: Date },
): Promise<boolean> => {
  const token = digitsOf(code)
  if (token === undefined) return false
  for (const factor of await listTotp(query, user_id)) {
    if (factor.id === except) continue
    const step = stepOf(ctx, factor, token, now)
    if (step !== undefined && (await useStep(query, factor.id, step, now))) return true
  }
  return false
}

/** What was typed, when it can be a code: 6 to 8 digits. */
export const digitsOf = (code: string): string | undefined =>
  /^\d{6,8}$/.exec(code.normalize('NFKC').replaceAll(/[\s-]/g, ''))?.[0]

/** The step of time that a code belongs to, within the window; undefined for a code of none. */
export const stepOf = (ctx: Ctx, factor: TotpFactorsRow, token: string, now: Date): number | undefined => {
  const { algorithm, digits, period_seconds: period } = factor
  const secret = Secret.fromBase32(secretOf(ctx, factor))
  const timestamp = now.getTime()
  const delta = new TOTP({ secret, algorithm, digits, period }).validate({ token, timestamp, window })
  return delta === null ? undefined : Math.floor(timestamp / 1000 / period) + delta
}

/** The secret itself, as base 32: for the check, and for the one page that shows it. */
export const secretOf = (ctx: Ctx, { id, secret_sealed }: Pick<TotpFactorsRow, 'id' | 'secret_sealed'>): string =>
  ctx.secrets.open(secret_sealed, sealPlace(ctx, id))

/** Takes over the secret of another system's authenticator: the app of its owner goes on showing good codes. */
export const adoptTotp = async (
  ctx: Ctx,
  tx: Query,
  { user_id, secret, now }: { user_id: string; secret: string; now: Date },
): Promise<void> => {
  const id = uuidv7(now)
  const secret_sealed = ctx.secrets.seal(secret, sealPlace(ctx, id))
  await insertTotp(tx, { id, user_id, name: 'Authenticator', secret_sealed, confirmed_at: now, created_at: now })
}
