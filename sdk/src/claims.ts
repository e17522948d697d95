/** Owns the claims of an access token (RFC 9068 §2.2, §4): their shapes, whom the token is for, and when it is good. Pure. */
import { invalidToken, type KeywrightError } from './errors.ts'

export type AccessTokenClaims = {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly exp: number
  readonly iat: number
  readonly nbf?: number
  readonly jti: string
  readonly client_id: string
  readonly scope?: string
  readonly sid?: string
  readonly grant_id?: string
  readonly auth_time?: number
  readonly acr?: string
  readonly act?: { readonly sub: string }
  readonly roles?: readonly string[]
  readonly permissions?: readonly string[]
  readonly [claim: string]: unknown
}

export type ClaimRules = { issuer: string; audience: readonly string[]; toleranceSeconds: number }

/** Checks what was signed. `now` in milliseconds. Returns the claims, or the refusal. */
export const checkClaims = (
  payload: Record<string, unknown>,
  rules: ClaimRules,
  now: number,
): AccessTokenClaims | KeywrightError => {
  if (!hasShape(payload)) return invalidToken('The access token lacks a claim.', 'claims')
  // RFC 9068 §4: exactly the issuer, and this API among those it is for.
  if (payload.iss !== rules.issuer) return invalidToken('The access token is from another issuer.', 'issuer')
  const audience: readonly string[] = typeof payload.aud === 'string' ? [payload.aud] : payload.aud
  if (!rules.audience.some((name) => audience.includes(name)))
    return invalidToken('The access token is not meant for this API.', 'audience')
  return checkTime(payload, rules.toleranceSeconds, now) ?? payload
}

/** RFC 7519 §4.1.4, §4.1.5. */
export const checkTime = (
  { exp, nbf }: { exp?: unknown; nbf?: unknown },
  toleranceSeconds: number,
  now: number,
): KeywrightError | undefined => {
  const second = now / 1000
  if (typeof exp === 'number' && exp + toleranceSeconds <= second)
    return invalidToken('The access token has expired.', 'expired')
  if (typeof nbf === 'number' && nbf - toleranceSeconds > second)
    return invalidToken('The access token is not valid yet.', 'not_yet_valid')
  return undefined
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isTextOrAbsent = (value: unknown): boolean => value === undefined || typeof value === 'string'
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isTimeOrAbsent = (value: unknown): boolean => value === undefined || isTime(value)
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const areTextsOrAbsent = (value: unknown): boolean => value === undefined || areTexts(value)

const hasShape = (payload: Record<string, unknown>): payload is AccessTokenClaims =>
  ['iss', 'sub', 'jti', 'client_id'].every((name) => isText(payload[name])) &&
  (isText(payload['aud']) || areTexts(payload['aud'])) &&
  ['exp', 'iat'].every((name) => isTime(payload[name])) &&
  ['nbf', 'auth_time'].every((name) => isTimeOrAbsent(payload[name])) &&
  ['scope', 'sid', 'grant_id', 'acr'].every((name) => isTextOrAbsent(payload[name])) &&
  ['roles', 'permissions'].every((name) => areTextsOrAbsent(payload[name]))
