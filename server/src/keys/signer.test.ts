/** Signing and the check of our own signatures: jose verifies what we sign, and every confusion is refused (KY-1, KY-2). */
import { createHmac, generateKeyPairSync, type KeyObject, sign as cryptoSign } from 'node:crypto'
import fc from 'fast-check'
import { createLocalJWKSet, CompactSign, jwtVerify } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { SigningKeysRow } from '../db/tables.gen.ts'
import { createSecrets } from '../io/secrets.ts'
import { generateKey, keyRow } from './rotate.ts'
import { createSigner, type Signer } from './signer.ts'

const issuer = 'https://issuer.example'
const secrets = createSecrets('a root secret for the tests of the signer', issuer)
const now = new Date('2026-01-01T00:00:00Z')
const algs = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const
const keys = new Map<string, KeyObject>()
const rows = new Map<string, SigningKeysRow>()
let signer: Signer

const rowFor = async (alg: string, change: Partial<SigningKeysRow> = {}): Promise<SigningKeysRow> => {
  const key = await generateKey(alg)
  const row = {
    ...(await keyRow({ key, alg, deployment: issuer, secrets, now, activate_at: now })),
    status: 'active',
    ...change,
  }
  keys.set(row.kid, key)
  return row
}

beforeAll(async () => {
  signer = createSigner(issuer, secrets)
  for (const alg of algs) rows.set(alg, await rowFor(alg))
  signer.load([...rows.values()])
})

const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const kidOf = (alg: string): string => rows.get(alg)?.kid ?? ''
const claims = { sub: 'somebody', text: 'ünï' }

/** A token with a header of our choice, signed with the private key of an algorithm. */
const forge = (alg: string, header: object, payload: object = claims): string => {
  const input = `${b64(header)}.${b64(payload)}`
  const key = keys.get(kidOf(alg))
  if (key === undefined) throw new Error('no key')
  const bytes =
    alg === 'ES256'
      ? cryptoSign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
      : cryptoSign('sha256', Buffer.from(input), key)
  return `${input}.${bytes.toString('base64url')}`
}

describe.each(algs)('%s', (alg) => {
  it('signs what jose verifies, and verifies what jose signs, for any claims', async () => {
    const set = createLocalJWKSet(JSON.parse(signer.jwks().body) as never)
    const key = keys.get(kidOf(alg))
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), async (any) => {
        const payload = { ...any, exp: 9_999_999_999 }
        const token = signer.sign(alg, 'at+jwt', payload)
        const theirs = await jwtVerify(token, set, { typ: 'at+jwt', algorithms: [alg] })
        const plain: unknown = JSON.parse(JSON.stringify(payload))
        expect(theirs.payload).toEqual(plain)
        expect(signer.verify(token, 'at+jwt')).toEqual({ payload: plain, kid: kidOf(alg), alg })
        const header = { alg, typ: 'JWT', kid: kidOf(alg) }
        const made = await new CompactSign(Buffer.from(JSON.stringify(payload)))
          .setProtectedHeader(header)
          .sign(key as never)
        expect(signer.verify(made, 'JWT')?.payload).toEqual(plain)
      }),
      { numRuns: 15 },
    )
  })

  it('refuses a token with any one bit of its signature changed', () => {
    const [header, payload, mac = ''] = signer.sign(alg, 'JWT', claims).split('.')
    const bytes = Buffer.from(mac, 'base64url')
    for (const at of [0, 31, 32, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(signer.verify(`${header}.${payload}.${changed.toString('base64url')}`, 'JWT')).toBeUndefined()
    }
  })

  it('refuses another spelling of the same signature: padding, spare bits, other letters, more bytes', () => {
    const token = signer.sign(alg, 'JWT', claims)
    expect(signer.verify(token, 'JWT')).toBeDefined()
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(token.at(-1) ?? '')
    const spare = `${token.slice(0, -1)}${alphabet.charAt(last ^ 1)}`
    const standard = token.replaceAll('-', '+').replaceAll('_', '/')
    for (const other of [
      `${token}=`,
      `${token}==`,
      spare,
      `${token}A`,
      `${token}AA`,
      `${token} `,
      `${token}\n`,
      `${token}.`,
    ])
      expect([other, signer.verify(other, 'JWT')]).toEqual([other, undefined])
    expect(standard === token || signer.verify(standard, 'JWT') === undefined).toBe(true)
  })
})

describe('confusion', () => {
  const good = () => ({ alg: 'ES256', typ: 'JWT', kid: kidOf('ES256') })

  it('the forger of these tests makes good tokens when it wants to', () => {
    expect(signer.verify(forge('ES256', good()), 'JWT')?.payload).toEqual(claims)
  })

  it.each<[string, (own: Record<string, unknown>) => object]>([
    ['no typ', ({ typ: _typ, ...rest }) => rest],
    ['another typ', (own) => ({ ...own, typ: 'at+jwt' })],
    ['typ in other letters', (own) => ({ ...own, typ: 'jwt' })],
    ['no kid', ({ kid: _kid, ...rest }) => rest],
    ['a kid that nobody has', (own) => ({ ...own, kid: 'nobody' })],
    ['a kid that is no string', (own) => ({ ...own, kid: 7 })],
    ['a kid of the language', (own) => ({ ...own, kid: '__proto__' })],
    ['alg none', (own) => ({ ...own, alg: 'none' })],
    ['an alg of another key', (own) => ({ ...own, alg: 'RS256' })],
    ['no alg', ({ alg: _alg, ...rest }) => rest],
    ['the kid of another algorithm', (own) => ({ ...own, kid: kidOf('RS256') })],
    ['crit', (own) => ({ ...own, crit: ['exp'], exp: 1 })],
    ['crit that is empty', (own) => ({ ...own, crit: [] })],
    ['b64 false with crit', (own) => ({ ...own, crit: ['b64'], b64: false })],
  ])('%s is refused, though the signature is right (RFC 8725 §3)', (_name, change) => {
    expect(signer.verify(forge('ES256', change(good())), 'JWT')).toBeUndefined()
  })

  it.each(['jwk', 'jku', 'x5u', 'x5c'])(
    'a key brought along in %s is not believed (RFC 8725 §3.10)',
    async (member) => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const header = {
        ...good(),
        [member]: member === 'jwk' ? publicKey.export({ format: 'jwk' }) : 'https://evil.example',
      }
      const { [member]: _known, ...bare } = header as Record<string, unknown>
      expect(bare).toEqual(good())
      const input = `${b64(header)}.${b64(claims)}`
      const mac = cryptoSign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      expect(signer.verify(`${input}.${mac.toString('base64url')}`, 'JWT')).toBeUndefined()
    },
  )

  it('a public key taken for an HMAC secret is refused (RFC 8725 §3.1)', () => {
    const input = `${b64({ alg: 'HS256', typ: 'JWT', kid: kidOf('RS256') })}.${b64(claims)}`
    const jwk = JSON.stringify(rows.get('RS256')?.public_jwk)
    const mac = createHmac('sha256', jwk).update(input).digest('base64url')
    expect(signer.verify(`${input}.${mac}`, 'JWT')).toBeUndefined()
  })

  it('PS256 and RS256 do not pass for each other, though both are RSA', () => {
    const header = { alg: 'PS256', typ: 'JWT', kid: kidOf('RS256') }
    expect(signer.verify(forge('RS256', header), 'JWT')).toBeUndefined()
    expect(signer.verify(forge('RS256', { ...header, alg: 'RS256' }), 'JWT')).toBeDefined()
  })

  it.each(['', '.', '..', '...', 'a.b', 'a.b.c', 'a.b.c.d', '{}', `${'a'.repeat(20_000)}.b.c`, '\u0000.\u0000.\u0000'])(
    'what is no JWS is refused quietly: %.20j',
    (token) => {
      expect(signer.verify(token, 'JWT')).toBeUndefined()
    },
  )

  it.each([[[1, 2]], ['text'], [null], [7]])('a payload that is no object is refused: %j', (payload) => {
    expect(signer.verify(forge('ES256', good(), payload as never), 'JWT')).toBeUndefined()
  })
})

describe('the ring', () => {
  it('verifies with pending and passive keys, with retired ones only for hints, with compromised ones never', async () => {
    const other = createSigner(issuer, secrets)
    const row = await rowFor('ES256')
    other.load([row])
    const token = other.sign('ES256', 'JWT', claims)
    const answers = ['pending', 'active', 'passive', 'retired', 'compromised'].map((status) => {
      other.load([{ ...row, status }])
      const published = JSON.parse(other.jwks().body) as { keys: unknown[] }
      return [
        status,
        other.verify(token, 'JWT') !== undefined,
        other.verify(token, 'JWT', { retired: true }) !== undefined,
        published.keys.length,
      ]
    })
    expect(answers).toEqual([
      ['pending', true, true, 1],
      ['active', true, true, 1],
      ['passive', true, true, 1],
      ['retired', false, true, 0],
      ['compromised', false, false, 0],
    ])
  })

  it('signs with active keys only', async () => {
    const other = createSigner(issuer, secrets)
    other.load([await rowFor('ES256', { status: 'pending' })])
    expect(other.algs()).toEqual([])
    expect(() => other.sign('ES256', 'JWT', claims)).toThrow('no active signing key for ES256')
  })

  it('changes its entity tag with its content, whatever the names of the keys', async () => {
    const other = createSigner(issuer, secrets)
    const tags = await Promise.all(
      ['2026-key-of-january', '2026-key-of-february', 'a "quoted" key'].map(async (kid) => {
        const row = await rowFor('ES256')
        const alone = createSigner(issuer, secrets)
        alone.load([{ ...row, kid, private_sealed: null, status: 'passive' }])
        return alone.jwks().etag
      }),
    )
    expect(new Set([...tags, other.jwks().etag]).size).toBe(4)
    // RFC 9110 §8.8.3: an opaque tag holds no quote.
    for (const tag of tags) expect(tag).toMatch(/^"[\x21\x23-\x7e]+"$/)
  })

  it('does not open private keys that were swapped in the database (KY-1)', async () => {
    const [one, two] = [await rowFor('ES256'), await rowFor('EdDSA')]
    const swapped = [
      { ...one, private_sealed: two.private_sealed },
      { ...two, private_sealed: one.private_sealed },
    ]
    expect(() => createSigner(issuer, secrets).load(swapped)).toThrow()
    expect(() => createSigner('https://other.example', secrets).load([one])).toThrow()
    expect(() =>
      createSigner(issuer, createSecrets('another root secret than the right one', issuer)).load([one]),
    ).toThrow()
  })
})
