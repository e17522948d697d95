/** Cross-origin access over HTTP, as a browser application meets it: Fetch §3.2, security rule CR-1. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import { eventually, type Oauth, openOauth, type Person, tokensOf } from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let spa: TestClient
const own = 'https://app.example'
const others = 'https://other.example'
const stranger = 'https://stranger.example'

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person()
  spa = await oauth.client({ type: 'spa', redirect_uris: [`${own}/callback`] })
  await oauth.client({ type: 'spa', redirect_uris: [`${others}/callback`] })
})

const expectReadable = (reply: Reply, origin: string): void => {
  expect(reply.headers['access-control-allow-origin']).toBe(origin)
  expect(reply.headers.vary).toMatch(/\bOrigin\b/i)
  expect(reply.headers['access-control-allow-credentials']).toBeUndefined()
}
const expectUnreadable = (reply: Reply): void => {
  expect(reply.headers['access-control-allow-origin']).toBeUndefined()
  expect(reply.headers.vary).toMatch(/\bOrigin\b/i)
}

describe('the token endpoint', () => {
  it('lets the origin of the client read tokens, and the headers it needs', async () => {
    const code = await oauth.code(ada, spa)
    const reply = await oauth.token(spa, { grant_type: 'authorization_code', ...code }, { origin: own })
    expect(reply.status).toBe(200)
    expectReadable(reply, own)
    expect(reply.headers['access-control-expose-headers']).toBe('WWW-Authenticate, Retry-After, X-Request-ID')
  })

  it.each([others, stranger, 'null', `${own}.evil.example`, `${own}:8443`, 'http://app.example', `${own}/`])(
    'does not let %s read them',
    async (origin) => {
      const reply = await oauth.redeem(spa, await oauth.code(ada, spa))
      expect(reply.headers['access-control-allow-origin']).toBeUndefined()
      const code = await oauth.code(ada, spa)
      expectUnreadable(await oauth.token(spa, { grant_type: 'authorization_code', ...code }, { origin }))
    },
  )

  it('refusals can be read too, or the application could not say what is wrong', async () => {
    expectReadable(await oauth.token(spa, { grant_type: 'authorization_code', code: 'x' }, { origin: own }), own)
    expectReadable(await oauth.token(spa, { grant_type: 'nonsense' }, { origin: own }), own)
    const client = oauth.server.client()
    const nobody = await client.post('/oauth/token', { client_id: 'app_nobody' }, { origin: own })
    expect(nobody.status).toBe(401)
    expectUnreadable(nobody)
  })

  it.each([
    ['of another type', { method: 'POST', json: {} }, 415],
    ['that is too large', { method: 'POST', form: { a: 'x'.repeat(70_000) } }, 413],
    ['that cannot be read', { method: 'POST', form: { a: '\0' } }, 400],
    ['with another method', { method: 'PUT' }, 405],
  ])('a request %s is refused readably for a registered origin', async (_name, request, status) => {
    const client = oauth.server.client()
    const reply = await client.request('/oauth/token', { ...request, headers: { origin: own } })
    expect(reply.status).toBe(status)
    expectReadable(reply, own)
    const foreign = await client.request('/oauth/token', { ...request, headers: { origin: stranger } })
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined()
  })
})

const preflight = async (path: string, origin: string, method = 'POST'): Promise<Reply> =>
  await oauth.server.client().request(path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization' },
  })

describe('preflight', () => {
  it.each(['/oauth/token', '/oauth/revoke', '/oauth/userinfo', '/token', '/userinfo'])(
    '%s: any registered origin, no other',
    async (path) => {
      for (const origin of [own, others]) {
        const reply = await preflight(path, origin)
        expect([reply.status, reply.body]).toEqual([204, ''])
        expectReadable(reply, origin)
        expect(reply.headers['access-control-allow-methods']).toContain('POST')
        expect(reply.headers['access-control-allow-headers']).toBe('Authorization, Content-Type, DPoP')
        expect(reply.headers['access-control-max-age']).toBe('600')
      }
      for (const origin of [stranger, 'null']) expectUnreadable(await preflight(path, origin))
    },
  )

  it.each(['/oauth/introspect', '/oauth/authorize', '/login', '/health'])('%s: nobody', async (path) => {
    const reply = await preflight(path, own)
    expect(reply.headers['access-control-allow-origin']).toBeUndefined()
    expect(reply.headers['access-control-allow-methods']).toBeUndefined()
    expect(reply.headers.allow).toContain('OPTIONS')
  })

  it('the origins of a disabled client are registered no longer', async () => {
    const origin = 'https://gone.example'
    const client = await oauth.client({ type: 'spa', redirect_uris: [`${origin}/callback`] })
    expectReadable(await preflight('/oauth/token', origin), origin)
    await oauth.db`update clients set status = 'disabled' where client_id = ${client.client_id}`
    const reply = await eventually(async () => {
      const answer = await preflight('/oauth/token', origin)
      return answer.headers['access-control-allow-origin'] === undefined ? answer : undefined
    })
    expectUnreadable(reply)
  })
})

describe('other endpoints', () => {
  it('UserInfo: the origin of the client of the token, JWT or opaque', async () => {
    for (const access_token_format of ['jwt', 'opaque']) {
      const client = await oauth.client({ type: 'spa', redirect_uris: [`${own}/callback`], access_token_format })
      const { access_token } = await oauth.grant(ada, client)
      const ask = async (origin: string) =>
        await oauth.server.client().get('/oauth/userinfo', { authorization: `Bearer ${access_token}`, origin })
      expectReadable(await ask(own), own)
      expectUnreadable(await ask(stranger))
    }
  })

  it('UserInfo: refusals as well', async () => {
    const reply = await oauth.server.client().get('/oauth/userinfo', { authorization: 'Bearer x', origin: own })
    expect(reply.status).toBe(401)
    expectReadable(reply, own)
  })

  it('revocation', async () => {
    const tokens = tokensOf(await oauth.redeem(spa, await oauth.code(ada, spa)))
    const form = { token: tokens.access_token, client_id: spa.client_id }
    expectReadable(await oauth.server.client().post('/oauth/revoke', form, { origin: own }), own)
    expectUnreadable(await oauth.server.client().post('/oauth/revoke', form, { origin: others }))
  })

  it.each([
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/.well-known/jwks.json',
    '/jwks.json',
  ])('%s: everybody, without credentials', async (path) => {
    const reply = await oauth.server.client().get(path, { origin: stranger })
    expect(reply.headers['access-control-allow-origin']).toBe('*')
    expect(reply.headers['access-control-allow-credentials']).toBeUndefined()
    expect((await preflight(path, stranger, 'GET')).headers['access-control-allow-origin']).toBe('*')
  })
})
