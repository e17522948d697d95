/**
 * Owns the claims of an access token (RFC 9068 §2.2). `grant_id` ties every token of one sign-in to one grant, so that
 * revoking the grant reaches them all; `jti` is a UUIDv7, whose first 48 bits are the instant of issue in milliseconds.
 */
import type { Holder } from './claims.ts'

/** Longest life an access token can be given, in seconds: what is revoked is remembered that long. */
export const longestAccessSeconds = 3600

export type AccessTokenFacts = {
  issuer: string
  client_id: string
  audience: string[]
  scope: string
  jti: string
  now: Date
  ttlSeconds: number
  /** Absent for client credentials: then the client is the subject (RFC 9068 §2.2). */
  subject?: Holder
  /** What a client holds that acts for itself. */
  service?: Pick<Holder, 'roles' | 'permissions'>
  /** Claims of the deployment's own, which never stand in for those of the protocol. */
  custom?: Record<string, unknown>
  sid?: string
  grant_id?: string
  auth_time?: Date
  acr?: string
  /** Who acts as the subject (RFC 8693 §4.1). */
  actor_id?: string
}

/** The payload as it is signed, and as introspection shows it. */
export type AccessTokenClaims = {
  iss: string
  sub: string
  aud: string | string[]
  exp: number
  iat: number
  nbf: number
  jti: string
  client_id: string
  scope?: string
  sid?: string
  grant_id?: string
  auth_time?: number
  acr?: string
  act?: { sub: string }
  roles?: string[]
  permissions?: string[]
}

/** Builds the claims. Times are integer seconds (RFC 7519 §2 NumericDate). */
export const accessTokenClaims = (facts: AccessTokenFacts): AccessTokenClaims => {
  const iat = seconds(facts.now)
  const holder = facts.scope.split(' ').includes('roles') ? (facts.subject ?? facts.service) : undefined
  return {
    ...facts.custom,
    iss: facts.issuer,
    sub: facts.subject?.id ?? facts.client_id,
    aud: one(facts.audience),
    exp: iat + facts.ttlSeconds,
    iat,
    nbf: iat,
    jti: facts.jti,
    client_id: facts.client_id,
    ...(facts.scope !== '' && { scope: facts.scope }),
    ...(facts.sid !== undefined && { sid: facts.sid }),
    ...(facts.grant_id !== undefined && { grant_id: facts.grant_id }),
    ...(facts.auth_time !== undefined && { auth_time: seconds(facts.auth_time) }),
    ...(facts.acr !== undefined && { acr: facts.acr }),
    ...(facts.actor_id !== undefined && { act: { sub: facts.actor_id } }),
    ...(holder && { roles: holder.roles, permissions: holder.permissions }),
  }
}

/** Integer seconds since the epoch. */
export const seconds = (instant: Date): number => Math.floor(instant.getTime() / 1000)

const one = (audience: string[]): string | string[] => (audience.length === 1 ? (audience[0] ?? audience) : audience)

/** The instant of issue in milliseconds, read from the UUIDv7 of `jti`; undefined for a foreign form. */
export const issuedAtMs = (jti: string): number | undefined => {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/.test(jti)) return undefined
  return Number.parseInt(jti.slice(0, 8) + jti.slice(9, 13), 16)
}
