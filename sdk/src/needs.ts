/** Owns what a route may demand of whoever calls it, and the refusal when that is not there. Pure. */
import type { AccessTokenClaims } from './claims.ts'
import { KeywrightError } from './errors.ts'

/** Somebody whose proof was accepted. */
export type Auth = {
  /** What was shown. */
  type: 'token' | 'api_key'
  /** The person, service account or, for a token without a person, the client. */
  sub: string
  client_id: string | undefined
  scopes: readonly string[]
  roles: readonly string[]
  permissions: readonly string[]
  /** Everything the token or the introspection says. */
  claims: Readonly<Record<string, unknown>> & Partial<AccessTokenClaims>
}

export type Needs = {
  /** All of them. */
  scopes?: readonly string[]
  /** One of them. */
  roles?: readonly string[]
  /** All of them. */
  permissions?: readonly string[]
  /** How many seconds ago the person may have signed in at most (RFC 9470). */
  maxAge?: number
  /** The level that the sign-in must have reached (RFC 9470); `aal1`, `aal2`, `phr` are in order, other values exact. */
  acr?: string
}

/** Checks an accepted proof against the demands. `now` in milliseconds. What nobody demanded is not in a prototype either. */
export const checkNeeds = (auth: Auth, needs: Needs, now: number): KeywrightError | undefined => {
  const own = Object.assign(Object.create(null) as Needs, needs)
  return stepUp(auth, own, now) ?? narrow(auth, own) ?? lacking(auth, own)
}

/** RFC 9470 §3: which level and which age, as far as they were asked for. */
const stepUp = ({ claims }: Auth, { maxAge, acr }: Needs, now: number): KeywrightError | undefined => {
  const { auth_time } = claims
  const isOld = maxAge !== undefined && !(typeof auth_time === 'number' && auth_time + maxAge >= Math.floor(now / 1000))
  const isWeak = acr !== undefined && !reaches(claims.acr, acr)
  if (!isOld && !isWeak) return undefined
  const challenge = {
    ...(acr !== undefined && { acr_values: acr }),
    ...(maxAge !== undefined && { max_age: String(maxAge) }),
  }
  const message = isWeak ? 'A stronger sign-in is needed.' : 'A fresh sign-in is needed.'
  return new KeywrightError('insufficient_user_authentication', message, { challenge })
}

const levels = ['aal1', 'aal2', 'phr']

const reaches = (have: unknown, want: string): boolean => {
  const known = levels.indexOf(want)
  return known === -1 ? have === want : levels.indexOf(String(have)) >= known
}

/** RFC 6750 §3.1: the scope that is needed may be named. */
const narrow = ({ scopes }: Auth, { scopes: wanted = [] }: Needs): KeywrightError | undefined =>
  wanted.every((name) => scopes.includes(name))
    ? undefined
    : new KeywrightError('insufficient_scope', 'The access token lacks a scope.', {
        challenge: { scope: wanted.join(' ') },
      })

const lacking = (auth: Auth, { roles = [], permissions = [] }: Needs): KeywrightError | undefined => {
  const isHeld =
    (roles.length === 0 || roles.some((name) => auth.roles.includes(name))) &&
    permissions.every((name) => auth.permissions.includes(name))
  return isHeld ? undefined : new KeywrightError('permission_denied', 'The roles of the caller do not allow this.')
}
