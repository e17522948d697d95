/**
 * Owns the claims of an ID token (OpenID Connect Core §2, §3.1.3.6).
 */
import { hash } from 'node:crypto'
import { seconds } from './access-token.ts'
import type { Holder } from './claims.ts'

export type IdTokenFacts = {
  issuer: string
  client_id: string
  subject: Holder
  scope: string
  now: Date
  ttlSeconds: number
  auth_time: Date
  acr: string
  amr: string[]
  sid: string
  nonce?: string
  access_token: string
  alg: string
  /** Who acts as the subject (RFC 8693 §4.1). */
  actor_id?: string
  /** Claims of the deployment's own, which never stand in for those of the protocol. */
  custom?: Record<string, unknown>
}

/** Builds the claims. Profile and email come from UserInfo (§5.4); roles are few and wanted at once, so they are here too. */
export const idTokenClaims = (facts: IdTokenFacts): Record<string, unknown> => {
  const iat = seconds(facts.now)
  return {
    ...facts.custom,
    iss: facts.issuer,
    sub: facts.subject.id,
    aud: facts.client_id,
    azp: facts.client_id,
    exp: iat + facts.ttlSeconds,
    iat,
    auth_time: seconds(facts.auth_time),
    // §2: passed through unmodified when it was sent, absent otherwise.
    ...(facts.nonce !== undefined && { nonce: facts.nonce }),
    acr: facts.acr,
    amr: facts.amr,
    sid: facts.sid,
    ...(facts.actor_id !== undefined && { act: { sub: facts.actor_id } }),
    at_hash: leftHalfHash(facts.access_token, facts.alg),
    ...(facts.scope.split(' ').includes('roles') && {
      roles: facts.subject.roles,
      permissions: facts.subject.permissions,
    }),
  }
}

/** §3.1.3.6: the left half of the hash that the signature algorithm uses; SHA-512 for Ed25519. */
export const leftHalfHash = (token: string, alg: string): string => {
  const digest = hash(alg === 'EdDSA' ? 'sha512' : 'sha256', token, 'buffer')
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
