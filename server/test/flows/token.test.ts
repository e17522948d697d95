/** The code exchange over HTTP, as a client sees it: RFC 6749 §4.1.3, §5; RFC 7636 §4.5; OpenID Connect Core §3.1.3. */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import {
  claimsOf,
  type Code,
  eventsOf,
  expectNoStore,
  expectRefusal,
  headerOf,
  type Oauth,
  openOauth,
  type Person,
  type Tokens,
  tokensOf,
} from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let web: TestClient
let spa: TestClient

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person()
  web = await oauth.client()
  spa = await oauth.client({ type: 'spa' })
})

const verified = async (jwt: string, audience: string, typ: string) =>
  await jwtVerify(jwt, createRemoteJWKSet(new URL(`${oauth.server.issuer}/.well-known/jwks.json`)), {
    issuer: oauth.server.issuer,
    audience,
    typ,
    algorithms: ['RS256'],
  })

describe('a good exchange', () => {
  it('answers with the members of RFC 6749 §5.1, uncached, and records the event', async () => {
    const reply = await oauth.redeem(web, await oauth.code(ada, web))
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^application\/json(;|$)/)
    expectNoStore(reply)
    const tokens = reply.json<Tokens>()
    expect(Object.keys(tokens).toSorted()).toEqual([
      'access_token',
      'expires_in',
      'id_token',
      'refresh_token',
      'scope',
      'token_type',
    ])
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 300 })
    expect(tokens.refresh_token).toMatch(/^kw_rt_[0-9A-Za-z]+$/)
    expect(await eventsOf(oauth.db, reply)).toEqual([
      expect.objectContaining({
        type: 'token.issued',
        severity: 'info',
        outcome: 'success',
        user_id: ada.user.user_id,
        client_id: web.client_id,
        session_id: claimsOf(tokens.id_token ?? '')['sid'],
        data: { grant_type: 'authorization_code' },
      }),
    ])
  })

  it('gives an access token of RFC 9068 that jose verifies by the published keys', async () => {
    const { access_token } = await oauth.grant(ada, web, { scope: 'openid profile email roles' })
    const audience = `${oauth.server.issuer}/oauth/userinfo`
    const { payload, protectedHeader } = await verified(access_token, audience, 'at+jwt')
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) as string })
    expect(payload).toEqual({
      iss: oauth.server.issuer,
      sub: ada.user.user_id,
      aud: audience,
      exp: Number(payload.iat) + 300,
      iat: expect.any(Number) as number,
      nbf: payload.iat,
      jti: expect.any(String) as string,
      client_id: web.client_id,
      scope: 'openid profile email roles',
      sid: expect.any(String) as string,
      grant_id: expect.any(String) as string,
      auth_time: expect.any(Number) as number,
      acr: 'aal1',
      roles: [],
      permissions: [],
    })
    for (const name of ['exp', 'iat', 'nbf', 'auth_time']) expect(Number.isInteger(payload[name])).toBe(true)
  })

  it('gives an ID token of OpenID Connect Core §2 without profile claims (§5.4)', async () => {
    const { id_token = '' } = await oauth.grant(ada, web, { nonce: 'n-0S6_WzA2Mj', scope: 'openid profile email' })
    const { payload } = await verified(id_token, web.client_id, 'JWT')
    expect(payload).toEqual({
      iss: oauth.server.issuer,
      sub: ada.user.user_id,
      aud: web.client_id,
      azp: web.client_id,
      exp: Number(payload.iat) + 300,
      iat: expect.any(Number) as number,
      auth_time: expect.any(Number) as number,
      nonce: 'n-0S6_WzA2Mj',
      acr: 'aal1',
      amr: ['pwd'],
      sid: expect.any(String) as string,
      at_hash: expect.any(String) as string,
    })
  })

  it('gives no ID token without openid, and no refresh token to a client that may not refresh', async () => {
    expect(await oauth.grant(ada, web, { scope: 'profile' })).not.toHaveProperty('id_token')
    const once = await oauth.client({ grant_types: ['authorization_code'] })
    expect(await oauth.grant(ada, once)).not.toHaveProperty('refresh_token')
  })

  it('gives a refresh token without offline_access too, bound to the session (api.md)', async () => {
    const tokens = await oauth.grant(ada, web, { scope: 'openid' })
    expect(tokens.refresh_token).toBeDefined()
    expect(claimsOf(tokens.access_token)['sid']).toBeDefined()
    const long = await oauth.grant(ada, web, { scope: 'openid offline_access' })
    expect(claimsOf(long.access_token)).not.toHaveProperty('sid')
  })

  it('works for a public client, and without scope', async () => {
    expect((await oauth.grant(ada, spa)).token_type).toBe('Bearer')
    const tokens = await oauth.grant(ada, web, { scope: undefined })
    expect(tokens).not.toHaveProperty('scope')
    expect(claimsOf(tokens.access_token)).not.toHaveProperty('scope')
  })

  it('takes a code whose request named no redirect_uri, without one (RFC 6749 §4.1.3)', async () => {
    const code = await oauth.code(ada, web, { redirect_uri: undefined, scope: 'profile' })
    const reply = await oauth.token(web, {
      grant_type: 'authorization_code',
      code: code.code,
      code_verifier: code.code_verifier,
    })
    expect(reply.status).toBe(200)
  })

  it('signs with the algorithm of the client', async () => {
    for (const signing_alg of ['ES256', 'PS256', 'EdDSA']) {
      const client = await oauth.client({ signing_alg })
      const tokens = await oauth.grant(ada, client)
      expect(headerOf(tokens.access_token)['alg']).toBe(signing_alg)
      expect(headerOf(tokens.id_token ?? '')['alg']).toBe(signing_alg)
    }
  })

  it('honours the access token life of a client', async () => {
    const client = await oauth.client({ access_token_ttl_seconds: 77 })
    const tokens = await oauth.grant(ada, client)
    const { exp, iat } = claimsOf(tokens.access_token)
    expect([tokens.expires_in, Number(exp) - Number(iat)]).toEqual([77, 77])
  })
})

describe('resource indicators (RFC 8707)', () => {
  const one = 'https://api.one.example/'
  const two = 'https://api.two.example/v1'
  let client: TestClient
  beforeAll(async () => {
    client = await oauth.client({ resources: [one, two] })
  })

  it('makes the granted resources the audience', async () => {
    expect(claimsOf((await oauth.grant(ada, client, { resource: one })).access_token)['aud']).toBe(one)
  })

  it('narrows at the token endpoint (§2.2), and refuses what was not granted', async () => {
    const reply = await oauth.redeem(client, await oauth.code(ada, client, { resource: one }), { resource: one })
    expect(claimsOf(tokensOf(reply).access_token)['aud']).toBe(one)
    for (const resource of [two, 'https://evil.example/', 'not a uri', `${one}#part`]) {
      const code = await oauth.code(ada, client, { resource: one })
      const refused = await oauth.redeem(client, code, { resource })
      await expectRefusal(oauth.db, refused, 400, 'invalid_target')
      expect(await eventsOf(oauth.db, refused)).toMatchObject([
        { type: 'token.refused', data: { error: 'invalid_target' } },
      ])
    }
  })

  it('takes several resources', async () => {
    const query = await oauth.code(ada, client, { resource: one })
    const both = await oauth.server
      .client()
      .post('/oauth/token', [
        ...Object.entries({ grant_type: 'authorization_code', ...query }),
        ['resource', one],
        ['resource', one],
        ['client_id', client.client_id],
        ['client_secret', client.client_secret ?? ''],
      ])
    // Registered for Basic, so the form is refused; the repeated resource is not what is wrong (§2).
    await expectRefusal(oauth.db, both, 401, 'invalid_client')
  })
})

type Change = (code: Code) => Record<string, string | undefined>
const bad: [string, Change][] = [
  ['a code that nobody issued', () => ({ code: 'kw_ac_0000000000000000000000000000000000000000000000000000' })],
  ['garbage', () => ({ code: 'x' })],
  ['an access token', () => ({ code: 'kw_at_abc' })],
  [
    'a code with one character changed',
    ({ code }) => ({ code: `${code.slice(0, -1)}${code.endsWith('a') ? 'b' : 'a'}` }),
  ],
  ['another redirect_uri', () => ({ redirect_uri: 'https://other.example/callback' })],
  ['no redirect_uri', () => ({ redirect_uri: undefined })],
  ['another verifier', () => ({ code_verifier: 'A'.repeat(43) })],
  ['no verifier', () => ({ code_verifier: undefined })],
  ['a verifier of 42 characters', ({ code_verifier }) => ({ code_verifier: code_verifier.slice(1) })],
  ['a verifier of 129 characters', () => ({ code_verifier: 'a'.repeat(129) })],
  ['a verifier with a forbidden character', () => ({ code_verifier: `${'a'.repeat(43)}!` })],
]

describe('a bad exchange', () => {
  it.each(bad)('%s is invalid_grant (RFC 6749 §5.2, RFC 7636 §4.6)', async (_name, change) => {
    const code = await oauth.code(ada, web)
    const reply = await oauth.redeem(web, code, change(code))
    const decision = await expectRefusal(oauth.db, reply, 400, 'invalid_grant')
    expect(decision).toMatchObject({ route: '/oauth/token', client_id: web.client_id })
    expect(await eventsOf(oauth.db, reply)).toMatchObject([
      {
        type: 'token.refused',
        severity: 'notice',
        outcome: 'failure',
        client_id: web.client_id,
        data: { error: 'invalid_grant', grant_type: 'authorization_code' },
      },
    ])
  })

  it('a verifier where there was no challenge is invalid_grant (RFC 9700 §4.8.2)', async () => {
    const client = await oauth.client({ require_pkce: false })
    const plain = { code_challenge: undefined, code_challenge_method: undefined, nonce: 'n' }
    const code = await oauth.code(ada, client, plain)
    await expectRefusal(oauth.db, await oauth.redeem(client, code), 400, 'invalid_grant')
    const again = await oauth.code(ada, client, plain)
    expect((await oauth.redeem(client, again, { code_verifier: undefined })).status).toBe(200)
  })

  it.each([
    ['grant_type', { grant_type: undefined }],
    ['code', { code: undefined }],
  ])('a missing %s is invalid_request (RFC 6749 §5.2)', async (_name, change) => {
    const reply = await oauth.redeem(web, await oauth.code(ada, web), change)
    await expectRefusal(oauth.db, reply, 400, 'invalid_request')
  })

  it.each([
    ['implicit', 'implicit'],
    ['password', 'password'],
    ['a very long one', 'x'.repeat(3000)],
    ['one whose 80th character is half of a pair', `${'a'.repeat(79)}\u{1f511}`],
    ['a URN', 'urn:ietf:params:oauth:grant-type:saml2-bearer'],
  ])('a grant_type that is not supported is said to be so: %s (RFC 6749 §5.2)', async (_name, grant_type) => {
    const reply = await oauth.token(web, { grant_type })
    await expectRefusal(oauth.db, reply, 400, 'unsupported_grant_type')
    const [event] = await eventsOf(oauth.db, reply)
    expect(event?.type).toBe('token.refused')
    expect(String(event?.data['grant_type']).length).toBeLessThanOrEqual(80)
  })

  it('a grant that the client was not given is unauthorized_client (RFC 6749 §5.2)', async () => {
    const reply = await oauth.token(web, { grant_type: 'client_credentials' })
    await expectRefusal(oauth.db, reply, 400, 'unauthorized_client')
    expect(await eventsOf(oauth.db, reply)).toMatchObject([{ data: { error: 'unauthorized_client' } }])
  })
})
