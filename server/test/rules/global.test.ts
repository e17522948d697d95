/** The rules of every surface, on the endpoints of clients, each by its number (security.md 1.0b). G-6 is in http.test.ts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { mintOpaque } from '../../src/protocol/opaque-token.ts'
import { freshDatabase, testDatabase } from '../support/database.ts'
import { fixtures, type TestClient } from '../support/fixtures.ts'
import { type Gate, openGate } from '../support/gate.ts'
import type { Reply } from '../support/http.ts'
import {
  basic,
  eventually,
  expectError,
  type Oauth,
  oauthAt,
  openOauth,
  type Person,
  type Tokens,
  tokensOf,
} from '../support/oauth.ts'
import { startServer } from '../support/server.ts'

let gate: Gate
let oauth: Oauth
let ada: Person
let web: TestClient
let strict: TestClient

beforeAll(async () => {
  gate = await openGate(inject('postgres').address, (await testDatabase()).name)
  oauth = await openOauth({ env: gate.env })
  ada = await oauth.person()
  web = await oauth.client()
  strict = await oauth.client({ refresh_grace_seconds: 0 })
})

it('G-1: without its database every endpoint says 503 and no verdict; afterwards everything is as it was', async () => {
  const code = await oauth.code(ada, web)
  const tokens = await oauth.grant(ada, web)
  const opaque = await oauth.client({ access_token_format: 'opaque' })
  const plain = await oauth.grant(ada, opaque)
  const asks: [string, () => Promise<Reply>][] = [
    ['code', async () => await oauth.redeem(web, code)],
    ['refresh', async () => await oauth.refresh(web, tokens.refresh_token)],
    ['bad refresh', async () => await oauth.refresh(strict, tokens.refresh_token)],
    ['unknown client', async () => await oauth.token({ ...web, client_id: 'app_unknown' }, { grant_type: 'x' })],
    ['introspect', async () => await oauth.post('/oauth/introspect', web, { token: tokens.access_token })],
    ['introspect refresh', async () => await oauth.post('/oauth/introspect', web, { token: tokens.refresh_token })],
    ['introspect opaque', async () => await oauth.post('/oauth/introspect', opaque, { token: plain.access_token })],
    ['userinfo', async () => await oauth.userinfo(tokens.access_token)],
    ['userinfo opaque', async () => await oauth.userinfo(plain.access_token)],
    ['revoke', async () => await oauth.post('/oauth/revoke', web, { token: tokens.access_token })],
    ['authorize', async () => await ada.browser.get(`/oauth/authorize?client_id=${web.client_id}`)],
  ]
  await gate.shut()
  for (const [name, ask] of asks) {
    const reply = await eventually(async () => {
      const answer = await ask()
      // What memory still knows is told truthfully for a moment; anything else would be a verdict.
      const isTruth = answer.status === 200 && !answer.body.includes('"active":false')
      expect([name, isTruth || answer.status === 503]).toEqual([name, true])
      return answer.status === 503 ? answer : undefined
    })
    expect(reply.headers['retry-after']).toBe('1')
    expect(name === 'authorize' || reply.json()['error'] === 'temporarily_unavailable').toBe(true)
    expect(reply.body).not.toMatch(/invalid_grant|invalid_token|invalid_client|ECONN|postgres/i)
  }
  await gate.open()
  await eventually(async () => ((await oauth.server.client().get('/health/ready')).status === 200 ? true : undefined))
  expect((await oauth.redeem(web, code)).status).toBe(200)
  expect((await oauth.userinfo(plain.access_token)).status).toBe(200)
  expect((await oauth.refresh(web, tokens.refresh_token)).status).toBe(200)
})

it('G-2: of fifty uses of one code at once exactly one succeeds', async () => {
  const code = await oauth.code(ada, web)
  const replies = await Promise.all(Array.from({ length: 50 }, async () => await oauth.redeem(web, code)))
  expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1)
  for (const reply of replies.filter(({ status }) => status !== 200)) expectError(reply, 400, 'invalid_grant')
})

it('G-2: of fifty uses of one refresh token at once exactly one gives a successor, without grace', async () => {
  const { refresh_token } = await oauth.grant(ada, strict)
  const replies = await Promise.all(Array.from({ length: 50 }, async () => await oauth.refresh(strict, refresh_token)))
  expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1)
})

it('G-3: whoever is disabled, locked, leaving or gone gets nothing anywhere two seconds later', async () => {
  const cast: {
    person: Person
    tokens: Tokens
    code: Awaited<ReturnType<Oauth['code']>>
    end: (id: string) => Promise<unknown>
  }[] = []
  const ends = [
    ...['disabled', 'locked', 'pending_erasure'].map(
      (status) => async (id: string) => await oauth.db`update users set status = ${status} where id = ${id}`,
    ),
    async (id: string) => await oauth.db`delete from users where id = ${id}`,
  ]
  for (const end of ends) {
    const person = await oauth.person()
    cast.push({ person, tokens: await oauth.grant(person, web), code: await oauth.code(person, web), end })
    expect((await oauth.userinfo(cast.at(-1)?.tokens.access_token ?? '')).status).toBe(200)
  }
  const client = await oauth.client()
  const own = { tokens: await oauth.grant(ada, client), code: await oauth.code(ada, client) }
  // By hand, without a word to the server.
  for (const { person, end } of cast) await end(person.user.user_id)
  await oauth.db`update clients set status = 'disabled' where client_id = ${client.client_id}`
  await sleep(2000)
  for (const { person, tokens, code } of cast) {
    expectError(await oauth.redeem(web, code), 400, 'invalid_grant')
    expectError(await oauth.refresh(web, tokens.refresh_token), 400, 'invalid_grant')
    expectError(await oauth.userinfo(tokens.access_token), 401, 'invalid_token')
    for (const token of [tokens.access_token, tokens.refresh_token ?? ''])
      expect(await oauth.introspect(web, token)).toEqual({ active: false })
    await expect(oauth.code(person, web)).rejects.toThrow(/no code/)
  }
  expectError(await oauth.redeem(client, own.code), 401, 'invalid_client')
  expectError(await oauth.refresh(client, own.tokens.refresh_token), 401, 'invalid_client')
  expectError(await oauth.userinfo(own.tokens.access_token), 401, 'invalid_token')
})

it('G-4: what has expired is refused although it is still there', async () => {
  const code = await oauth.code(ada, web)
  const tokens = await oauth.grant(ada, web)
  const opaque = await oauth.client({ access_token_format: 'opaque' })
  const { access_token } = await oauth.grant(ada, opaque)
  const past = oauth.db`now() - interval '1 second'`
  await oauth.db`update authorization_codes set expires_at = ${past} where client_id = ${web.client_id} and used_at is null`
  await oauth.db`update refresh_families set expires_at = ${past} where client_id = ${web.client_id}`
  await oauth.db`update access_tokens set expires_at = ${past} where client_id = ${opaque.client_id}`
  expectError(await oauth.redeem(web, code), 400, 'invalid_grant')
  expectError(await oauth.refresh(web, tokens.refresh_token), 400, 'invalid_grant')
  expectError(await oauth.userinfo(access_token), 401, 'invalid_token')
  expect(await oauth.db`select 1 from access_tokens where client_id = ${opaque.client_id}`).toHaveLength(1)
})

describe('G-5', () => {
  it('one thing is never taken for another, and trying does no harm', async () => {
    const opaque = await oauth.client({ access_token_format: 'opaque' })
    const code = await oauth.code(ada, web)
    const tokens = await oauth.grant(ada, web)
    const plain = await oauth.grant(ada, opaque)
    const things = [
      tokens.access_token,
      tokens.id_token,
      tokens.refresh_token,
      plain.access_token,
      web.client_secret,
      code.code,
      mintOpaque('su', Buffer.alloc(32, 1)),
      mintOpaque('ak', Buffer.alloc(32, 1)),
    ]
    for (const thing of things) {
      const value = thing ?? ''
      if (value !== tokens.access_token && value !== plain.access_token)
        expectError(await oauth.userinfo(value), 401, 'invalid_token')
      if (value !== code.code) expectError(await oauth.redeem(web, code, { code: value }), 400, 'invalid_grant')
      if (value !== tokens.refresh_token) expectError(await oauth.refresh(web, value), 400, 'invalid_grant')
      if (value !== web.client_secret)
        expectError(await oauth.token({ ...web, client_secret: value }, { grant_type: 'x' }), 401, 'invalid_client')
      const session = await oauth.server.client().get('/account', { cookie: `kw_session=${value}` })
      expect(session.location?.pathname).toBe('/login')
    }
    expect((await oauth.redeem(web, code)).status).toBe(200)
    expect((await oauth.refresh(web, tokens.refresh_token)).status).toBe(200)
  })

  it('the value of a session cookie is no token', async () => {
    const cookie = ada.browser.jar.get('kw_session')?.value ?? ''
    expect(cookie).not.toBe('')
    expectError(await oauth.userinfo(cookie), 401, 'invalid_token')
    expect(await oauth.introspect(web, cookie)).toEqual({ active: false })
    expectError(await oauth.refresh(web, cookie), 400, 'invalid_grant')
    expect((await ada.browser.get('/account')).status).toBe(200)
  })
})

it('G-7: tokens, codes, clients and cookies of another deployment are as if they did not exist', async () => {
  const database = await freshDatabase()
  const server = await startServer({ database })
  const elsewhere = oauthAt(server, await fixtures({ env: server.env, db: database.sql }))
  const person = await elsewhere.person()
  const foreign = await elsewhere.client()
  const tokens = await elsewhere.grant(person, foreign)
  const code = await elsewhere.code(person, foreign)
  expectError(await oauth.userinfo(tokens.access_token), 401, 'invalid_token')
  for (const token of [tokens.access_token, tokens.refresh_token ?? '', tokens.id_token ?? ''])
    expect(await oauth.introspect(web, token)).toEqual({ active: false })
  expectError(await oauth.refresh(web, tokens.refresh_token), 400, 'invalid_grant')
  expectError(await oauth.redeem(web, code), 400, 'invalid_grant')
  expectError(await oauth.redeem(foreign, code), 401, 'invalid_client')
  expect((await oauth.post('/oauth/revoke', web, { token: tokens.refresh_token })).status).toBe(200)
  const cookie = person.browser.jar.get('kw_session')?.value ?? ''
  expect((await oauth.server.client().get('/account', { cookie: `kw_session=${cookie}` })).location?.pathname).toBe(
    '/login',
  )
  expect((await elsewhere.userinfo(tokens.access_token)).status).toBe(200)
})

it('G-8: an error carries code, sentence and id; nothing of the inside, nothing of what was sent', async () => {
  const evil = '"><script>alert(1)</script>'
  const replies = [
    await oauth.token(web, { grant_type: evil }),
    await oauth.token(web, { grant_type: 'authorization_code', code: evil }),
    await oauth.refresh(web, evil),
    await oauth.token({ ...web, client_id: evil, client_secret: evil }, { grant_type: evil }),
    await oauth.userinfo('abc'),
    await oauth.post('/oauth/introspect', web, { [evil]: evil }),
    await oauth.server.client().post('/oauth/token', [
      [evil, '1'],
      [evil, '2'],
      ['client_id', web.client_id],
    ]),
  ]
  await oauth.db`alter table events add constraint no_more check (false) not valid`
  replies.push(await oauth.token(web, { grant_type: 'nonsense' }))
  await oauth.db`alter table events drop constraint no_more`
  expect(replies.at(-1)?.status).toBe(500)
  for (const reply of replies) {
    expect(Object.keys(reply.json()).toSorted()).toEqual(['error', 'error_description', 'error_id'])
    expect(reply.headers['x-request-id']).toBeDefined()
    expect(reply.headers['x-content-type-options']).toBe('nosniff')
    expect(reply.body).not.toMatch(/<script|alert\(|stack|node_modules|\.ts|select |insert |constraint|no_more|events/i)
  }
})

it('G-9: that something was sent proves nothing', async () => {
  const form = { grant_type: 'client_credentials' }
  const machine = await oauth.client({ type: 'machine' })
  const { client_id } = machine
  const client = oauth.server.client()
  const attempts: [Record<string, string>, Record<string, string>][] = [
    [{ client_id }, {}],
    [{ client_id, client_secret: '' }, {}],
    [{}, basic(client_id, '')],
    [{}, { authorization: `Basic ${Buffer.from(client_id).toString('base64')}` }],
    [
      {
        client_id,
        client_assertion: 'x',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
      {},
    ],
    [{ client_id }, { 'x-client-id': client_id, 'x-authenticated-client': client_id }],
    [{ client_id, token_endpoint_auth_method: 'none' }, {}],
  ]
  for (const [extra, headers] of attempts)
    expectError(await client.post('/oauth/token', { ...form, ...extra }, headers), 401, 'invalid_client')
  for (const headers of [{ 'x-user-id': ada.user.user_id }, { cookie: `kw_user=${ada.user.user_id}` }, { dpop: 'x' }])
    expect((await client.get('/oauth/userinfo', headers)).status).toBe(401)
  expect(tokensOf(await oauth.token(machine, form)).token_type).toBe('Bearer')
})
