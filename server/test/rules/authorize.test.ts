/** Security rules AZ-1 to AZ-6 and AZ-9 (security.md 1.1): what a request may ask, and where its answer may go. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  answerOf,
  type App,
  ask,
  authorizePath,
  decide,
  errorIdOf,
  expectCode,
  expectPage,
  expectRefusal,
  type House,
  obtain,
  openHouse,
  type Person,
  requestOf,
  signIn,
  signInOn,
  typePassword,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { codeRow, decisionOf } from '../support/written.ts'

let house: House
let ada: Person
let client: HttpClient
const plain = 'https://app.example/callback'
const withQuery = 'https://app.example/cb?x=1'

beforeAll(async () => {
  house = await openHouse()
  ada = await house.person()
  client = house.server.client()
  await signIn(client, ada)
})

/** A refusal that leads nowhere: no header and no link of the page points to what was asked. */
const expectNowhere = (reply: Reply, asked: string): void => {
  expectPage(reply, 400, /./)
  expect([reply.headers.location, reply.headers.refresh, reply.headers.link]).toEqual([undefined, undefined, undefined])
  expect(reply.body).not.toMatch(/http-equiv/i)
  const links = [...reply.body.matchAll(/(?:href|action|src)="([^"]*)"/g)].map(([, address]) => address)
  expect(links).not.toContain(asked)
  for (const link of links) expect(link).toMatch(/^\/(?!\/)/)
}

describe('AZ-1', () => {
  const hostile = [
    `${plain}/`,
    `${plain}?`,
    `${plain}#`,
    `${plain}#fragment`,
    `${plain}?code=1`,
    `${plain}%00`,
    `${plain}\t`,
    `${plain}\n`,
    ` ${plain}`,
    `${plain} `,
    `${plain}/../callback`,
    'https://app.example/./callback',
    'https://app.example/%63allback',
    'https://app.example/call%2e%2e/callback',
    'https://app.example/Callback',
    'https://APP.example/callback',
    'HTTPS://app.example/callback',
    'https://app.example:443/callback',
    'https://app.example:8443/callback',
    'https://app．example/callback',
    'https://app.example。/callback',
    'https://app.example\\callback',
    'https:\\\\app.example/callback',
    'https:app.example/callback',
    'https:/app.example/callback',
    'https:///app.example/callback',
    'https://app.example@evil.example/callback',
    'https://evil.example@app.example/callback',
    'https://app.example.evil.example/callback',
    'https://evil.example/?https://app.example/callback',
    'http://app.example/callback',
    '//app.example/callback',
    '/callback',
    'callback',
    'https://app.exam\tple/callback',
    'https://xn--app-.example/callback',
    `${['java', 'script'].join('')}:alert(1)//app.example/callback`,
    'data:text/html,callback',
    'https://app.example/cb',
    'https://app.example/cb?x=2',
    'https://app.example/cb?x=%31',
    `${withQuery}&y=2`,
    'https://app.example/callback,https://app.example/callback',
  ]

  it('AZ-1: redirect_uri is compared code point by code point; anything else is a 400 page that leads nowhere', async () => {
    const app = await house.app({ redirect_uris: [plain, withQuery], first_party: true })
    const error_ids: string[] = []
    for (const redirect_uri of hostile) {
      const reply = await client.get(authorizePath(app, { redirect_uri }))
      expectNowhere(reply, redirect_uri)
      error_ids.push(errorIdOf(reply))
      const posted = await client.walk(client.post('/oauth/authorize', requestOf(app, { redirect_uri })))
      expectNowhere(posted, redirect_uri)
    }
    await expect
      .poll(
        async () => await house.sql`select 1 from decisions where error_id = any(${error_ids}) and rule like '%AZ-1%'`,
      )
      .toHaveLength(hostile.length)
    expectCode(await client.get(authorizePath(app)), app, house.server.issuer)
    const other = await client.get(authorizePath(app, { redirect_uri: withQuery }))
    expect(other.location?.href.startsWith(`${withQuery}&code=`)).toBe(true)
  })

  it('AZ-1: an unknown client, a missing, a repeated or a foreign redirect_uri is a page', async () => {
    const [app, other] = [await house.app(), await house.app()]
    for (const params of [
      { client_id: undefined },
      { client_id: 'app_nobody' },
      { client_id: `${app.client_id}\u0000` },
      { client_id: 'x'.repeat(3000) },
      { client_id: [app.client_id, app.client_id] },
      { client_id: [app.client_id, other.client_id] },
      { redirect_uri: undefined },
      { redirect_uri: '' },
      { redirect_uri: other.redirect_uri },
      { redirect_uri: [app.redirect_uri, app.redirect_uri] },
      { redirect_uri: [app.redirect_uri, 'https://evil.example/'] },
    ]) {
      expectNowhere(await client.get(authorizePath(app, params)), app.redirect_uri)
    }
  })

  it('AZ-1: only the port of a loopback address may differ, and localhost only where it is registered', async () => {
    const redirect_uris = ['http://127.0.0.1/cb', 'http://[::1]:9000/cb', 'com.example.app:/cb']
    const app = await house.app({ type: 'native', redirect_uris })
    const local = await house.app({ type: 'native', redirect_uris: ['http://localhost/cb'] })
    const answered = async (of: App, redirect_uri: string): Promise<boolean> => {
      const reply = await client.get(authorizePath(of, { redirect_uri, prompt: 'none' }))
      if (reply.status === 303) return reply.location?.href.startsWith(`${redirect_uri}?error=`) ?? false
      expectNowhere(reply, redirect_uri)
      return false
    }
    for (const good of ['http://127.0.0.1:51004/cb', 'http://127.0.0.1/cb', 'http://[::1]:65535/cb', 'http://[::1]/cb'])
      expect([good, await answered(app, good)]).toEqual([good, true])
    expect(await answered(local, 'http://localhost:3000/cb')).toBe(true)
    expect(await answered(app, 'com.example.app:/cb')).toBe(true)
    for (const bad of [
      'http://localhost:51004/cb',
      'http://127.0.0.2:51004/cb',
      'http://127.1:51004/cb',
      'http://127.0.0.1:51004/cb/',
      'http://127.0.0.1:51004/CB',
      'http://127.0.0.1:0/cb',
      'http://127.0.0.1:08080/cb',
      'http://127.0.0.1:65536/cb',
      'http://127.0.0.1:/cb',
      'http://127.0.0.1:80@evil.example/cb',
      'http://127.0.0.1:51004\\@evil.example/cb',
      'https://127.0.0.1:51004/cb',
      'http://[::1%25eth0]:9000/cb',
      'http://[0:0:0:0:0:0:0:1]:9000/cb',
      'com.example.app:/cb/',
      'com.example.app://cb',
      'com.example.app:1/cb',
    ])
      expect([bad, await answered(app, bad)]).toEqual([bad, false])
    expect(await answered(local, 'http://127.0.0.1:3000/cb')).toBe(false)
  })
})

describe('AZ-2', () => {
  it('AZ-2: client, then redirect_uri, then everything else by redirect with error, state and iss', async () => {
    const app = await house.app()
    const wrong = { response_type: 'token', scope: 'nonsense', code_challenge: 'short', prompt: 'none login' }
    const nobody = await client.get(authorizePath(app, { ...wrong, client_id: 'app_nobody' }))
    expect((await decisionOf(house.sql, errorIdOf(nobody))).rule).toContain('client_id')
    const nowhere = await client.get(authorizePath(app, { ...wrong, redirect_uri: 'https://evil.example/' }))
    expect((await decisionOf(house.sql, errorIdOf(nowhere))).rule).toContain('redirect_uri')
    expectRefusal(await client.get(authorizePath(app, wrong)), app, 'unsupported_response_type')
    for (const name of ['scope', 'nonce', 'prompt', 'response_type', 'code_challenge', 'foo'])
      expectRefusal(await client.get(authorizePath(app, { [name]: ['a', 'b'] })), app, 'invalid_request')
  })
})

describe('AZ-3', () => {
  it('AZ-3: after every form a 303, never a 307 or 308 that would send the password on', async () => {
    const app = await house.app()
    const browser = house.server.client()
    const login = await ask(browser, app)
    const answers = [await typePassword(browser, login, ada.email, ada.password)]
    const consent = await browser.walk(answers[0] ?? login)
    answers.push(await browser.submit(consent, {}, { button: { name: 'decision', value: 'allow' } }))
    answers.push(await browser.request('/oauth/authorize', { method: 'POST', form: requestOf(app) }))
    const choice = await ask(browser, app, { prompt: 'select_account' })
    answers.push(await browser.submit(choice, { session_id: 'other' }))
    const logout = await browser.get('/logout')
    answers.push(await browser.submit(logout, {}, { button: { name: 'scope', value: 'cancel' } }))
    for (const answer of answers) expect([answer.url.pathname, answer.status]).toEqual([answer.url.pathname, 303])
  })
})

describe('AZ-4', () => {
  it('AZ-4: PKCE with S256 for all clients; missing, plain or not 43 base64url characters is invalid_request', async () => {
    const good = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    const bad: Record<string, string | undefined>[] = [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge: undefined },
      { code_challenge_method: undefined },
      { code_challenge_method: 'plain' },
      { code_challenge_method: 's256' },
      { code_challenge_method: 'S512' },
      { code_challenge: good.slice(1) },
      { code_challenge: `${good}A` },
      { code_challenge: `${good.slice(0, 42)}=` },
      { code_challenge: `${good.slice(0, 42)}+` },
      { code_challenge: `${good.slice(0, 42)}é` },
      { code_challenge: `${good}\n` },
    ]
    const uri = 'https://app.example/callback'
    for (const type of ['web', 'spa', 'native'] as const) {
      const app = await house.app({ type, redirect_uris: [uri], first_party: true })
      for (const params of bad) expectRefusal(await client.get(authorizePath(app, params)), app, 'invalid_request')
      const reply = await client.get(authorizePath(app, { code_challenge: good }))
      const code = expectCode(reply, app, house.server.issuer)
      expect((await codeRow(house.sql, code))?.code_challenge).toBe(good)
    }
  })

  it('AZ-4: a public client cannot opt out, not even in the database', async () => {
    const app = await house.app({ type: 'spa', require_pkce: false })
    const bare = { code_challenge: undefined, code_challenge_method: undefined }
    expectRefusal(await client.get(authorizePath(app, bare)), app, 'invalid_request')
    const off = house.sql`update clients set require_pkce = false where client_id = ${app.client_id}`
    await expect(off).rejects.toThrow(/check constraint/)
  })
})

describe('AZ-5', () => {
  it('AZ-5: only response types and modes of the client; token is unsupported_response_type', async () => {
    const app = await house.app({ first_party: true })
    for (const response_type of ['token', 'id_token', 'code token', 'code id_token', 'none', 'CODE', 'code code'])
      expectRefusal(await client.get(authorizePath(app, { response_type })), app, 'unsupported_response_type')
    await house.sql`update clients set response_modes = '{query}' where client_id = ${app.client_id}`
    await expect
      .poll(async () => answerOf(await client.get(authorizePath(app, { response_mode: 'query' }))).code)
      .toMatch(/^kw_ac_/)
    for (const response_mode of ['fragment', 'form_post', 'jwt', 'QUERY', 'web_message'])
      await expect
        .poll(async () => answerOf(await client.get(authorizePath(app, { response_mode }))).error, { timeout: 3000 })
        .toBe('invalid_request')
  })
})

describe('AZ-6', () => {
  it('AZ-6: iss in every answer, success or error, in every mode', async () => {
    const app = await house.app()
    const { issuer } = house.server
    const browser = house.server.client()
    for (const prompt of [undefined, 'none']) {
      const inFragment = await obtain(browser, app, ada, { response_mode: 'fragment', prompt, scope: 'openid' })
      expect(answerOf(inFragment, 'fragment').iss).toBe(issuer)
      const posted = await obtain(browser, app, ada, { response_mode: 'form_post', prompt })
      expect(posted.forms[0]?.fields).toContainEqual({ name: 'iss', value: issuer })
    }
    const denied = await decide(browser, await ask(browser, app, { prompt: 'consent' }), 'deny')
    const stranger = house.server.client()
    const cancelled = await stranger.walk(stranger.submit(await ask(stranger, app), {}, { button: { name: 'cancel' } }))
    const refused = await browser.get(authorizePath(app, { response_type: undefined }))
    for (const reply of [denied, cancelled, refused]) expect(answerOf(reply).iss).toBe(issuer)
  })
})

describe('AZ-9', () => {
  it("AZ-9: scopes within the client's own, resources within its own, through every door", async () => {
    const app = await house.app({ scope: 'openid read', resources: ['https://api.example/'], first_party: true })
    for (const scope of ['write', 'openid write', 'READ', 'read write', 'openid\tread', 'admin', 'offline_access'])
      expectRefusal(await client.get(authorizePath(app, { scope })), app, 'invalid_scope')
    for (const resource of [
      'https://api.example',
      'https://api.example/x',
      'https://api.example/#x',
      '/',
      'HTTPS://api.example/',
    ])
      expectRefusal(await client.get(authorizePath(app, { resource })), app, 'invalid_target')
    const reply = await client.get(authorizePath(app, { scope: 'read openid read', resource: 'https://api.example/' }))
    const code = expectCode(reply, app, house.server.issuer)
    expect(await codeRow(house.sql, code)).toMatchObject({ scope: 'read openid', resource: ['https://api.example/'] })
    // What the client loses between the request and the sign-in is not granted by a page that was open meanwhile.
    const browser = house.server.client()
    const page = await ask(browser, app, { scope: 'openid read' })
    await house.sql`update clients set scope = 'openid' where client_id = ${app.client_id}`
    await expect
      .poll(async () => answerOf(await client.get(authorizePath(app, { scope: 'read' }))).error, { timeout: 10_000 })
      .toBe('invalid_scope')
    expectRefusal(await signInOn(browser, page, ada), app, 'invalid_scope')
  })
})
