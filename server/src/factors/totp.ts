/**
 * Owns one-time passwords of an authenticator app (RFC 6238): their secrets, sealed at rest, and the check of a code. A code
 * is good for its own step of time and the ones beside it, and each step is accepted once (security rule MF-2).
 */
import { Secret, TOTP } from 'otpauth'
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import type { TotpFactorsRow } from '../db/tables.gen.ts'
import { listTotp, useStep } from './store.ts'

/** One step to either side: clocks of phones differ by seconds (RFC 6238 §5.2). */
const window = 1

/** Where a secret lies, for its sealing (security rule KY-1). */
export const sealPlace = (ctx: Ctx, id: string): string => `${ctx.deploymentId}|totp_factors|secret_sealed|${id}|v1`

/** Compares a code with every authenticator of a person and uses up its step. False for a wrong or repeated one. */
export const verifyTotp = async (
  ctx: Ctx,
  query: Query,
  { user_id, code, now }: { user_id: string; code: string; now: Date },
): Promise<boolean> => {
  const token = code.normalize('NFKC').replaceAll(/[\s-]/g, '')
  if (!/^\d{6,8}$/.test(token)) return false
  for (const factor of await listTotp(query, user_id)) {
    const step = stepOf(ctx, factor, token, now)
    if (step !== undefined && (await useStep(query, factor.id, step, now))) return true
  }
  return false
}

/** The step of time that a code belongs to, within the window; undefined for a code of none. */
export const stepOf = (ctx: Ctx, factor: TotpFactorsRow, token: string, now: Date): number | undefined => {
  const { algorithm, digits, period_seconds: period } = factor
  const secret = Secret.fromBase32(ctx.secrets.open(factor.secret_sealed, sealPlace(ctx, factor.id)))
  const timestamp = now.getTime()
  const delta = new TOTP({ secret, algorithm, digits, period }).validate({ token, timestamp, window })
  return delta === null ? undefined : Math.floor(timestamp / 1000 / period) + delta
}
