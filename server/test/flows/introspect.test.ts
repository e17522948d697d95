/** Introspection over HTTP: RFC 7662 §2; what a caller may see is security rule IN-1. */
import { beforeAll, describe, expect, it } from 'vitest'
import { mintOpaque } from '../../src/protocol/opaque-token.ts'
import type { TestClient } from '../support/fixtures.ts'
import {
  claimsOf,
  expectNoStore,
  expectRefusal,
  type Oauth,
  offline,
  openOauth,
  type Person,
  type Tokens,
  tokensOf,
} from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let web: TestClient
let tokens: Tokens
const inactive = { active: false }

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person(await oauth.user({ username: 'ada' }))
  web = await oauth.client()
  tokens = await oauth.grant(ada, web)
})

describe('an active token', () => {
  it('is described to its owner (RFC 7662 §2.2)', async () => {
    const reply = await oauth.post('/oauth/introspect', web, { token: tokens.access_token })
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^application\/json(;|$)/)
    expectNoStore(reply)
    expect(reply.json()).toEqual({
      active: true,
      ...claimsOf(tokens.access_token),
      token_type: 'Bearer',
      username: 'ada',
    })
    const { scope, exp, iat, aud } = reply.json()
    expect([typeof scope, typeof exp, typeof iat, typeof aud]).toEqual(['string', 'number', 'number', 'string'])
  })

  it('is described whatever the hint says (§2.1)', async () => {
    for (const token_type_hint of ['access_token', 'refresh_token', 'nonsense']) {
      const reply = await oauth.post('/oauth/introspect', web, { token: tokens.access_token, token_type_hint })
      expect(reply.json().active).toBe(true)
      const other = await oauth.post('/oauth/introspect', web, { token: tokens.refresh_token, token_type_hint })
      expect(other.json().active).toBe(true)
    }
  })

  it('a refresh token is described to its client, without a word that makes it look like a bearer token', async () => {
    const fresh = await oauth.grant(ada, web)
    expect(await oauth.introspect(web, fresh.refresh_token ?? '')).toEqual({
      active: true,
      token_type: 'refresh_token',
      client_id: web.client_id,
      sub: ada.user.user_id,
      scope: offline,
      iss: oauth.server.issuer,
      iat: expect.any(Number) as number,
      exp: expect.any(Number) as number,
    })
  })

  it('its audience may ask too: the API that serves the resource', async () => {
    const resource = 'https://api.example/orders'
    const owner = await oauth.client({ resources: [resource] })
    const api = await oauth.client({ type: 'machine', audiences: [resource] })
    const { access_token } = await oauth.grant(ada, owner, { resource })
    expect(await oauth.introspect(api, access_token)).toMatchObject({ active: true, aud: resource })
    expect(await oauth.introspect(web, access_token)).toEqual(inactive)
  })
})

describe('everything else is {"active":false} with 200 and nothing more', () => {
  const values: [string, () => string][] = [
    ['garbage', () => 'garbage'],
    ['something very long', () => 'a.'.repeat(15_000)],
    ['an unsigned JWT', () => `${tokens.access_token.split('.').slice(0, 2).join('.')}.`],
    ['an alg none JWT', () => `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.e30.`],
    ['a JWT with another payload', () => tokens.access_token.replace(/\.[^.]+\./, '.e30.')],
    ['an ID token', () => tokens.id_token ?? ''],
    ['an unknown opaque token', () => mintOpaque('at', Buffer.alloc(32, 7))],
    ['an unknown refresh token', () => mintOpaque('rt', Buffer.alloc(52, 7))],
    ['a refresh token with a broken checksum', () => `${tokens.refresh_token ?? ''}x`],
    ['a client secret', () => web.client_secret ?? ''],
    ['invisible characters', () => '\u200b\r\n'],
  ]
  it.each(values)('%s', async (_name, value) => {
    const reply = await oauth.post('/oauth/introspect', web, { token: value() })
    expect([reply.status, reply.json()]).toEqual([200, inactive])
    expectNoStore(reply)
  })

  it("another client's tokens", async () => {
    const other = await oauth.client()
    for (const token of [tokens.access_token, tokens.refresh_token ?? ''])
      expect(await oauth.introspect(other, token)).toEqual(inactive)
  })

  it('a code', async () => {
    const { code } = await oauth.code(ada, web)
    expect(await oauth.introspect(web, code)).toEqual(inactive)
  })

  it('an old refresh token, and one of a revoked, idle or expired family', async () => {
    const first = await oauth.grant(ada, web)
    const second = tokensOf(await oauth.refresh(web, first.refresh_token))
    expect(await oauth.introspect(web, first.refresh_token ?? '')).toEqual(inactive)
    expect(await oauth.introspect(web, second.refresh_token ?? '')).toMatchObject({ active: true })
    for (const change of ['revoked_at = now()', "expires_at = now() - interval '1 second'"]) {
      const { access_token, refresh_token = '' } = await oauth.grant(ada, web)
      await oauth.db.unsafe(`update refresh_families set ${change} where id = $1`, [
        String(claimsOf(access_token)['grant_id']),
      ])
      expect(await oauth.introspect(web, refresh_token)).toEqual(inactive)
    }
  })

  it('a refresh token whose session has come to its end, as it could not be used either', async () => {
    const person = await oauth.person()
    const bound = await oauth.grant(person, web, { scope: 'openid' })
    const long = await oauth.grant(person, web)
    const sid = String(claimsOf(bound.id_token ?? '')['sid'])
    await oauth.db`update sessions set expires_at = now() - interval '1 second' where id = ${sid}`
    await expectRefusal(oauth.db, await oauth.refresh(web, bound.refresh_token), 400, 'invalid_grant')
    expect(await oauth.introspect(web, bound.refresh_token ?? '')).toEqual(inactive)
    expect(await oauth.introspect(web, long.refresh_token ?? '')).toMatchObject({ active: true })
  })
})

describe('the caller', () => {
  it('has to prove who it is: 401 otherwise (§2.1)', async () => {
    const spa = await oauth.client({ type: 'spa' })
    const reply = await oauth.post('/oauth/introspect', spa, { token: tokens.access_token })
    await expectRefusal(oauth.db, reply, 401, 'invalid_client')
    const nobody = await oauth.server.client().post('/oauth/introspect', { token: tokens.access_token })
    await expectRefusal(oauth.db, nobody, 401, 'invalid_client')
    const liar = await oauth.post('/oauth/introspect', { ...web, client_secret: 'wrong' }, { token: 'x' })
    await expectRefusal(oauth.db, liar, 401, 'invalid_client')
    expect(liar.headers['www-authenticate']).toMatch(/^Basic /)
  })

  it('cannot do so with a bearer token, not even a live one', async () => {
    const reply = await oauth.server
      .client()
      .post('/oauth/introspect', { token: tokens.access_token }, { authorization: `Bearer ${tokens.access_token}` })
    await expectRefusal(oauth.db, reply, 401, 'invalid_client')
  })

  it('has to send a token', async () => {
    await expectRefusal(oauth.db, await oauth.post('/oauth/introspect', web, {}), 400, 'invalid_request')
    const empty = await oauth.post('/oauth/introspect', web, { token: '' })
    await expectRefusal(oauth.db, empty, 400, 'invalid_request')
  })

  it('gets no CORS headers: this is for servers', async () => {
    const spa = await oauth.client({ type: 'spa', redirect_uris: ['https://spa.example/callback'] })
    const reply = await oauth.server
      .client()
      .post('/oauth/introspect', { token: 'x', client_id: spa.client_id }, { origin: 'https://spa.example' })
    expect(reply.headers['access-control-allow-origin']).toBeUndefined()
  })
})
