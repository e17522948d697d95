/**
 * Nothing secret is written down anywhere: after a whole life with good and bad requests, no secret that was issued or
 * sent stands in standard output, in a log file, or in any row of any table (issue A, security rules G-8, KY-1, AU-1).
 */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { rotateSecret } from '../../src/clients/manage.ts'
import { temporaryFolder } from '../support/child.ts'
import type { TestClient } from '../support/fixtures.ts'
import { basic, expectError, type Oauth, oauthOf, type Person, tokensOf } from '../support/oauth.ts'
import { type Server, startServer } from '../support/server.ts'

const secrets = new Map<string, string>()
/** Remembers a secret under what it is, and gives it back. */
const secret = (what: string, value: string | undefined): string => {
  if (value === undefined || value.length < 12) throw new Error(`${what} is no secret to look for: ${value}`)
  secrets.set(`${what} ${secrets.size}`, value)
  return value
}
const made = (what: string): string => secret(what, randomBytes(15).toString('hex'))

let loud: Server
let filed: Server
let folder: string

/** Everything that a person and an application do, right and wrong. */
const live = async (oauth: Oauth): Promise<void> => {
  const user = await oauth.user({ password: made('password') })
  const web = await oauth.client()
  const spa = await oauth.client({ type: 'spa' })
  const post = await oauth.client({ token_endpoint_auth_method: 'client_secret_post' })
  const opaque = await oauth.client({ access_token_format: 'opaque' })
  for (const client of [web, post, opaque]) secret('client secret', client.client_secret)
  const stranger = oauth.server.client()
  const page = await stranger.get('/login')
  await stranger.submit(page, { login: user.email, password: made('wrong password') })
  await stranger.submit(page, { login: made('password in the wrong field'), password: made('password of nobody') })
  const person = await oauth.person(user)
  for (const cookie of person.browser.jar.all()) secret(`cookie ${cookie.name}`, cookie.value)
  for (const client of [web, spa, opaque]) await useTokens(oauth, person, client)
  await misuse(oauth, person, web)
  await oauth.server.client().post('/oauth/token', {
    grant_type: 'client_credentials',
    client_id: post.client_id,
    client_secret: made('wrong client secret'),
  })
  const rotated = await rotateSecret(oauth.ctx, web.client_id, 60)
  secret('rotated secret', 'client_secret' in rotated ? rotated.client_secret : undefined)
  await person.browser.submit(
    await person.browser.get('/logout'),
    {},
    { button: { name: 'scope', value: 'everywhere' } },
  )
}

const useTokens = async (oauth: Oauth, person: Person, client: TestClient): Promise<void> => {
  const code = await oauth.code(person, client, { nonce: 'n' })
  secret('code', code.code)
  secret('verifier', code.code_verifier)
  const first = tokensOf(await oauth.redeem(client, code))
  const second = tokensOf(await oauth.refresh(client, first.refresh_token))
  for (const tokens of [first, second]) {
    secret('access token', tokens.access_token)
    secret('refresh token', tokens.refresh_token)
    secret('ID token', tokens.id_token)
    await oauth.userinfo(tokens.access_token)
    if (client.client_secret !== undefined) await oauth.introspect(client, tokens.refresh_token ?? '')
  }
  await oauth.redeem(client, code)
  await oauth.refresh(client, first.refresh_token)
  await oauth.post('/oauth/revoke', client, { token: second.access_token })
}

/** Secrets in every place where they do not belong. */
const misuse = async (oauth: Oauth, person: Person, web: TestClient): Promise<void> => {
  const client = oauth.server.client()
  const proof = basic(web.client_id, web.client_secret ?? '')
  for (const name of ['client_secret', 'code', 'refresh_token', 'token', 'password', 'access_token']) {
    await client.post(`/oauth/token?${name}=${made(`${name} in the query`)}`, {}, proof)
    await client.get(`/oauth/userinfo?${name}=${made(`${name} in the query`)}`)
    await client.get(`/no/such/page?${name}=${made(`${name} in the query`)}`)
    await client.post('/oauth/token', { grant_type: 'x', [name]: made(`${name} in a form`) }, proof)
    await client.get(`/oauth/authorize?${name}=${made(`${name} in the query`)}&client_id=${web.client_id}`)
  }
  expectError(
    await oauth.redeem(web, await oauth.code(person, web), { code_verifier: secret('wrong verifier', 'w'.repeat(50)) }),
    400,
    'invalid_grant',
  )
  await client.post('/oauth/authorize', { client_id: web.client_id, password: made('password at authorize') })
  await client.get('/oauth/userinfo', { authorization: `Bearer ${made('bearer')}` })
  await client.get('/oauth/userinfo', { authorization: `Basic ${made('basic')}` })
  await client.post(
    '/oauth/token',
    {},
    { authorization: `Basic ${Buffer.from(`app_x:${made('secret')}`).toString('base64')}` },
  )
  await client.get('/account', { cookie: `kw_session=${made('session')}; kw_browser=${made('browser')}` })
  await client.get('/setup?token=' + made('setup token'))
  await client.request('/oauth/token', {
    method: 'POST',
    body: `{"client_secret":"${made('JSON secret')}"}`,
    headers: { 'content-type': 'application/json' },
  })
  await client.request('/oauth/token', {
    method: 'POST',
    body: `client_secret=${made('broken form')}&a=%ff`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
}

beforeAll(async () => {
  folder = await temporaryFolder()
  loud = await startServer({ env: { KEYWRIGHT_LOG_LEVEL: 'debug', KEYWRIGHT_AUDIT_TOKENS: 'all' } })
  const oauth = await oauthOf(loud)
  await live(oauth)
  await stumble(oauth)
  await loud.stop()
  filed = await startServer({
    env: { KEYWRIGHT_LOG_LEVEL: 'debug', KEYWRIGHT_LOG_FILE: join(folder, 'keywright.log') },
  })
  await live(await oauthOf(filed))
  await filed.stop()
}, 120_000)

/** Errors inside the server, which go to the log with whatever they hold: here because no event can be written. */
const stumble = async (oauth: Oauth): Promise<void> => {
  const [person, web] = [await oauth.person(), await oauth.client()]
  const tokens = await oauth.grant(person, web)
  const code = await oauth.code(person, web)
  for (const value of [code.code, code.code_verifier, tokens.access_token, tokens.refresh_token, web.client_secret])
    secret('during a bug', value)
  const stranger = oauth.server.client()
  const page = await stranger.get('/login')
  await oauth.db`alter table events add constraint no_more check (false) not valid`
  const replies = [
    await oauth.redeem(web, code),
    await oauth.refresh(web, tokens.refresh_token),
    await oauth.post('/oauth/revoke', web, { token: tokens.access_token }),
    await oauth.token({ ...web, client_secret: made('wrong secret during a bug') }, { grant_type: 'x' }),
    await stranger.submit(page, {
      login: person.user.email,
      password: secret('password during a bug', person.user.password),
    }),
  ]
  await oauth.db`alter table events drop constraint no_more`
  expect(replies.map((reply) => reply.status)).toEqual([500, 500, 500, 500, 500])
}

/** The secrets that stand in a text, by what they are; whole, or a piece long enough to be worth something. */
const found = (text: string): string[] =>
  [...secrets].flatMap(([what, value]) =>
    text.includes(value) || text.includes(encodeURIComponent(value)) || text.includes(value.slice(-24)) ? [what] : [],
  )

it('the search finds what is there', () => {
  expect(secrets.size).toBeGreaterThan(120)
  for (const value of secrets.values()) expect(found(`x ${value} y`).length).toBeGreaterThan(0)
  expect(found('nothing')).toEqual([])
})

it('not on standard output', () => {
  expect(loud.logs().length).toBeGreaterThan(50)
  expect(loud.output()).toContain('/oauth/token')
  expect(found(loud.output())).toEqual([])
})

it('not in the log file', () => {
  const text = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('')
  expect(text).toContain('/oauth/token')
  expect(found(text)).toEqual([])
  expect(found(filed.output())).toEqual([])
})

it('in no row of any table', async () => {
  const { db } = await oauthOf(await startServer())
  const tables = await db<{ name: string }[]>`select tablename as name from pg_tables where schemaname = 'public'`
  const written: string[] = []
  for (const { name } of tables) {
    const rows = await db<{ whole: string }[]>`select t::text as whole from ${db(name)} t`
    const hits = found(rows.map((row) => row.whole).join('\n'))
    written.push(...hits.map((what) => `${what} in ${name}`))
  }
  for (const table of [
    'decisions',
    'events',
    'sessions',
    'refresh_families',
    'authorization_codes',
    'access_tokens',
    'client_secrets',
  ])
    expect(tables.map(({ name }) => name)).toContain(table)
  expect(await db`select 1 from decisions`).not.toHaveLength(0)
  expect(written).toEqual([])
})
