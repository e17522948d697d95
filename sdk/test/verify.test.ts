/**
 * What is a good token and what is not (RFC 9068 §4, RFC 8725, security rules KY-2, G-1, G-5): every refusal with its code,
 * and what the issuer is asked meanwhile.
 */
import { createHmac } from 'node:crypto'
import { exportSPKI, importJWK } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Verifier, VerifierOptions } from '../src/index.ts'
import { refusalOf, verifierAt } from './support/refusal.ts'
import {
  audience,
  claimsFor,
  forge,
  makeKey,
  sign,
  type SigningKey,
  type StandIn,
  startIssuer,
} from './support/stand-in.ts'

let key: SigningKey
let others: SigningKey[]
let issuer: StandIn

beforeAll(async () => {
  key = await makeKey()
  others = await Promise.all(['ES256', 'PS256', 'EdDSA'].map(async (alg) => await makeKey(alg)))
  issuer = await startIssuer([key, ...others])
})

const verifierOf = (options: Partial<VerifierOptions> = {}, place = issuer): Verifier => verifierAt(place, options)

describe('a good token', () => {
  it('is who it says', async () => {
    const claims = claimsFor(issuer.issuer)
    const auth = await verifierOf().verify(await sign(key, claims))
    expect(auth).toEqual({
      type: 'token',
      sub: 'ada',
      client_id: 'app',
      scopes: ['read', 'write'],
      roles: ['editor'],
      permissions: ['orders:read'],
      claims,
    })
  })

  it('of each algorithm, with node:crypto and without', async () => {
    const verifier = verifierOf()
    const host = process as { getBuiltinModule?: unknown }
    const known = host.getBuiltinModule
    host.getBuiltinModule = undefined
    const without = verifierOf()
    try {
      await without.verify(await sign(key, claimsFor(issuer.issuer)))
    } finally {
      host.getBuiltinModule = known
    }
    for (const one of [key, ...others]) {
      const token = await sign(one, claimsFor(issuer.issuer))
      expect((await verifier.verify(token)).sub, one.alg).toBe('ada')
      expect((await without.verify(token)).sub, one.alg).toBe('ada')
      const broken = `${token.slice(0, -8)}${token.slice(-8) === 'AAAAAAAA' ? 'BBBBBBBB' : 'AAAAAAAA'}`
      for (const each of [verifier, without])
        expect((await refusalOf(each.verify(broken))).reason, one.alg).toBe('signature')
    }
  })

  it('for several audiences, and typ with its full name', async () => {
    const token = await sign(key, claimsFor(issuer.issuer, { aud: ['https://other.example', audience] }), {
      typ: 'application/at+jwt',
    })
    expect((await verifierOf().verify(token)).sub).toBe('ada')
    const { reason } = await refusalOf(verifierOf({ audience: ['https://third.example'] }).verify(token))
    expect(reason).toBe('audience')
  })

  it('nobody changes it for the next: claims are frozen', async () => {
    const verifier = verifierOf()
    const token = await sign(key, claimsFor(issuer.issuer))
    const { claims } = await verifier.verify(token)
    expect(() => (claims.roles as string[]).push('admin')).toThrow(TypeError)
    expect((await verifier.verify(token)).roles).toEqual(['editor'])
  })

  it('what is absent stays absent, whatever stands in a prototype', async () => {
    const polluted = Object.prototype as { roles?: string[]; crit?: string[]; scope?: string }
    polluted.roles = ['admin']
    polluted.scope = 'admin'
    try {
      const token = await sign(key, claimsFor(issuer.issuer, { roles: undefined, scope: undefined }))
      const auth = await verifierOf().verify(token)
      expect([auth.roles, auth.scopes, auth.claims.roles]).toEqual([[], [], undefined])
    } finally {
      delete polluted.roles
      delete polluted.scope
    }
    const own = await sign(key, JSON.parse(`{"__proto__":{"roles":["admin"]}}`) as Record<string, unknown>)
    expect((await refusalOf(verifierOf().verify(own))).reason).toBe('claims')
  })
})

type Case = [what: string, reason: string, make: () => Promise<string> | string]
const second = (): number => Math.floor(Date.now() / 1000)
const signed = async (more: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> =>
  await sign(key, claimsFor(issuer.issuer, more), header)

/** KY-2: an RSA public key, which everybody has, used as the secret of an HMAC. */
const confused = async (): Promise<string> => {
  const header = { alg: 'HS256', kid: key.kid, typ: 'at+jwt' }
  const input = forge(header, claimsFor(issuer.issuer)).split('.').slice(0, 2).join('.')
  const spki = await exportSPKI((await importJWK(key.jwk, 'RS256')) as CryptoKey)
  return `${input}.${createHmac('sha256', spki).update(input).digest('base64url')}`
}

const bad: Case[] = [
  ['nothing', 'malformed', () => ''],
  ['not three parts', 'malformed', () => 'a.b'],
  ['not base64url', 'malformed', () => 'a!.b.c'],
  ['longer than a token is', 'malformed', () => `${'a'.repeat(20_000)}.b.c`],
  ['no JSON', 'malformed', () => 'YQ.YQ.YQ'],
  ['an array for a payload', 'malformed', () => forge({ alg: 'RS256', kid: key.kid, typ: 'at+jwt' }, [])],
  [
    'KY-2: no signature',
    'algorithm',
    () => forge({ alg: 'none', kid: key.kid, typ: 'at+jwt' }, claimsFor(issuer.issuer)),
  ],
  ['KY-2: RS256 taken for HS256', 'algorithm', confused],
  [
    'KY-2: the algorithm of another key',
    'algorithm',
    async () => {
      const other = await makeKey('PS256', key.kid)
      return await sign(other, claimsFor(issuer.issuer))
    },
  ],
  ['RFC 9068 §4: an ID token', 'type', async () => await signed({}, { typ: 'JWT' })],
  ['G-5: no typ', 'type', async () => await signed({}, { typ: undefined })],
  ['G-5: a logout token', 'type', async () => await signed({}, { typ: 'logout+jwt' })],
  [
    'RFC 7515 §4.1.11: crit',
    'critical_header',
    async () => await signed({}, { crit: ['x-critical'], 'x-critical': 1 }),
  ],
  ['no kid', 'unknown_key', async () => await signed({}, { kid: undefined })],
  ['a key of nobody’s', 'unknown_key', async () => await sign(await makeKey(), claimsFor(issuer.issuer))],
  [
    'KY-2: a key that it brings itself',
    'unknown_key',
    async () => {
      const own = await makeKey()
      return await sign(own, claimsFor(issuer.issuer), {
        jwk: own.jwk,
        jku: 'https://evil.example/jwks',
        x5u: 'https://evil.example/x',
      })
    },
  ],
  [
    'KY-2: a key that it brings itself under the name of ours',
    'signature',
    async () => {
      const own = await makeKey('RS256', key.kid)
      return await sign(own, claimsFor(issuer.issuer), { jwk: own.jwk })
    },
  ],
  [
    'another payload than was signed',
    'signature',
    async () => {
      const [head, , tail] = (await signed({})).split('.')
      return [
        head,
        Buffer.from(JSON.stringify(claimsFor(issuer.issuer, { sub: 'eve' }))).toString('base64url'),
        tail,
      ].join('.')
    },
  ],
  ['another issuer', 'issuer', async () => await signed({ iss: `${issuer.issuer}/` })],
  ['another API', 'audience', async () => await signed({ aud: 'https://other.example' })],
  ['part of our name', 'audience', async () => await signed({ aud: `${audience}/more` })],
  ['expired', 'expired', async () => await signed({ exp: second() - 6 })],
  ['not valid yet', 'not_yet_valid', async () => await signed({ nbf: second() + 8 })],
  ...['sub', 'aud', 'exp', 'iat', 'jti', 'client_id'].map(
    (name): Case => [`RFC 9068 §2.2: no ${name}`, 'claims', async () => await signed({ [name]: undefined })],
  ),
  ['exp that is no number', 'claims', () => signed({ exp: '9999999999' })],
  ['roles that are no list', 'claims', () => signed({ roles: 'admin' })],
  ['an API key', 'wrong_kind', () => 'kw_ak_0000000000000000000000'],
]

describe('a bad token', () => {
  it.each(bad)('%s: %s', async (_, reason, make) => {
    const token = await make()
    for (const verifier of [verifierOf(), verifierOf({ signatureCache: 0 })]) {
      const refusal = await refusalOf(verifier.verify(token))
      expect([refusal.code, refusal.status, refusal.reason]).toEqual(['invalid_token', 401, reason])
      expect(refusal.www_authenticate).toMatch(/^Bearer error="invalid_token", error_description="[^"]+"$/)
      expect(refusal.message).not.toContain(token.slice(0, 10).padEnd(10, '#'))
    }
  })

  it('within the tolerance of the clocks it is good', async () => {
    expect((await verifierOf().verify(await signed({ exp: second() - 3, nbf: second() + 3 }))).sub).toBe('ada')
    const { reason } = await refusalOf(verifierOf({ clockToleranceSeconds: 0 }).verify(await signed({ exp: second() })))
    expect(reason).toBe('expired')
  })

  it('an algorithm that is not on the list', async () => {
    const { reason } = await refusalOf(verifierOf({ algorithms: ['ES256'] }).verify(await signed({})))
    expect(reason).toBe('algorithm')
  })

  it('a remembered signature spares no other check', async () => {
    const clock = { ms: Date.now() }
    const verifier = verifierOf({ now: () => clock.ms })
    const token = await signed({})
    await verifier.verify(token)
    clock.ms += 306_000
    expect((await refusalOf(verifier.verify(token))).reason).toBe('expired')
  })
})
