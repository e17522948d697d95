/** The published keys over HTTP, and their life: RFC 7517 §5, RFC 7638, security design 3.10. The clock is the test's. */
import { calculateJwkThumbprint, createLocalJWKSet, type JSONWebKeySet, type JWK, jwtVerify } from 'jose'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { compromiseKey, rotateNow } from '../../src/keys/manage.ts'
import { rotateKeys } from '../../src/keys/rotate.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import type { TestClient } from '../support/fixtures.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { basic, eventually, headerOf, type Tokens } from '../support/oauth.ts'
import { startServer } from '../support/server.ts'
import { fixtures } from '../support/fixtures.ts'

type Key = JWK & { kid: string; alg: string }
const day = 86_400
const jwksPath = '/.well-known/jwks.json'

const keysOf = async (home: InProcess): Promise<Key[]> =>
  (await home.server.client().get(jwksPath)).json<{ keys: Key[] }>().keys
const kidsOf = async (home: InProcess, alg: string): Promise<string[]> =>
  (await keysOf(home)).filter((key) => key.alg === alg).map((key) => key.kid)
/** Of one instant, `created` comes before `activated`. */
const keyEvents = async (home: InProcess): Promise<{ type: string; kid: string }[]> =>
  await home.db`select type, data ->> 'kid' as kid from all_events where type like 'key.%' order by at, type desc`

const tokenOf = async (home: InProcess, client: TestClient): Promise<string> => {
  const form = { grant_type: 'client_credentials' }
  const reply = await home.server
    .client()
    .post('/oauth/token', form, basic(client.client_id, client.client_secret ?? ''))
  return reply.json<Tokens>().access_token
}
const isActive = async (home: InProcess, client: TestClient, token: string): Promise<unknown> => {
  const proof = basic(client.client_id, client.client_secret ?? '')
  return (await home.server.client().post('/oauth/introspect', { token }, proof)).json()['active']
}

describe('the published set', () => {
  let home: InProcess
  beforeAll(async () => {
    home = await startInProcess()
  })

  it('has one key for each algorithm, public members only, kid as RFC 7638 has it', async () => {
    const reply = await home.server.client().get(jwksPath)
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^application\/jwk-set\+json(;|$)/)
    expect(reply.headers['cache-control']).toBe('public, max-age=600')
    const { keys } = reply.json<{ keys: Key[] }>()
    expect(keys.map((key) => key.alg).toSorted()).toEqual(['ES256', 'EdDSA', 'PS256', 'RS256'])
    expect(new Set(keys.map((key) => key.kid)).size).toBe(4)
    const members: Record<string, string[]> = {
      RSA: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
      EC: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      OKP: ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
    }
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(members[key.kty ?? ''])
      expect(key.use).toBe('sig')
      expect(await calculateJwkThumbprint(key)).toBe(key.kid)
    }
  })

  it('is answered with 304 to who has it already, and with HEAD', async () => {
    const { headers } = await home.server.client().get(jwksPath)
    const again = await home.server.client().get(jwksPath, { 'if-none-match': headers.etag })
    expect([again.status, again.body, again.headers.etag]).toEqual([304, '', headers.etag])
    expect((await home.server.client().get(jwksPath, { 'if-none-match': '"other"' })).status).toBe(200)
    const head = await home.server.client().request(jwksPath, { method: 'HEAD' })
    expect([head.status, head.body]).toEqual([200, ''])
  })

  it.each(['RS256', 'ES256', 'PS256', 'EdDSA'])('verifies what was signed with %s', async (signing_alg) => {
    const client = await home.client({ type: 'machine', signing_alg })
    const keys = (await home.server.client().get(jwksPath)).json<JSONWebKeySet>()
    const token = await tokenOf(home, client)
    const { protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys), { currentDate: home.ctx.now() })
    expect(protectedHeader.alg).toBe(signing_alg)
  })
})

describe('a life', () => {
  let home: InProcess
  let client: TestClient
  beforeAll(async () => {
    home = await startInProcess({ KEYWRIGHT_SIGNING_ALGS: 'RS256' })
    client = await home.client({ type: 'machine' })
  })

  it('published a day before it signs, signing after 90 days, verifying until its last token has ended', async () => {
    const [old = ''] = await kidsOf(home, 'RS256')
    // Until a day before its 90 days are over, nothing happens.
    home.pass(89 * day - 1)
    await rotateKeys(home.ctx)
    expect(await kidsOf(home, 'RS256')).toEqual([old])
    // Then its successor is published, and does not sign yet.
    home.pass(1)
    await rotateKeys(home.ctx)
    const [next = ''] = (await kidsOf(home, 'RS256')).filter((kid) => kid !== old)
    expect(next).not.toBe('')
    expect(headerOf(await tokenOf(home, client))['kid']).toBe(old)
    home.pass(day - 1)
    await rotateKeys(home.ctx)
    const last = await tokenOf(home, client)
    expect(headerOf(last)['kid']).toBe(old)
    // A day later it signs; the old one is still there to verify.
    home.pass(1)
    await rotateKeys(home.ctx)
    expect(headerOf(await tokenOf(home, client))['kid']).toBe(next)
    expect((await kidsOf(home, 'RS256')).toSorted()).toEqual([old, next].toSorted())
    expect(await isActive(home, client, last)).toBe(true)
    // It goes when the longest token it can have signed has ended, a minute for clocks included.
    home.pass(3600 + 59)
    await rotateKeys(home.ctx)
    expect(await kidsOf(home, 'RS256')).toContain(old)
    home.pass(1)
    await rotateKeys(home.ctx)
    expect(await kidsOf(home, 'RS256')).toEqual([next])
    expect(await keyEvents(home)).toEqual([
      { type: 'key.created', kid: old },
      { type: 'key.activated', kid: old },
      { type: 'key.created', kid: next },
      { type: 'key.activated', kid: next },
      { type: 'key.retired', kid: old },
    ])
    const rows = await home.db`select status, private_sealed is null as erased from signing_keys order by created_at`
    expect(rows).toEqual([
      { status: 'retired', erased: true },
      { status: 'active', erased: false },
    ])
  })

  it('a compromised key is out at once, and everything it signed is dead', async () => {
    const token = await tokenOf(home, client)
    const kid = String(headerOf(token)['kid'])
    expect(await isActive(home, client, token)).toBe(true)
    const done = await compromiseKey(home.ctx, kid)
    expect(isDenial(done)).toBe(false)
    expect(await kidsOf(home, 'RS256')).not.toContain(kid)
    expect(await isActive(home, client, token)).toBe(false)
    const after = await tokenOf(home, client)
    expect(headerOf(after)['kid']).not.toBe(kid)
    expect(await isActive(home, client, after)).toBe(true)
    expect((await keyEvents(home)).map((event) => event.type)).toContain('key.compromised')
  })
})

describe('a running server beside the command line', () => {
  afterEach(() => expect.hasAssertions())

  it('takes up a new key and drops a compromised one without a restart', async () => {
    const server = await startServer()
    const { ctx, revoking } = await fixtures({ env: server.env })
    const kids = async (): Promise<string[]> =>
      (await server.client().get(jwksPath)).json<{ keys: Key[] }>().keys.map((key) => key.kid)
    const rotated = await revoking(async () => await rotateNow(ctx, { algs: ['ES256'], atOnce: true }))
    const [made] = isDenial(rotated) ? [] : rotated
    await eventually(async () => ((await kids()).includes(made?.kid ?? '') ? true : undefined))
    expect(await kids()).toContain(made?.replaced)
    await revoking(async () => await compromiseKey(ctx, made?.replaced ?? ''))
    await eventually(async () => ((await kids()).includes(made?.replaced ?? '') ? undefined : true))
    expect(await kids()).toContain(made?.kid)
  })
})
