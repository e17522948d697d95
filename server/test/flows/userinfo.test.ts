/** UserInfo over HTTP: OpenID Connect Core §5.3, §5.4; RFC 6750 §2, §3. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import {
  claimsOf,
  eventually,
  expectNoStore,
  expectRefusal,
  type Oauth,
  openOauth,
  type Person,
} from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let web: TestClient
const everything = 'openid profile email phone address roles'

beforeAll(async () => {
  oauth = await openOauth()
  web = await oauth.client({ scope: everything })
  ada = await oauth.person(
    await oauth.user({
      email: 'Ada.L@Example.com',
      username: 'ada',
      name: 'Ada Lovelace',
      roles: ['admin'],
      claims: {
        nickname: 'Countess',
        birthdate: '1815-12-10',
        address: { country: 'GB', locality: 'London' },
        department: 'engines',
        email_verified: true,
        sub: 'somebody-else',
        roles: ['root'],
      },
    }),
  )
  await oauth.db`
    update users set given_name = 'Ada', family_name = 'Lovelace', phone_number = '+441234567', zoneinfo = 'Europe/London'
    where id = ${ada.user.user_id}`
})

const tokenFor = async (scope: string): Promise<string> => (await oauth.grant(ada, web, { scope })).access_token

/** RFC 6750 §3.1: 401 with the error in the challenge. */
const expectInvalidToken = async (reply: Reply): Promise<void> => {
  await expectRefusal(oauth.db, reply, 401, 'invalid_token')
  expect(reply.headers['www-authenticate']).toBe('Bearer realm="keywright", error="invalid_token"')
}

describe('claims by scope (Core §5.4)', () => {
  it.each([
    ['openid', []],
    ['openid email', ['email', 'email_verified']],
    ['openid phone', ['phone_number', 'phone_number_verified']],
    ['openid address', ['address']],
    ['openid roles', ['permissions', 'roles']],
    [
      'openid profile',
      [
        'birthdate',
        'department',
        'family_name',
        'given_name',
        'name',
        'nickname',
        'preferred_username',
        'updated_at',
        'zoneinfo',
      ],
    ],
  ])('%s opens %j', async (scope, names) => {
    const reply = await oauth.userinfo(await tokenFor(scope))
    expect(reply.status).toBe(200)
    expect(Object.keys(reply.json()).toSorted()).toEqual(['sub', ...names].toSorted())
  })

  it('has the types of Core §5.1: booleans, integer seconds, an object', async () => {
    const claims = (await oauth.userinfo(await tokenFor(everything))).json()
    expect(claims).toMatchObject({
      sub: ada.user.user_id,
      name: 'Ada Lovelace',
      preferred_username: 'ada',
      email: 'Ada.L@Example.com',
      email_verified: true,
      phone_number: '+441234567',
      phone_number_verified: false,
      address: { country: 'GB', locality: 'London' },
      roles: ['admin'],
    })
    expect(Number.isInteger(claims['updated_at'])).toBe(true)
    expect(Number(claims['updated_at'])).toBeLessThan(10_000_000_000)
    expect(claims['permissions']).toContain('users:read')
  })

  it('sub is the one of the ID token (Core §5.3.2), whatever a stored claim says', async () => {
    const tokens = await oauth.grant(ada, web, { scope: 'openid profile' })
    const { sub } = (await oauth.userinfo(tokens.access_token)).json()
    expect(sub).toBe(claimsOf(tokens.id_token ?? '')['sub'])
  })

  it('email_verified is false until the address is proved', async () => {
    const person = await oauth.person(await oauth.user({ email_verified: false, claims: { email_verified: true } }))
    const { access_token } = await oauth.grant(person, web, { scope: 'openid profile email' })
    expect((await oauth.userinfo(access_token)).json()['email_verified']).toBe(false)
  })
})

describe('ways to ask', () => {
  it('GET and POST, header in any case, form body (RFC 6750 §2.1, §2.2)', async () => {
    const token = await tokenFor('openid')
    const client = oauth.server.client()
    const replies = [
      await client.get('/oauth/userinfo', { authorization: `Bearer ${token}` }),
      await client.get('/oauth/userinfo', { authorization: `bearer ${token}` }),
      await client.get('/oauth/userinfo', { authorization: `BEARER   ${token}` }),
      await client.post('/oauth/userinfo', {}, { authorization: `Bearer ${token}` }),
      await client.request('/oauth/userinfo', { method: 'POST', headers: { authorization: `Bearer ${token}` } }),
      await client.post('/oauth/userinfo', { access_token: token }),
    ]
    for (const reply of replies) {
      expect([reply.status, reply.json()]).toEqual([200, { sub: ada.user.user_id }])
      expectNoStore(reply)
    }
  })

  it.each(['PUT', 'DELETE', 'PATCH'])('%s is 405 with Allow', async (method) => {
    const reply = await oauth.server.client().request('/oauth/userinfo', { method })
    await expectRefusal(oauth.db, reply, 405, 'method_not_allowed')
    expect(reply.headers.allow).toBe('GET, HEAD, POST')
  })
})

describe('refusals', () => {
  it('no token: 401 with a bare challenge, no error code (RFC 6750 §3.1)', async () => {
    for (const reply of [
      await oauth.server.client().get('/oauth/userinfo'),
      await oauth.server.client().post('/oauth/userinfo', {}),
    ]) {
      expect([reply.status, reply.body]).toEqual([401, ''])
      expect(reply.headers['www-authenticate']).toBe('Bearer realm="keywright"')
      expectNoStore(reply)
    }
  })

  it.each([
    ['garbage', 'Bearer garbage'],
    ['nothing after the scheme', 'Bearer'],
    ['another scheme', 'Basic YTpi'],
    ['two tokens', 'Bearer a b'],
    ['an opaque token nobody issued', 'Bearer kw_at_000000'],
  ])('%s: 401 invalid_token', async (_name, authorization) => {
    await expectInvalidToken(await oauth.server.client().get('/oauth/userinfo', { authorization }))
  })

  it('a token in the query: 400, even a good one (RFC 9700 §4.3.2)', async () => {
    const token = await tokenFor('openid')
    const client = oauth.server.client()
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      const reply = await client.get(`/oauth/userinfo?access_token=${token}`, headers)
      await expectRefusal(oauth.db, reply, 400, 'invalid_request')
      expect(reply.headers['www-authenticate']).toContain('error="invalid_request"')
    }
  })

  it('a token sent twice, in any way: 400 (RFC 6750 §2, §3.1)', async () => {
    const token = await tokenFor('openid')
    const client = oauth.server.client()
    const headers = { authorization: `Bearer ${token}` }
    const both = await client.post('/oauth/userinfo', { access_token: token }, headers)
    await expectRefusal(oauth.db, both, 400, 'invalid_request')
    const repeated = await client.post('/oauth/userinfo', [
      ['access_token', token],
      ['access_token', token],
    ])
    await expectRefusal(oauth.db, repeated, 400, 'invalid_request')
  })

  it('without openid: 403 insufficient_scope, and the scope that is needed', async () => {
    const reply = await oauth.userinfo(await tokenFor('profile email'))
    await expectRefusal(oauth.db, reply, 403, 'insufficient_scope')
    expect(reply.headers['www-authenticate']).toBe(
      'Bearer realm="keywright", error="insufficient_scope", scope="openid"',
    )
  })

  it('a person or a client that was disabled: 401 within two seconds', async () => {
    const person = await oauth.person()
    const one = await oauth.grant(person, web, { scope: 'openid' })
    await oauth.db`update users set status = 'disabled' where id = ${person.user.user_id}`
    const client = await oauth.client()
    const two = await oauth.grant(ada, client)
    await oauth.db`update clients set status = 'disabled' where client_id = ${client.client_id}`
    for (const { access_token } of [one, two]) {
      const reply = await eventually(async () => {
        const answer = await oauth.userinfo(access_token)
        return answer.status === 200 ? undefined : answer
      })
      await expectInvalidToken(reply)
    }
  })
})
