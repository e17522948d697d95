/** The authorization endpoint, from the request to the answer (RFC 6749 §4.1, OpenID Connect Core §3.1.2). */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type App,
  answerOf,
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
  payloadOf,
  type Person,
  redeem,
  requestOf,
  signIn,
  signInOn,
  targetOf,
  tokensOf,
  usual,
} from '../support/flow.ts'
import { codeRow, decisionOf, eventsOf, sessionRow } from '../support/written.ts'
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

  it('the very session of the browser', async () => {
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
