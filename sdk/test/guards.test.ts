/**
 * The guards of every framework: each lets through what it should, and refuses the rest with the status, challenge and
 * problem of RFC 6750 §3, RFC 9470 §3, RFC 9457. One table for all four.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintOpaque } from '../../server/src/protocol/opaque-token.ts'
import { createGuards as forExpress } from '../src/express.ts'
import { createVerifier, KeywrightError, type Verifier } from '../src/index.ts'
import { createGuards as forNext } from '../src/next.ts'
import { type Ask, startExpress, startFastify, startHono, startNext } from './support/apps.ts'
import { audience, claimsFor, makeKey, sign, type SigningKey, type StandIn, startIssuer } from './support/stand-in.ts'

let key: SigningKey
let issuer: StandIn
let verifier: Verifier
const apiKey: string = mintOpaque('ak', Buffer.alloc(32, 7))

afterAll(() => verifier.close())

beforeAll(async () => {
  key = await makeKey('ES256')
  issuer = await startIssuer([key])
  issuer.active.set(apiKey, { sub: 'ada', roles: ['editor'], permissions: ['orders:read'] })
  verifier = createVerifier({
    issuer: issuer.issuer,
    audience,
    credentials: { client_id: 'orders', client_secret: 'secret' },
  })
  await verifier.ready()
})

const tokenFor = async (more: Record<string, unknown> = {}): Promise<string> =>
  await sign(key, claimsFor(issuer.issuer, more))
const bearer = (token: string): [string, string] => ['authorization', `Bearer ${token}`]

const challenges = {
  bare: 'Bearer realm="orders"',
  malformed: 'Bearer realm="orders", error="invalid_token", error_description="The access token is malformed."',
  twice:
    'Bearer realm="orders", error="invalid_request", error_description="Credentials were sent in more than one way."',
  expired: 'Bearer realm="orders", error="invalid_token", error_description="The access token has expired."',
  notAToken: 'Bearer realm="orders", error="invalid_token", error_description="An access token is needed."',
  notAKey: 'Bearer realm="orders", error="invalid_token", error_description="An API key is needed."',
  deadKey: 'Bearer realm="orders", error="invalid_token", error_description="The API key is not active."',
  scope:
    'Bearer realm="orders", error="insufficient_scope", error_description="The access token lacks a scope.", scope="read admin"',
  keyScope:
    'Bearer realm="orders", error="insufficient_scope", error_description="The access token lacks a scope.", scope="read"',
  stepUp:
    'Bearer realm="orders", error="insufficient_user_authentication", error_description="A stronger sign-in is needed.", acr_values="aal2", max_age="30"',
}

type Row = [
  what: string,
  path: string,
  send: () => Promise<[string, string][]> | [string, string][],
  status: number,
  challenge?: string,
]
const rows: Row[] = [
  ['a token', '/jwt', async () => [bearer(await tokenFor())], 200],
  ['a token, the scheme in small letters', '/jwt', async () => [['authorization', `bearer ${await tokenFor()}`]], 200],
  ['a token where either will do', '/auth', async () => [bearer(await tokenFor())], 200],
  ['one of the roles', '/role', async () => [bearer(await tokenFor())], 200],
  ['the permission', '/permission', async () => [bearer(await tokenFor())], 200],
  ['the scope', '/scope', async () => [bearer(await tokenFor())], 200],
  [
    'a fresh and strong sign-in',
    '/fresh',
    async () => [bearer(await tokenFor({ auth_time: Math.floor(Date.now() / 1000), acr: 'phr' }))],
    200,
  ],
  ['several guards', '/two', async () => [bearer(await tokenFor())], 200],
  ['an API key in its header', '/key', () => [['x-api-key', apiKey]], 200],
  ['an API key as a bearer', '/key', () => [bearer(apiKey)], 200],
  ['an API key where either will do', '/auth', () => [bearer(apiKey)], 200],
  ['an API key with the role', '/role', () => [['x-api-key', apiKey]], 200],
  ['an API key with the permission', '/permission', () => [['x-api-key', apiKey]], 200],
  ['RFC 6750 §3.1: nothing', '/jwt', () => [], 401, challenges.bare],
  ['nothing, for an API key', '/key', () => [], 401, challenges.bare],
  ['nothing, for either', '/auth', () => [], 401, challenges.bare],
  ['nothing, for a role', '/admin', () => [], 401, challenges.bare],
  ['another scheme', '/jwt', () => [['authorization', 'Basic YTpi']], 401, challenges.bare],
  ['another scheme with commas', '/jwt', () => [['authorization', 'Digest a="b", c="d"']], 401, challenges.bare],
  ['no token after the scheme', '/jwt', () => [['authorization', 'Bearer']], 401, challenges.malformed],
  ['words after the scheme', '/jwt', () => [['authorization', 'Bearer a b']], 401, challenges.malformed],
  ['nonsense', '/jwt', () => [bearer('nonsense')], 401, challenges.malformed],
  ['an expired token', '/jwt', async () => [bearer(await tokenFor({ exp: 1 }))], 401, challenges.expired],
  [
    'RFC 6750 §2: both headers',
    '/auth',
    async () => [bearer(await tokenFor()), ['x-api-key', apiKey]],
    400,
    challenges.twice,
  ],
  ['two tokens', '/jwt', async () => [bearer(await tokenFor()), bearer(await tokenFor())], 400, challenges.twice],
  [
    'two keys',
    '/key',
    () => [
      ['x-api-key', apiKey],
      ['x-api-key', apiKey],
    ],
    400,
    challenges.twice,
  ],
  ['an API key where a token is needed', '/jwt', () => [['x-api-key', apiKey]], 401, challenges.notAToken],
  ['the same as a bearer', '/jwt', () => [bearer(apiKey)], 401, challenges.notAToken],
  ['an API key behind several guards', '/two', () => [bearer(apiKey)], 401, challenges.notAToken],
  ['a token where an API key is needed', '/key', async () => [bearer(await tokenFor())], 401, challenges.notAKey],
  ['a token in the header of keys', '/auth', async () => [['x-api-key', await tokenFor()]], 401, challenges.notAKey],
  [
    'an API key of nobody’s',
    '/key',
    () => [['x-api-key', mintOpaque('ak', Buffer.alloc(32, 8))]],
    401,
    challenges.deadKey,
  ],
  ['a role that is lacking', '/admin', async () => [bearer(await tokenFor())], 403],
  ['the same with an API key', '/admin', () => [['x-api-key', apiKey]], 403],
  ['a permission that is lacking', '/permissions', async () => [bearer(await tokenFor())], 403],
  ['RFC 6750 §3.1: a scope that is lacking', '/scopes', async () => [bearer(await tokenFor())], 403, challenges.scope],
  ['an API key, which has no scopes', '/scope', () => [['x-api-key', apiKey]], 403, challenges.keyScope],
  [
    'RFC 9470 §3: a sign-in that is too old and too weak',
    '/fresh',
    async () => [bearer(await tokenFor())],
    401,
    challenges.stepUp,
  ],
]

const codes: Record<number, string[]> = {
  400: ['invalid_request'],
  401: ['no_token', 'invalid_token', 'insufficient_user_authentication'],
  403: ['permission_denied', 'insufficient_scope'],
}

describe.each([
  ['Express', startExpress],
  ['Fastify', startFastify],
  ['Hono', startHono],
  ['Next.js', startNext],
])('%s', (_name, start) => {
  let ask: Ask
  beforeAll(async () => {
    ask = await start(verifier)
  })

  it.each(rows.filter(([, , , status]) => status === 200))('lets through %s at %s', async (_what, path, send) => {
    const seen = await ask(path, await send())
    expect([seen.status, JSON.parse(seen.body)]).toMatchObject([200, { sub: 'ada' }])
  })

  it.each(rows.filter(([, , , status]) => status !== 200))(
    'refuses %s at %s',
    async (_what, path, send, status, challenge) => {
      const seen = await ask(path, await send())
      expect([seen.status, seen.headers['www-authenticate']]).toEqual([status, challenge])
      expect(seen.headers['content-type']).toMatch(/^application\/problem\+json(; charset=utf-8)?$/)
      expect(seen.headers['cache-control']).toBe('no-store')
      const problem = JSON.parse(seen.body) as Record<string, unknown>
      expect(Object.keys(problem)).toEqual(['type', 'title', 'status', 'code', 'detail'])
      expect(problem['status']).toBe(status)
      expect(codes[status]).toContain(problem['code'])
    },
  )

  it('G-1: an issuer that is away is 503 with Retry-After, and no challenge', async () => {
    issuer.mode = 'down'
    try {
      const seen = await ask('/key', [['x-api-key', mintOpaque('ak', Buffer.alloc(32, 9))]])
      expect([seen.status, seen.headers['retry-after'], seen.headers['www-authenticate']]).toEqual([
        503,
        '2',
        undefined,
      ])
      expect(JSON.parse(seen.body)).toMatchObject({ code: 'temporarily_unavailable' })
    } finally {
      issuer.mode = 'well'
    }
  })
})

describe('what a guard is given', () => {
  it('no name, by a mistake in plain JavaScript, is refused at the start', () => {
    const guards = forNext(verifier)
    for (const make of [guards.requireRoles, guards.requirePermissions, guards.requireScopes]) {
      expect(() => (make as () => unknown)()).toThrow(KeywrightError)
      expect(() => make(undefined as unknown as string)).toThrow(KeywrightError)
      expect(() => make(['admin'] as unknown as string)).toThrow(KeywrightError)
    }
  })

  it('who asks without a guard is told so', () => {
    expect(() => forExpress(verifier).authOf({})).toThrow('No guard')
  })
})
