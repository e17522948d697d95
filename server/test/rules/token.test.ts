/** The rules of the token endpoint, each by its number (security.md 1.2). Flows and their details are in ../flows. */
import { beforeAll, expect, it } from 'vitest'
import { seedAccess } from '../../src/access/seed.ts'
import { transact } from '../../src/db/transact.ts'
import { hashToken } from '../../src/protocol/opaque-token.ts'
import { changeStatus } from '../../src/users/status.ts'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import {
  basic,
  claimsOf,
  type Code,
  eventsOf,
  expectError,
  expectNoStore,
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
let other: TestClient

beforeAll(async () => {
  oauth = await openOauth()
  await transact(oauth.db, seedAccess)
  ada = await oauth.person(await oauth.user({ roles: ['admin'] }))
  web = await oauth.client()
  other = await oauth.client()
})

const typesOf = async (reply: Reply): Promise<string[]> => (await eventsOf(oauth.db, reply)).map((event) => event.type)
const isAlive = async (tokens: Tokens): Promise<boolean> => (await oauth.userinfo(tokens.access_token)).status === 200
const usedAt = async ({ code }: Code): Promise<unknown> =>
  (await oauth.db`select used_at from authorization_codes where code_hash = ${hashToken(code)}`)[0]?.['used_at']

it('TK-1: a code is stored as its hash and bound to all it was issued for', async () => {
  const code = await oauth.code(ada, web, { nonce: 'n1' })
  const [row] =
    await oauth.db`select *, c::text as whole from authorization_codes c where code_hash = ${hashToken(code.code)}`
  expect(row?.['whole']).not.toContain(code.code)
  expect(row).toMatchObject({
    client_id: web.client_id,
    user_id: ada.user.user_id,
    redirect_uri: web.redirect_uri,
    nonce: 'n1',
    used_at: null,
  })
  expect(row?.['code_challenge']).toMatch(/^[\w-]{43}$/)
})

it('TK-1: a second fully valid use is invalid_grant and revokes every token of the grant, those of refreshes too', async () => {
  const code = await oauth.code(ada, web)
  const first = tokensOf(await oauth.redeem(web, code))
  const second = tokensOf(await oauth.refresh(web, first.refresh_token))
  const unrelated = await oauth.grant(ada, web)
  const replay = await oauth.redeem(web, code)
  expectError(replay, 400, 'invalid_grant')
  expect(await typesOf(replay)).toEqual(['code.replayed', 'token.refused'])
  for (const tokens of [first, second]) {
    expect(await isAlive(tokens)).toBe(false)
    expect(await oauth.introspect(web, tokens.access_token)).toEqual({ active: false })
    expectError(await oauth.refresh(web, tokens.refresh_token), 400, 'invalid_grant')
  }
  expect(await isAlive(unrelated)).toBe(true)
})

it('TK-1: for a client without refresh tokens a second use revokes the access token all the same', async () => {
  const once = await oauth.client({ grant_types: ['authorization_code'] })
  const code = await oauth.code(ada, once)
  const tokens = tokensOf(await oauth.redeem(once, code))
  expectError(await oauth.redeem(once, code), 400, 'invalid_grant')
  expect(await isAlive(tokens)).toBe(false)
})

it('TK-1: a replay with a wrong verifier, redirect_uri, client or proof of the client revokes nothing', async () => {
  const code = await oauth.code(ada, web)
  const tokens = tokensOf(await oauth.redeem(web, code))
  const replays = [
    await oauth.redeem(web, code, { code_verifier: 'A'.repeat(43) }),
    await oauth.redeem(web, code, { code_verifier: undefined }),
    await oauth.redeem(web, code, { redirect_uri: 'https://other.example/' }),
    await oauth.redeem(other, code),
  ]
  for (const reply of replays) {
    expectError(reply, 400, 'invalid_grant')
    expect(await typesOf(reply)).toEqual(['token.refused'])
  }
  expectError(await oauth.redeem({ ...web, client_secret: 'wrong' }, code), 401, 'invalid_client')
  expect(await isAlive(tokens)).toBe(true)
  expect((await oauth.refresh(web, tokens.refresh_token)).status).toBe(200)
})

it('TK-2: a wrong client leaves the code usable for its owner', async () => {
  const code = await oauth.code(ada, web)
  expectError(await oauth.redeem(other, code), 400, 'invalid_grant')
  expectError(await oauth.redeem(other, code, { code_verifier: 'A'.repeat(43) }), 400, 'invalid_grant')
  expect(await usedAt(code)).toBeNull()
  expect((await oauth.redeem(web, code)).status).toBe(200)
})

it('TK-2: the right client with a wrong or missing verifier or redirect_uri burns the code', async () => {
  for (const change of [
    { code_verifier: 'A'.repeat(43) },
    { code_verifier: undefined },
    { code_verifier: 'short' },
    { redirect_uri: 'https://other.example/' },
    { redirect_uri: undefined },
  ]) {
    const code = await oauth.code(ada, web)
    expectError(await oauth.redeem(web, code, change), 400, 'invalid_grant')
    expect(await usedAt(code)).not.toBeNull()
    expectError(await oauth.redeem(web, code), 400, 'invalid_grant')
  }
})

it('TK-2: a verifier is 43 to 128 unreserved characters, whatever it hashes to (RFC 7636 §4.1)', async () => {
  const lengths: [string, number][] = [
    ['a'.repeat(42), 400],
    ['a'.repeat(43), 200],
    ['a-._~Z9'.repeat(18), 200],
    ['a'.repeat(128), 200],
    ['a'.repeat(129), 400],
    [`${'a'.repeat(43)}+`, 400],
    [`${'a'.repeat(43)}é`, 400],
  ]
  const { hash } = await import('node:crypto')
  for (const [code_verifier, status] of lengths) {
    const code = await oauth.code(ada, web, { code_challenge: hash('sha256', code_verifier, 'base64url') })
    expect([code_verifier, (await oauth.redeem(web, code, { code_verifier })).status]).toEqual([code_verifier, status])
  }
})

it('TK-3: an unknown client and a wrong secret get the same answer, but for the error_id', async () => {
  const bare = (reply: Reply): unknown => {
    const { date: _date, 'x-request-id': _id, ...headers } = reply.headers
    return { status: reply.status, headers, body: reply.body.replace(/err_\w+/, '') }
  }
  const form = { grant_type: 'authorization_code', code: 'x' }
  const ask = async (client_id: string, secret: string): Promise<Reply> =>
    await oauth.server.client().post('/oauth/token', form, basic(client_id, secret))
  const unknown = await ask('app_nobody', 'wrong')
  expectError(unknown, 401, 'invalid_client')
  expect(unknown.headers['www-authenticate']).toBe('Basic realm="keywright", charset="UTF-8"')
  const disabled = await oauth.client()
  await oauth.db`update clients set status = 'disabled' where client_id = ${disabled.client_id}`
  for (const reply of [
    await ask(web.client_id, 'wrong'),
    await ask(web.client_id, ''),
    await ask(disabled.client_id, disabled.client_secret ?? ''),
  ])
    expect(bare(reply)).toEqual(bare(unknown))
})

it('TK-5: every refresh rotates, and the family is one row, never one per token', async () => {
  let tokens = await oauth.grant(ada, web)
  const id = String(claimsOf(tokens.access_token)['grant_id'])
  const seen = new Set([tokens.refresh_token])
  for (let round = 2; round <= 5; round += 1) {
    tokens = tokensOf(await oauth.refresh(web, tokens.refresh_token))
    seen.add(tokens.refresh_token)
    expect(await oauth.db`select gen from refresh_families where id = ${id}`).toEqual([{ gen: round }])
  }
  expect(seen.size).toBe(5)
  const [row] = await oauth.db`select f::text as whole from refresh_families f where id = ${id}`
  for (const token of seen) expect(row?.['whole']).not.toContain(token?.slice(6, 30))
})

it('TK-5: any older generation, however old, revokes the family, its access tokens and records an alert', async () => {
  for (const distance of [2, 4]) {
    const first = await oauth.grant(ada, web)
    let last = first
    for (let round = 0; round < distance; round += 1) last = tokensOf(await oauth.refresh(web, last.refresh_token))
    const reply = await oauth.refresh(web, first.refresh_token)
    expectError(reply, 400, 'invalid_grant')
    expect(await typesOf(reply)).toEqual(['refresh_token.reused', 'token.refused'])
    expectError(await oauth.refresh(web, last.refresh_token), 400, 'invalid_grant')
    expect(await isAlive(last)).toBe(false)
    const id = String(claimsOf(first.access_token)['grant_id'])
    expect(await oauth.db`select revoked_because from refresh_families where id = ${id}`).toEqual([
      { revoked_because: 'refresh token reused' },
    ])
  }
})

it("TK-5: another client's reuse revokes nothing", async () => {
  const first = await oauth.grant(ada, web)
  const second = tokensOf(await oauth.refresh(web, first.refresh_token))
  const third = tokensOf(await oauth.refresh(web, second.refresh_token))
  for (const tokens of [first, second, third])
    expectError(await oauth.refresh(other, tokens.refresh_token), 400, 'invalid_grant')
  expect(await isAlive(third)).toBe(true)
  expect((await oauth.refresh(web, third.refresh_token)).status).toBe(200)
})

it('TK-6: refreshing asks again for account, client, consent and session', async () => {
  const ends: [string, (person: Person, tokens: Tokens) => Promise<unknown>][] = [
    [
      'account',
      async ({ user }) => await oauth.revoking(async (ctx) => await changeStatus(ctx, user.user_id, 'disabled')),
    ],
    [
      'account, by hand',
      async ({ user }) => await oauth.db`update users set status = 'locked' where id = ${user.user_id}`,
    ],
    [
      'session',
      async (_person, { id_token = '' }) =>
        await oauth.db`update sessions set ended_at = now() where id = ${String(claimsOf(id_token)['sid'])}`,
    ],
    ['account, gone', async ({ user }) => await oauth.db`delete from users where id = ${user.user_id}`],
  ]
  for (const [name, end] of ends) {
    const person = await oauth.person()
    const tokens = await oauth.grant(person, web, { scope: 'openid' })
    await end(person, tokens)
    const reply = await oauth.refresh(web, tokens.refresh_token)
    expect([name, reply.status, reply.json().error]).toEqual([name, 400, 'invalid_grant'])
  }
})

it("TK-6: what the client may no longer have is taken out; the scope never grows, also by the client's", async () => {
  const client = await oauth.client({ scope: 'openid email offline_access' })
  const tokens = await oauth.grant(ada, client, { scope: 'openid email offline_access' })
  await oauth.db`update clients set scope = 'openid profile offline_access' where client_id = ${client.client_id}`
  let last = tokens
  await expect
    .poll(
      async () => {
        last = tokensOf(await oauth.refresh(client, last.refresh_token))
        return last.scope
      },
      { timeout: 10_000 },
    )
    .toBe('openid offline_access')
  expectError(await oauth.refresh(client, last.refresh_token, { scope: 'openid email' }), 400, 'invalid_scope')
  expectError(await oauth.refresh(client, last.refresh_token, { scope: 'openid profile' }), 400, 'invalid_scope')
})

it('TK-7: grants, methods and repeated parameters are refused in their own words, never cached', async () => {
  const client = oauth.server.client()
  const headers = basic(web.client_id, web.client_secret ?? '')
  const answers: [Reply, number, string][] = [
    [await oauth.token(web, { grant_type: 'client_credentials' }), 400, 'unauthorized_client'],
    [await oauth.token(web, { grant_type: 'implicit' }), 400, 'unsupported_grant_type'],
    [await oauth.token(web, { grant_type: 'password', username: 'a', password: 'b' }), 400, 'unsupported_grant_type'],
    [
      await client.post('/oauth/token', new URLSearchParams('grant_type=refresh_token&grant_type=x'), headers),
      400,
      'invalid_request',
    ],
    [await client.get('/oauth/token'), 405, 'method_not_allowed'],
    [await client.request('/oauth/token', { method: 'POST', json: {}, headers }), 415, 'unsupported_media_type'],
  ]
  for (const [reply, status, error] of answers) expectError(reply, status, error)
  expectNoStore(await oauth.redeem(web, await oauth.code(ada, web)))
})

it('TK-11: an access token is at+jwt with fixed claims, of one fixed algorithm; the subject of a client is no user id', async () => {
  const tokens = await oauth.grant(ada, web)
  expect(headerOf(tokens.access_token)).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) as string })
  const claims = claimsOf(tokens.access_token)
  for (const name of ['iss', 'aud', 'sub', 'client_id', 'jti', 'exp', 'grant_id']) expect(claims).toHaveProperty(name)
  const machine = await oauth.client({ type: 'machine' })
  const { access_token } = tokensOf(await oauth.token(machine, { grant_type: 'client_credentials' }))
  const { sub } = claimsOf(access_token)
  expect(sub).toBe(machine.client_id)
  await expect(oauth.db`insert into users (id, username) values (${String(sub)}, 'impostor')`).rejects.toThrow(
    /users_id_check/,
  )
})

it('TK-12: an ID token has its claims, the nonce as it was sent and only then, and never alg none', async () => {
  const nonce = 'n " \u00fc \u{1f511} %00'
  const withNonce = await oauth.grant(ada, web, { nonce })
  const claims = claimsOf(withNonce.id_token ?? '')
  for (const name of ['iss', 'aud', 'azp', 'exp', 'iat', 'auth_time', 'acr', 'amr', 'at_hash', 'sid'])
    expect(claims).toHaveProperty(name)
  expect(claims['nonce']).toBe(nonce)
  expect(headerOf(withNonce.id_token ?? '')['alg']).toBe('RS256')
  expect(claimsOf((await oauth.grant(ada, web)).id_token ?? '')).not.toHaveProperty('nonce')
  const { createHash } = await import('node:crypto')
  const half = createHash('sha256').update(withNonce.access_token).digest().subarray(0, 16).toString('base64url')
  expect(claims['at_hash']).toBe(half)
})
