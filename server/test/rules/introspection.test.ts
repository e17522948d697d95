/** The rules of UserInfo and introspection, each by its number (security.md 1.3). */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, it } from 'vitest'
import { changeStatus } from '../../src/users/status.ts'
import { setClientStatus } from '../../src/clients/manage.ts'
import { makeApiKey } from '../support/api-keys.ts'
import type { TestClient } from '../support/fixtures.ts'
import {
  claimsOf,
  expectError,
  expectNoStore,
  type Oauth,
  openOauth,
  type Person,
  type Tokens,
} from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let web: TestClient
const inactive = '{"active":false}'

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person()
  web = await oauth.client()
})

const ask = async (client: TestClient, token: string | undefined): Promise<[number, string]> => {
  const reply = await oauth.post('/oauth/introspect', client, { token })
  expectNoStore(reply)
  return [reply.status, reply.body]
}

it('UI-1: no token is 401 without an error code; a bad one 401 invalid_token; no openid 403; in the query 400', async () => {
  const { access_token } = await oauth.grant(ada, web)
  const none = await oauth.server.client().get('/oauth/userinfo')
  expect([none.status, none.body, none.headers['www-authenticate']]).toEqual([401, '', 'Bearer realm="keywright"'])
  const bad = await oauth.userinfo('garbage')
  expectError(bad, 401, 'invalid_token')
  expect(bad.headers['www-authenticate']).toContain('error="invalid_token"')
  const narrow = await oauth.grant(ada, web, { scope: 'profile' })
  expectError(await oauth.userinfo(narrow.access_token), 403, 'insufficient_scope')
  expectError(await oauth.server.client().get(`/oauth/userinfo?access_token=${access_token}`), 400, 'invalid_request')
  expectError(await oauth.server.client().request('/oauth/userinfo', { method: 'PUT' }), 405, 'method_not_allowed')
  const good = await oauth.userinfo(access_token)
  expect(good.status).toBe(200)
  expectNoStore(good)
})

it('UI-1, G-3: expired, revoked, of a disabled account or client: all 401 invalid_token, with nothing that tells them apart', async () => {
  const client = await oauth.client({ access_token_format: 'opaque' })
  const revoked = await oauth.grant(ada, web)
  await oauth.post('/oauth/revoke', web, { token: revoked.access_token })
  const expired = await oauth.grant(ada, client)
  await oauth.db`update access_tokens set expires_at = now() - interval '1 second' where client_id = ${client.client_id}`
  const person = await oauth.person()
  const disabled = await oauth.grant(person, web)
  await oauth.revoking(async (ctx) => await changeStatus(ctx, person.user.user_id, 'disabled'))
  const gone = await oauth.client()
  const orphaned = await oauth.grant(ada, gone)
  await oauth.revoking(async (ctx) => await setClientStatus(ctx, gone.client_id, 'disabled'))
  const answers = []
  for (const { access_token } of [revoked, expired, disabled, orphaned]) {
    const reply = await oauth.userinfo(access_token)
    expectError(reply, 401, 'invalid_token')
    answers.push(reply.body.replace(/err_\w+/, ''), reply.headers['www-authenticate'])
  }
  expect(new Set(answers).size).toBe(2)
})

it('IN-1: the caller is authenticated, or it is 401', async () => {
  const { access_token } = await oauth.grant(ada, web)
  const spa = await oauth.client({ type: 'spa' })
  for (const client of [spa, { ...web, client_secret: 'wrong' }, { ...web, client_secret: undefined }])
    expectError(await oauth.post('/oauth/introspect', client, { token: access_token }), 401, 'invalid_client')
})

it('IN-1: a caller sees only tokens that it owns or is the audience of', async () => {
  const resource = 'https://api.example/'
  const owner = await oauth.client({ resources: [resource] })
  const api = await oauth.client({ type: 'machine', audiences: [resource] })
  const otherApi = await oauth.client({ type: 'machine', audiences: ['https://other.example/', `${resource}x`] })
  const { access_token } = await oauth.grant(ada, owner, { resource })
  for (const client of [owner, api]) expect((await ask(client, access_token))[1]).toContain('"active":true')
  for (const client of [otherApi, web]) expect(await ask(client, access_token)).toEqual([200, inactive])
})

it('IN-1: a refresh token is for its own client only, whatever audience it has', async () => {
  const resource = 'https://api.example/'
  const owner = await oauth.client({ resources: [resource] })
  const api = await oauth.client({ type: 'machine', audiences: [resource] })
  const { refresh_token = '' } = await oauth.grant(ada, owner, { resource })
  expect((await ask(owner, refresh_token))[1]).toContain('"active":true')
  expect(await ask(api, refresh_token)).toEqual([200, inactive])
})

it('IN-1: unknown, malformed, expired, revoked, disabled: exactly the same 200', async () => {
  const revoked = await oauth.grant(ada, web)
  await oauth.post('/oauth/revoke', web, { token: revoked.refresh_token })
  const expired = await oauth.grant(ada, web)
  await oauth.db`update refresh_families set idle_expires_at = now() - interval '1 second' where id = ${String(claimsOf(expired.access_token)['grant_id'])}`
  const person = await oauth.person()
  const disabled = await oauth.grant(person, web)
  await oauth.revoking(async (ctx) => await changeStatus(ctx, person.user.user_id, 'locked'))
  const tokens = [
    'unknown',
    '',
    revoked.access_token,
    revoked.refresh_token,
    expired.refresh_token,
    disabled.access_token,
    disabled.refresh_token,
    disabled.id_token,
    web.client_secret,
  ]
  for (const token of tokens.filter((one) => one !== '')) expect(await ask(web, token)).toEqual([200, inactive])
})

it('IN-1: not-before marks at every level end what was issued earlier: user, client, session, family, key', async () => {
  const marks: [string, (tokens: Tokens, person: Person) => [string, string]][] = [
    ['user', (_tokens, { user }) => ['user', user.user_id]],
    ['session', ({ id_token = '' }) => ['session', String(claimsOf(id_token)['sid'])]],
    ['family', ({ access_token }) => ['family', String(claimsOf(access_token)['grant_id'])]],
    ['jti', ({ access_token }) => ['jti', String(claimsOf(access_token)['jti'])]],
  ]
  const dead: Tokens[] = []
  for (const [, mark] of marks) {
    const person = await oauth.person()
    const tokens = await oauth.grant(person, web, { scope: 'openid' })
    expect((await ask(web, tokens.access_token))[1]).toContain('"active":true')
    const [kind, key] = mark(tokens, person)
    await oauth.db`insert into revocations (kind, key, not_before, expires_at) values (${kind}, ${key}, now(), now() + interval '1 hour')`
    dead.push(tokens)
  }
  const client = await oauth.client()
  const own = await oauth.grant(ada, client)
  await oauth.db`insert into revocations (kind, key, not_before, expires_at) values ('client', ${client.client_id}, now(), now() + interval '1 hour')`
  // Written by somebody else, without a word to this node: it has to find out by itself.
  await sleep(2000)
  for (const { access_token } of dead) expect(await ask(web, access_token)).toEqual([200, inactive])
  expect(await ask(client, own.access_token)).toEqual([200, inactive])
  expect((await ask(client, (await oauth.grant(ada, client)).access_token))[1]).toContain('"active":true')
})

it('IN-1, AK-1: an API sees whose an API key is, and of its rights those that are for it; nobody else sees anything', async () => {
  const resource = 'https://orders.example'
  const api = await oauth.client({ type: 'machine', scope: 'orders', audiences: [resource] })
  const user = await oauth.user()
  await oauth.db`insert into user_roles (user_id, role_id) select ${user.user_id}, id from roles where name = 'admin'`
  const [general] = await oauth.db<{ id: string }[]>`
    insert into permissions (name, resource, action) values ('orders:read', 'orders', 'read') returning id`
  await oauth.db`insert into role_permissions (role_id, permission_id)
    select id, ${general?.id ?? ''} from roles where name = 'admin'`
  const { id, key } = await makeApiKey(oauth.db, user.user_id, ['orders:read', 'users:read'])
  const [status, body] = await ask(api, key)
  expect([status, JSON.parse(body)]).toEqual([
    200,
    {
      active: true,
      token_type: 'api_key',
      iss: oauth.server.issuer,
      sub: user.user_id,
      client_id: `key_${id}`,
      aud: resource,
      exp: expect.any(Number) as number,
      roles: [],
      // users:read is Keywright's own: of no use to another API.
      permissions: ['orders:read'],
    },
  ])
  expect(await ask(web, key)).toEqual([200, inactive])
  expect(await ask(api, `${key.slice(0, -1)}!`)).toEqual([200, inactive])
  await oauth.db`update api_keys set status = 'inactive' where id = ${id}`
  // Copies of rows live for a second.
  await sleep(1100)
  expect(await ask(api, key)).toEqual([200, inactive])
})
