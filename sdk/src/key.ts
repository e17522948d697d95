/**
 * Owns one verification key: what it may be used for and how it checks a signature. The algorithm is the key's own; what a
 * token says of itself only has to agree (RFC 8725 §3.1).
 */
import { compactVerify, importJWK, type JWK } from 'jose'
import { nodeCrypto } from './node-crypto.ts'
import type { Jws } from './jws.ts'

export const algorithms = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const
export type Algorithm = (typeof algorithms)[number]

export type Key = {
  kid: string
  alg: Algorithm
  /** What it was made of: a key that has not changed is not made again. */
  text: string
  check: (jws: Jws) => boolean | Promise<boolean>
}

/** Makes a key of a JWK; undefined for what no token of ours is signed with (RFC 7517 §5: such are left out). */
export const keyOf = async (jwk: unknown): Promise<Key | undefined> => {
  if (!isJwk(jwk)) return undefined
  const { kid, use = 'sig' } = jwk
  const alg = algorithms.find((name) => name === jwk.alg)
  if (typeof kid !== 'string' || kid === '' || use !== 'sig' || alg === undefined || !fits(jwk, alg)) return undefined
  const check = checkByNode(jwk, alg) ?? (await checkByJose(jwk, alg))
  return { kid, alg, text: JSON.stringify(jwk), check }
}

const isJwk = (value: unknown): value is JWK => typeof value === 'object' && value !== null && !Array.isArray(value)

/** RFC 8725 §3.2, security rule KY-2: RSA from 2048 bits on, P-256, Ed25519; a secret is no public key. */
const fits = (jwk: JWK, alg: Algorithm): boolean => {
  if (jwk.d !== undefined || jwk.k !== undefined) return false
  if (alg === 'ES256') return jwk.kty === 'EC' && jwk.crv === 'P-256'
  if (alg === 'EdDSA') return jwk.kty === 'OKP' && jwk.crv === 'Ed25519'
  return jwk.kty === 'RSA' && typeof jwk.n === 'string' && jwk.n.length >= 342
}

const checkByNode = (jwk: JWK, alg: Algorithm): Key['check'] | undefined => {
  const crypto = nodeCrypto()
  if (crypto === undefined) return undefined
  const key = crypto.createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const input = {
    RS256: key,
    PS256: { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    ES256: { key, dsaEncoding: 'ieee-p1363' as const },
    EdDSA: key,
  }[alg]
  const digest = alg === 'EdDSA' ? null : 'sha256'
  return (jws) => crypto.verify(digest, Buffer.from(jws.input, 'latin1'), input, jws.signature)
}

const checkByJose = async (jwk: JWK, alg: Algorithm): Promise<Key['check']> => {
  const key = await importJWK(jwk, alg)
  return async (jws) =>
    await compactVerify(jws.token, key, { algorithms: [alg] }).then(
      () => true,
      () => false,
    )
}
