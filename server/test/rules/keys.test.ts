/** The rules of signing keys and sealed secrets, each by its number (security.md 1.7, 3.10), against a running server. */
import { createHmac, generateKeyPairSync, sign as cryptoSign } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadKeys } from '../../src/keys/rotate.ts'
import { uuidv7 } from '../../src/io/ids.ts'
import { freshDatabase } from '../support/database.ts'
import type { TestClient } from '../support/fixtures.ts'
import { claimsOf, headerOf, type Oauth, openOauth, type Person, type Tokens } from '../support/oauth.ts'
import { spawnServer, startServer } from '../support/server.ts'

let oauth: Oauth
let ada: Person
let web: TestClient
let tokens: Tokens
const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person()
  web = await oauth.client()
  tokens = await oauth.grant(ada, web)
  await loadKeys(oauth.ctx)
})

const isTaken = async (token: string): Promise<boolean> => {
  const userinfo = await oauth.userinfo(token)
  const active = (await oauth.introspect(web, token))['active']
  expect(userinfo.status).toBe(active === true ? 200 : 401)
  return active === true
}

it('KY-1: a private key lies sealed, never in clear, and in no answer', async () => {
  const rows = await oauth.db`select private_sealed, k::text as whole from signing_keys k`
  expect(rows.length).toBe(4)
  for (const row of rows) {
    expect(row['private_sealed']).toMatch(/^v1\.root\.[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(row['whole']).not.toMatch(/PRIVATE KEY|"d"/)
  }
  const { keys } = (await oauth.server.client().get('/.well-known/jwks.json')).json<{
    keys: Record<string, unknown>[]
  }>()
  for (const key of keys)
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) expect(key).not.toHaveProperty(name)
})

it('KY-1: two keys whose sealed halves were swapped do not open: the start is refused in one sentence', async () => {
  const database = await freshDatabase()
  const server = await startServer({ database })
  await server.stop()
  await database.sql`
    update signing_keys a set private_sealed = b.private_sealed from signing_keys b
    where (a.alg, b.alg) in (('RS256', 'PS256'), ('PS256', 'RS256'))`
  const refused = await spawnServer({ database })
  expect(await refused.exit).toEqual({ code: 1, signal: null })
  expect(refused.stderr().trim().split('\n')).toHaveLength(1)
  expect(refused.output()).not.toMatch(/PRIVATE KEY|at .*\.ts:\d/)
})

describe('KY-2: an access token is believed for its signature alone', () => {
  const payload = (change: object = {}): object => ({ ...claimsOf(tokens.access_token), ...change })
  const kid = (): string => String(headerOf(tokens.access_token)['kid'])
  const evil = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signed = (header: object, claims: object = payload()): string => {
    const input = `${b64(header)}.${b64(claims)}`
    return `${input}.${cryptoSign('sha256', Buffer.from(input), evil.privateKey).toString('base64url')}`
  }

  it('the token that is copied here is taken', async () => {
    expect(await isTaken(tokens.access_token)).toBe(true)
    expect(await isTaken(oauth.ctx.signer.sign('ES256', 'at+jwt', payload()))).toBe(true)
  })

  it.each<[string, () => string | Promise<string>]>([
    ['alg none', () => `${b64({ alg: 'none', typ: 'at+jwt' })}.${b64(payload())}.`],
    ['alg none with our kid', () => `${b64({ alg: 'none', typ: 'at+jwt', kid: kid() })}.${b64(payload())}.AA`],
    ['a key of somebody else under our kid', () => signed({ alg: 'RS256', typ: 'at+jwt', kid: kid() })],
    [
      'a key of somebody else, brought along as jwk',
      async () => {
        const jwk = evil.publicKey.export({ format: 'jwk' })
        return signed({ alg: 'RS256', typ: 'at+jwt', kid: await calculateJwkThumbprint(jwk), jwk })
      },
    ],
    ['a jku', () => signed({ alg: 'RS256', typ: 'at+jwt', kid: kid(), jku: 'https://evil.example/jwks.json' })],
    ['an x5u', () => signed({ alg: 'RS256', typ: 'at+jwt', kid: kid(), x5u: 'https://evil.example/cert' })],
    [
      'HS256 with the public key as secret',
      async () => {
        const keys = (await oauth.server.client().get('/.well-known/jwks.json')).body
        const input = `${b64({ alg: 'HS256', typ: 'at+jwt', kid: kid() })}.${b64(payload())}`
        return `${input}.${createHmac('sha256', keys).update(input).digest('base64url')}`
      },
    ],
    ['typ JWT, signed by us', () => oauth.ctx.signer.sign('RS256', 'JWT', payload())],
    ['our own ID token', () => tokens.id_token ?? ''],
    [
      'another issuer, signed by us',
      () => oauth.ctx.signer.sign('RS256', 'at+jwt', payload({ iss: 'https://other.example' })),
    ],
    [
      'an issuer with a slash more, signed by us',
      () => oauth.ctx.signer.sign('RS256', 'at+jwt', payload({ iss: `${oauth.server.issuer}/` })),
    ],
    [
      'expired, signed by us',
      () => oauth.ctx.signer.sign('RS256', 'at+jwt', payload({ exp: Math.floor(Date.now() / 1000) - 1 })),
    ],
    [
      'not valid for a day yet, signed by us',
      () => oauth.ctx.signer.sign('RS256', 'at+jwt', payload({ nbf: Math.floor(Date.now() / 1000) + 86_400 })),
    ],
    [
      'of nobody, signed by us',
      () => oauth.ctx.signer.sign('RS256', 'at+jwt', payload({ sub: 'nobody', jti: uuidv7(new Date()) })),
    ],
    [
      'of no client, signed by us',
      () => oauth.ctx.signer.sign('RS256', 'at+jwt', payload({ client_id: 'app_nobody' })),
    ],
    [
      'another payload under the same signature',
      () => tokens.access_token.replace(/\.[^.]+\./, `.${b64(payload({ sub: 'u1' }))}.`),
    ],
    ['padding at its end', () => `${tokens.access_token}=`],
    ['a fourth part', () => `${tokens.access_token}.x`],
    ['no signature', () => tokens.access_token.replace(/[^.]+$/, '')],
  ])('%s is refused', async (_name, make) => {
    expect(await isTaken(await make())).toBe(false)
  })
})
