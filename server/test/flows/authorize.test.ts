/** The authorization endpoint, from the request to the answer (RFC 6749 §4.1, OpenID Connect Core §3.1.2). */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type App,
  answerOf,
  ask,
  authorizePath,
  codeRow,
  decide,
  decisionOf,
  errorIdOf,
  eventsOf,
  expectCode,
  expectPage,
  expectRefusal,
  type House,
  obtain,
  openHouse,
  payloadOf,
  type Person,
  redeem,
  requestOf,
  sessionRow,
  signIn,
  signInOn,
  targetOf,
  tokensOf,
  usual,
} from '../support/flow.ts'
import type { Server } from '../support/server.ts'

let house: House
let server: Server
let ada: Person
let app: App

beforeAll(async () => {
  house = await openHouse()
  server = house.server
  ada = await house.person({ name: 'Ada Lovelace', username: 'ada' })
  app = await house.app({ client_name: 'First app', redirect_uris: ['https://app.example/callback'] })
})

describe('the whole way', () => {
  it('RFC 6749 §4.1: sign-in, consent, code, tokens, each step a 303 or a page, each recorded', async () => {
    const client = server.client()
    const eve = await house.person({ name: 'Eve' })
    const asked = await client.get(authorizePath(app, { scope: 'openid profile email' }))
    expect([asked.status, asked.location?.pathname]).toEqual([303, '/login'])
    const login = await client.follow(asked)
    expectPage(login, 200, 'Sign in')
    expect(login.body).toContain('First app')
    const consent = await signInOn(client, login, eve)
    expectPage(consent, 200, 'Allow access')
    const back = await decide(client, consent, 'allow')
    const code = expectCode(back, app, server.issuer)
    const tokens = await redeem(client, app, code)
    expect(tokens.status).toBe(200)
    expect(payloadOf(tokens.json<{ id_token: string }>().id_token)).toMatchObject({
      iss: server.issuer,
      sub: eve.user_id,
      aud: app.client_id,
      nonce: 'nonce of the app',
    })
    const events = await eventsOf(house.sql, { user_id: eve.user_id })
    expect(events.map(({ type, outcome, client_id }) => [type, outcome, client_id])).toEqual([
      ['user.created', 'success', null],
      ['login.succeeded', 'success', null],
      ['consent.granted', 'success', app.client_id],
      ['token.issued', 'success', app.client_id],
    ])
    expect(events[2]?.data).toEqual({ scope: 'openid profile email', resources: [] })
  })

  it('a session that needs no page gets its code in the first answer, and nothing is kept of the request', async () => {
    const client = server.client()
    const first = await house.app({ first_party: true })
    await signIn(client, ada)
    const count = async () => (await house.sql`select count(*)::int as n from interactions`)[0]?.n as number
    const before = await count()
    const reply = await client.get(authorizePath(first))
    expectCode(reply, first, server.issuer)
    expect(await count()).toBe(before)
  })

  it('single sign-on: a second application gets its code without a sign-in, after its own consent', async () => {
    const client = server.client()
    await obtain(client, app, ada)
    const second = await house.app({ client_name: 'Second app' })
    const page = await ask(client, second)
    expectPage(page, 200, 'Allow access')
    expect(page.body).toContain('Second app')
    expectCode(await decide(client, page, 'allow'), second, server.issuer)
    expectCode(await client.get(authorizePath(second)), second, server.issuer)
    const logins = (await eventsOf(house.sql, { user_id: ada.user_id })).filter(({ type }) => type.startsWith('login'))
    expect(new Set(logins.map(({ session_id }) => session_id)).size).toBe(logins.length)
  })
})

describe('how a request comes', () => {
  it('OpenID Connect Core §3.1.2.1: POST does what GET does, and does not lose a parameter', async () => {
    const client = server.client()
    await obtain(client, app, ada)
    const request = requestOf(app, { state: 'a&b=c d+ä%00"\'' })
    const posted = await client.request('/oauth/authorize', { method: 'POST', form: request })
    expect([posted.status, posted.location?.pathname]).toEqual([303, '/oauth/authorize'])
    const back = await client.walk(posted)
    expect(targetOf(back)).toBe(app.redirect_uri)
    expect(answerOf(back)).toMatchObject({ state: 'a&b=c d+ä%00"\'', iss: server.issuer })
  })

  it('POST from another site, without the SameSite cookie, ends in the same session', async () => {
    const client = server.client()
    await obtain(client, app, ada)
    const form = requestOf(app)
    const headers = { cookie: '', origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }
    const posted = await client.request('/oauth/authorize', { method: 'POST', form, headers })
    expect(posted.headers['set-cookie']).toBeUndefined()
    expectCode(await client.walk(posted), app, server.issuer)
  })

  it('POST: a body that is no form is 415, one that does not fit into an address is 400, neither a redirect', async () => {
    const client = server.client()
    const json = await client.request('/oauth/authorize', { method: 'POST', json: Object.fromEntries(requestOf(app)) })
    expectPage(json, 415, /./)
    const long = await client.post('/oauth/authorize', requestOf(app, { state: 'x'.repeat(7000) }))
    expectPage(long, 400, /./)
    expect((await decisionOf(house.sql, errorIdOf(long))).expected).toBe('7000 characters')
  })

  it.each(['password', 'client_secret'])('%s in the form or in the address is 400 and is not kept', async (name) => {
    const client = server.client()
    const secret = `a very secret ${name}`
    const replies = [
      await client.post('/oauth/authorize', requestOf(app, { [name]: secret })),
      await client.request(`/oauth/authorize?${name}=${encodeURIComponent(secret)}`, {
        method: 'POST',
        form: requestOf(app),
      }),
      await client.get(authorizePath(app, { [name]: secret })),
    ]
    for (const reply of replies) {
      expectPage(reply, 400, /./)
      expect(reply.body).not.toContain(secret)
      expect((await decisionOf(house.sql, errorIdOf(reply))).got).toBe('a password or a client secret')
    }
    expect(server.output()).not.toContain(secret)
    expect(server.output()).not.toContain(encodeURIComponent(secret))
  })

  it('RFC 6749 §3.1: unknown and empty parameters are ignored', async () => {
    const client = server.client()
    await obtain(client, app, ada)
    const extra = { foo: ['1', '2'].slice(0, 1), display: 'popup', claims_locales: 'de', max_age: '', prompt: '' }
    expectCode(await client.get(authorizePath(app, extra)), app, server.issuer)
  })

  it.each([
    ['PUT', 405],
    ['DELETE', 405],
    ['PATCH', 405],
  ])('%s is %i with Allow', async (method, status) => {
    const reply = await server.client().request(authorizePath(app), { method })
    expect([reply.status, reply.headers.allow, reply.location]).toEqual([status, 'GET, HEAD, POST', undefined])
  })

  it.each([
    ['broken percent-encoding', 'state=%zz'],
    ['invalid UTF-8', 'state=%ff'],
    ['NUL', 'state=a%00b'],
    ['more than 100 parameters', Array.from({ length: 100 }, (_, index) => `x${index}=1`).join('&')],
  ])('%s is a 400 page, never a redirect', async (_name, more) => {
    expectPage(await server.client().get(`${authorizePath(app, { state: undefined })}&${more}`), 400, /./)
  })

  it('an address above 8 KiB is 414', async () => {
    const reply = await server.client().get(authorizePath(app, { state: 'x'.repeat(8200) }))
    expect([reply.status, reply.location]).toEqual([414, undefined])
  })
})

describe('where the answer goes', () => {
  const uri = 'https://app.example/callback?tenant=a%20b'
  let inQuery: App

  beforeAll(async () => {
    inQuery = await house.app({ redirect_uris: [uri], first_party: true })
  })

  it('query: the query of the registered URI is kept (RFC 6749 §3.1.2)', async () => {
    const client = server.client()
    const back = await obtain(client, inQuery, ada)
    expect(back.location?.href.startsWith(`${uri}&code=`)).toBe(true)
    expect(answerOf(back)).toMatchObject({ tenant: 'a b', state: 'state of the app', iss: server.issuer })
  })

  it.each(['code', 'error'])('fragment: %s, state and iss stand behind #, the query is kept', async (kind) => {
    const client = server.client()
    const more = { response_mode: 'fragment', ...(kind === 'error' && { response_type: 'token' }) }
    const back = await obtain(client, inQuery, ada, more)
    expect(back.location?.href.startsWith(`${uri}#`)).toBe(true)
    expect(answerOf(back, 'fragment')).toMatchObject({
      [kind]: kind === 'code' ? (expect.any(String) as unknown) : 'unsupported_response_type',
      state: 'state of the app',
      iss: server.issuer,
    })
  })

  it.each(['code', 'error'])('form_post: %s, state and iss are fields of a form that posts itself', async (kind) => {
    const client = server.client()
    const more = { response_mode: 'form_post', ...(kind === 'error' && { response_type: 'token' }) }
    const page = await obtain(client, inQuery, ada, more)
    expectPage(page, 200, 'Continue')
    const [form, ...others] = page.forms
    expect([others, form?.method, form?.action]).toEqual([[], 'post', uri])
    const fields = Object.fromEntries(form?.fields.map(({ name, value }) => [name, value]) ?? [])
    expect(fields).toMatchObject({
      [kind]: kind === 'code' ? (expect.stringMatching(/^kw_ac_/) as unknown) : 'unsupported_response_type',
      state: 'state of the app',
      iss: server.issuer,
    })
    const policy = page.headers['content-security-policy'] ?? ''
    expect(policy).toContain("form-action 'self' https://app.example")
    const nonce = /script-src 'nonce-([^']+)'/.exec(String(policy))?.[1] ?? 'none'
    expect(page.body).toMatch(new RegExp(`<script nonce="${nonce}">[^<]*submit`))
    expect(page.headers['cache-control']).toBe('no-store')
  })

  it('form_post: what the application sent is text, never markup', async () => {
    const client = server.client()
    const state = '"><script>alert(1)</script>'
    const page = await obtain(client, inQuery, ada, { response_mode: 'form_post', state })
    expect(page.body).not.toContain('<script>alert')
    expect(page.forms[0]?.fields.find(({ name }) => name === 'state')?.value).toBe(state)
  })

  it('a code goes to the application in every mode with the code that the token endpoint takes', async () => {
    const client = server.client()
    for (const response_mode of ['query', 'fragment', 'form_post']) {
      const back = await obtain(client, inQuery, ada, { response_mode })
      const field = back.forms[0]?.fields.find(({ name }) => name === 'code')?.value
      const inRedirect = back.location && answerOf(back, response_mode === 'fragment' ? 'fragment' : 'query').code
      expect((await redeem(client, inQuery, field ?? inRedirect ?? '')).status, response_mode).toBe(200)
    }
  })

  it('without state the answer has none, on errors too', async () => {
    const client = server.client()
    const back = await obtain(client, inQuery, ada, { state: undefined })
    expect(Object.keys(answerOf(back)).toSorted()).toEqual(['code', 'iss', 'tenant'])
    const refused = await client.get(authorizePath(inQuery, { state: undefined, response_type: 'token' }))
    expect(Object.keys(answerOf(refused)).toSorted()).toEqual([
      'error',
      'error_description',
      'error_id',
      'iss',
      'tenant',
    ])
  })

  it('RFC 6749 §3.1.2.3: plain OAuth may leave out the only redirect_uri, OpenID Connect may not', async () => {
    const client = server.client()
    const one = await house.app({ first_party: true, scope: 'openid read' })
    const two = await house.app({ redirect_uris: ['https://a.example/1', 'https://a.example/2'], scope: 'read' })
    await signIn(client, ada)
    const code = expectCode(
      await client.get(authorizePath(one, { redirect_uri: undefined, scope: 'read' })),
      one,
      server.issuer,
    )
    expect(await codeRow(house.sql, code)).toMatchObject({ redirect_uri: one.redirect_uri, redirect_uri_sent: false })
    expectPage(await client.get(authorizePath(one, { redirect_uri: undefined })), 400, /./)
    expectPage(await client.get(authorizePath(two, { redirect_uri: undefined, scope: 'read' })), 400, /./)
  })
})

describe('what a refusal tells', () => {
  it.each<[string, Record<string, string | string[] | undefined>, string]>([
    ['response_type missing', { response_type: undefined }, 'invalid_request'],
    ['response_type unknown', { response_type: 'nonsense' }, 'unsupported_response_type'],
    ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
    ['response_type hybrid', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['response_mode unknown', { response_mode: 'telepathy' }, 'invalid_request'],
    ['scope not registered', { scope: 'openid admin' }, 'invalid_scope'],
    ['scope with a sign that is none', { scope: 'openid "quoted"' }, 'invalid_scope'],
    ['resource not granted', { resource: 'https://api.example' }, 'invalid_target'],
    ['resource that is no URI', { resource: 'api' }, 'invalid_target'],
    ['request', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['request_uri', { request_uri: 'https://app.example/request.jwt' }, 'request_uri_not_supported'],
    ['registration', { registration: '{}' }, 'registration_not_supported'],
    ['code_challenge missing', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['code_challenge_method plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['code_challenge_method missing', { code_challenge_method: undefined }, 'invalid_request'],
    ['prompt unknown', { prompt: 'create' }, 'invalid_request'],
    ['max_age that is no number', { max_age: '-1' }, 'invalid_request'],
    ['a repeated parameter', { scope: ['openid', 'openid'] }, 'invalid_request'],
  ])('%s', async (_name, params, error) => {
    const client = server.client()
    const reply = await client.get(authorizePath(app, params))
    const decision = await decisionOf(house.sql, expectRefusal(reply, app, error))
    expect(decision).toMatchObject({ error, route: '/oauth/authorize', client_id: app.client_id })
    expect(decision.expected).not.toBeNull()
    expect(reply.headers['cache-control']).toBe('no-store')
  })

  it('a client without the grant is unauthorized_client, a disabled one a page', async () => {
    const client = server.client()
    const machine = await house.app({
      redirect_uris: ['https://app.example/callback'],
      grant_types: ['client_credentials'],
    })
    expectRefusal(await client.get(authorizePath(machine)), machine, 'unauthorized_client')
    const disabled = await house.app()
    await house.sql`update clients set status = 'disabled' where client_id = ${disabled.client_id}`
    expectPage(await client.get(authorizePath(disabled)), 400, /./)
  })

  it('a repeated resource is no repetition (RFC 8707 §2)', async () => {
    const client = server.client()
    const resources = ['https://api.example/a', 'https://api.example/b']
    const rich = await house.app({ first_party: true, resources })
    await signIn(client, ada)
    const code = expectCode(await client.get(authorizePath(rich, { resource: resources })), rich, server.issuer)
    expect((await codeRow(house.sql, code))?.resource).toEqual(resources)
  })
})

describe('what a code is of', () => {
  it('OpenID Connect Core §3.1.2.1: nonce is optional for the code flow, and then absent', async () => {
    const client = server.client()
    const { id_token } = await tokensOf(client, app, ada, { nonce: undefined })
    expect(payloadOf(id_token)).not.toHaveProperty('nonce')
    const again = await tokensOf(client, app, ada, { nonce: 'ä "quoted" nonce' })
    expect(payloadOf(again.id_token).nonce).toBe('ä "quoted" nonce')
  })

  it('a confidential client may go without PKCE only where it opted out, and only with a nonce', async () => {
    const client = server.client()
    const lax = await house.app({ require_pkce: false, first_party: true })
    await signIn(client, ada)
    const bare = { code_challenge: undefined, code_challenge_method: undefined }
    const code = expectCode(await client.get(authorizePath(lax, bare)), lax, server.issuer)
    expect((await codeRow(house.sql, code))?.code_challenge).toBeNull()
    expectRefusal(await client.get(authorizePath(lax, { ...bare, nonce: undefined })), lax, 'invalid_request')
    const bound = expectCode(await client.get(authorizePath(lax)), lax, server.issuer)
    expect((await codeRow(house.sql, bound))?.code_challenge).toBe(usual.challenge)
  })

  it('it is of the very session of the browser', async () => {
    const client = server.client()
    const code = expectCode(await obtain(client, app, ada), app, server.issuer)
    const session = await sessionRow(house.sql, client)
    expect(await codeRow(house.sql, code)).toMatchObject({
      session_id: session?.id,
      user_id: ada.user_id,
      auth_time: session?.auth_time,
      amr: ['pwd'],
      acr: 'aal1',
    })
  })
})
