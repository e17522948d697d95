/**
 * jose as an oracle: ID tokens and access tokens of every algorithm verify by the published keys and by nothing else
 * (RFC 7515, 7517, 7519, 9068; security rules TK-11, TK-12, KY-2).
 */
import { createHash } from 'node:crypto'
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  importJWK,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Oauth, openOauth, type Person, type Tokens } from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let jwks: JSONWebKeySet

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person()
  jwks = (await oauth.server.client().get('/.well-known/jwks.json')).json<JSONWebKeySet>()
})

const algs = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const

/** OpenID Connect Core §3.1.3.6: the left half of the hash that belongs to the algorithm; Ed25519 hashes with SHA-512. */
const halfHash = (alg: string, token: string): string => {
  const digest = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(token)
    .digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

describe.each(algs)('%s', (alg) => {
  let tokens: Tokens
  let client_id: string

  beforeAll(async () => {
    const client = await oauth.client({ signing_alg: alg })
    client_id = client.client_id
    tokens = await oauth.grant(ada, client, { nonce: 'n' })
  })

  it('the ID token verifies by the published keys, with issuer, audience, nonce and at_hash', async () => {
    const remote = createRemoteJWKSet(new URL(`${oauth.server.issuer}/.well-known/jwks.json`))
    const { payload, protectedHeader } = await jwtVerify(tokens.id_token ?? '', remote, {
      issuer: oauth.server.issuer,
      audience: client_id,
      algorithms: [alg],
      typ: 'JWT',
      requiredClaims: ['sub', 'iat', 'exp', 'auth_time', 'acr', 'amr', 'sid'],
      maxTokenAge: '1 minute',
    })
    expect(payload).toMatchObject({ sub: ada.user.user_id, nonce: 'n', azp: client_id })
    expect(payload['at_hash']).toBe(halfHash(alg, tokens.access_token))
    expect(Object.keys(protectedHeader).toSorted()).toEqual(['alg', 'kid', 'typ'])
  })

  it('the access token verifies by the published keys, as at+jwt (RFC 9068 §2)', async () => {
    const { payload } = await jwtVerify(tokens.access_token, createLocalJWKSet(jwks), {
      issuer: oauth.server.issuer,
      algorithms: [alg],
      typ: 'at+jwt',
      requiredClaims: ['sub', 'aud', 'client_id', 'iat', 'exp', 'jti'],
    })
    expect(payload).toMatchObject({ sub: ada.user.user_id, client_id })
    expect(Number(payload.exp) - Number(payload.iat)).toBe(300)
  })

  it('a token verifies by its own key only, and not after a bit was changed', async () => {
    const { kid } = decodeProtectedHeader(tokens.access_token)
    const others = { keys: jwks.keys.filter((key) => key.kid !== kid) }
    await expect(jwtVerify(tokens.access_token, createLocalJWKSet(others))).rejects.toMatchObject({
      code: 'ERR_JWKS_NO_MATCHING_KEY',
    })
    const [head = '', body = '', signature = ''] = tokens.access_token.split('.')
    const payload = Buffer.from(body, 'base64url').toString().replace('"scope":"', '"scope":"admin ')
    const forged = [head, Buffer.from(payload).toString('base64url'), signature].join('.')
    await expect(jwtVerify(forged, createLocalJWKSet(jwks))).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    })
  })

  it('its key is published as RFC 7517 wants it: kid is the thumbprint (RFC 7638), nothing private', async () => {
    const { kid } = decodeProtectedHeader(tokens.id_token ?? '')
    const key = jwks.keys.find((one) => one.kid === kid)
    expect(key).toMatchObject({ alg, use: 'sig' })
    expect(await calculateJwkThumbprint(key ?? {})).toBe(kid)
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) expect(key).not.toHaveProperty(secret)
    expect(await importJWK(key ?? {}, alg)).toMatchObject({ type: 'public' })
  })
})
