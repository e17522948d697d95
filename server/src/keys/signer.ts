/**
 * Owns signing and the check of our own signatures: the only file that calls node:crypto for JOSE (performance.md says
 * why). Holds the key ring in memory; the algorithm is pinned to the key, and nothing a token says about keys is
 * believed but its `kid` (security rule KY-2).
 */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  hash,
  type KeyObject,
  sign as cryptoSign,
  verify as cryptoVerify,
} from 'node:crypto'
import { StartError } from '../config/start-error.ts'
import type { SigningKeysRow } from '../db/tables.gen.ts'
import type { Secrets } from '../io/secrets.ts'
import { ecdsaDerToRaw, ecdsaRawToDer } from './ecdsa.ts'

export type TokenType = 'at+jwt' | 'JWT'
export type Verified = { payload: Record<string, unknown>; kid: string; alg: string }

export type Signer = {
  /** Takes over the keys of the database. */
  load: (rows: readonly SigningKeysRow[]) => void
  /** A compact JWS (RFC 7515 §7.1) by the active key of `alg`. Throws when there is none: a configuration fault. */
  sign: (alg: string, typ: TokenType, claims: object) => string
  /** Checks a compact JWS that should be ours, of this `typ`. `retired` also accepts keys that no longer verify (for hints). Time is the caller's affair. */
  verify: (token: string, typ: TokenType, options?: { retired: boolean }) => Verified | undefined
  /** The published key set (RFC 7517 §5) as text, with its entity tag. */
  jwks: () => { body: string; etag: string }
  /** Algorithms that can sign now. */
  algs: () => string[]
}

type Ring = {
  active: Map<string, { kid: string; key: KeyObject; headers: Map<TokenType, string> }>
  known: Map<string, { alg: string; status: string; key: KeyObject }>
  jwks: { body: string; etag: string }
}

/** Where a private key is sealed: names the row, so that two rows cannot swap their secrets (KY-1). */
export const sealPlace = (deployment: string, kid: string): string =>
  `${deployment}|signing_keys|private_sealed|${kid}|v1`

/** Makes the signer, without keys until `load`. */
export const createSigner = (deployment: string, secrets: Secrets): Signer => {
  let ring: Ring = { active: new Map(), known: new Map(), jwks: publish([]) }
  let fingerprint = ''
  return {
    load: (rows) => {
      const seen = rows.map((row) => `${row.kid}:${row.status}`).join()
      if (seen === fingerprint) return
      ring = build(rows, deployment, secrets)
      fingerprint = seen
    },
    sign: (alg, typ, claims) => signWith(ring, alg, typ, claims),
    verify: (token, typ, options) => verifyWith(ring, token, typ, options?.retired ?? false),
    jwks: () => ring.jwks,
    algs: () => [...ring.active.keys()],
  }
}

const build = (rows: readonly SigningKeysRow[], deployment: string, secrets: Secrets): Ring => {
  const active: Ring['active'] = new Map()
  for (const row of rows) {
    if (row.status !== 'active' || row.private_sealed === null) continue
    const key = createPrivateKey(openSeal(secrets, row.private_sealed, sealPlace(deployment, row.kid)))
    active.set(row.alg, { kid: row.kid, key, headers: new Map() })
  }
  const trusted = rows.filter((row) => row.status !== 'compromised')
  const known: Ring['known'] = new Map(
    trusted.map((row) => [
      row.kid,
      { alg: row.alg, status: row.status, key: createPublicKey({ key: row.public_jwk as never, format: 'jwk' }) },
    ]),
  )
  return { active, known, jwks: publish(trusted.filter((row) => row.status !== 'retired')) }
}

const openSeal = (secrets: Secrets, sealed: string, place: string): string => {
  try {
    return secrets.open(sealed, place)
  } catch (cause) {
    throw new StartError(
      'The keys of this database are sealed under another root secret. Start with the KEYWRIGHT_ROOT_SECRET that they were made with; without it they are lost.',
      { cause },
    )
  }
}

const publicMembers = ['kty', 'n', 'e', 'crv', 'x', 'y']

/** Only members that are public by their registration leave this server (RFC 7518 §6). */
const publish = (rows: readonly SigningKeysRow[]): { body: string; etag: string } => {
  const keys = rows.map((row) => {
    const jwk = row.public_jwk as Record<string, unknown>
    const members = Object.fromEntries(publicMembers.flatMap((name) => (name in jwk ? [[name, jwk[name]]] : [])))
    return { ...members, kid: row.kid, use: 'sig', alg: row.alg }
  })
  const body = JSON.stringify({ keys })
  return { body, etag: `"${hash('sha256', body, 'base64url').slice(0, 22)}"` }
}

const signWith = (ring: Ring, alg: string, typ: TokenType, claims: object): string => {
  const active = ring.active.get(alg)
  if (active === undefined) throw new Error(`no active signing key for ${alg}`)
  let header = active.headers.get(typ)
  if (header === undefined) {
    header = Buffer.from(JSON.stringify({ alg, typ, kid: active.kid })).toString('base64url')
    active.headers.set(typ, header)
  }
  const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  return `${input}.${signature(alg, input, active.key).toString('base64url')}`
}

/** RFC 7518 §3.1 and RFC 8037 §3.1. On Node 24 converting DER by hand is twice as fast as asking for r‖s. */
const signature = (alg: string, input: string, key: KeyObject): Buffer => {
  const data = Buffer.from(input)
  if (alg === 'RS256') return cryptoSign('sha256', data, key)
  if (alg === 'ES256') return ecdsaDerToRaw(cryptoSign('sha256', data, key))
  if (alg === 'EdDSA') return cryptoSign(null, data, key)
  return cryptoSign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
}

const verifyWith = (ring: Ring, token: string, typ: TokenType, retired: boolean): Verified | undefined => {
  if (token.length > 16_384) return undefined
  const [header, payload, mac, ...rest] = token.split('.')
  if (!header || !payload || !mac || rest.length > 0) return undefined
  const head = parseObject(header)
  if (head === undefined || head['typ'] !== typ || 'crit' in head || typeof head['kid'] !== 'string') return undefined
  const known = ring.known.get(head['kid'])
  if (known === undefined || known.alg !== head['alg'] || (known.status === 'retired' && !retired)) return undefined
  const bytes = Buffer.from(mac, 'base64url')
  // One spelling only: what decodes to the same bytes from another text is another token.
  if (bytes.toString('base64url') !== mac || !verifySignature(known.alg, `${header}.${payload}`, known.key, bytes))
    return undefined
  const claims = parseObject(payload)
  return claims && { payload: claims, kid: head['kid'], alg: known.alg }
}

const verifySignature = (alg: string, input: string, key: KeyObject, bytes: Buffer): boolean => {
  const data = Buffer.from(input)
  if (alg === 'RS256') return cryptoVerify('sha256', data, key, bytes)
  if (alg === 'ES256') return bytes.length === 64 && cryptoVerify('sha256', data, key, ecdsaRawToDer(bytes))
  if (alg === 'EdDSA') return cryptoVerify(null, data, key, bytes)
  return cryptoVerify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, bytes)
}

const parseObject = (part: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
