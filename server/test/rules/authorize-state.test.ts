/** Security rules AZ-7, AZ-8 and AZ-12 to AZ-14 (security.md 1.1): what a code is, what counts as a proof, who is asked. */
import { beforeAll, expect, it } from 'vitest'
import {
  type App,
  ask,
  askSilently,
  authorizePath,
  decide,
  errorIdOf,
  expectCode,
  expectPage,
  expectRefusal,
  finish,
  type House,
  interactionOf,
  obtain,
  openHouse,
  type Person,
  signIn,
  signInOn,
  tokensOf,
  typePassword,
  usual,
} from '../support/flow.ts'
import type { HttpClient } from '../support/http.ts'
import { codeRow, decisionOf, eventTypes, moveSession, sessionRow } from '../support/written.ts'

let house: House
let ada: Person
let app: App
let own: App

beforeAll(async () => {
  house = await openHouse()
  ada = await house.person()
  app = await house.app({ scope: 'openid email read offline_access', resources: ['https://api.example/'] })
  own = await house.app({ first_party: true })
})

const signedIn = async (person: Person): Promise<HttpClient> => {
  const client = house.server.client()
  await signIn(client, person)
  return client
}

it('AZ-7: a code has 128 bits and more, lives 60 seconds, is stored as a hash, and is bound to all it was asked for', async () => {
  const client = await signedIn(ada)
  const scope = 'openid read'
  const reply = await obtain(client, app, ada, { scope, resource: 'https://api.example/', nonce: 'n' })
  const code = expectCode(reply, app, house.server.issuer)
  // 32 bytes as base62 in words of four, then the checksum.
  expect(code).toMatch(/^kw_ac_[0-9A-Za-z]{48}[0-9A-Za-z]{6}$/)
  const others = await Promise.all(Array.from({ length: 20 }, async () => await client.get(authorizePath(own))))
  const all = others.map((other) => expectCode(other, own, house.server.issuer).slice(6, 12))
  expect(new Set(all).size).toBe(20)
  const row = await codeRow(house.sql, code)
  const session = await sessionRow(house.sql, client)
  expect(row).toMatchObject({
    client_id: app.client_id,
    redirect_uri: app.redirect_uri,
    redirect_uri_sent: true,
    code_challenge: usual.challenge,
    user_id: ada.user_id,
    session_id: session?.id,
    auth_time: session?.auth_time,
    scope,
    resource: ['https://api.example/'],
    nonce: 'n',
    acr: 'aal1',
    amr: ['pwd'],
    used_at: null,
  })
  expect(Number(row?.expires_at) - Number(row?.created_at)).toBe(60_000)
  const stored = await house.sql`select authorization_codes::text from authorization_codes`
  expect(JSON.stringify(stored)).not.toContain(code)
  expect(house.server.output()).not.toContain(code)
})

it('AZ-8: prompt=none shows nothing; prompt=login and max_age need a proof later than the request, also on resume and back', async () => {
  expect(await askSilently(house.server.client(), own)).toBe('login_required')
  const fresh = await house.person()
  const client = await signedIn(fresh)
  expect(await askSilently(client, app)).toBe('consent_required')
  expectRefusal(await client.get(authorizePath(own, { prompt: 'none login' })), own, 'invalid_request')
  const { id_token } = await tokensOf(house.server.client(), own, ada)
  expect(await askSilently(client, own, { id_token_hint: id_token })).toBe('login_required')
  for (const wish of [{ prompt: 'login' }, { max_age: '0' }]) {
    const page = await ask(client, own, wish)
    const begun = new Date()
    const onward = `/oauth/continue?interaction=${interactionOf(page)}`
    expectPage(await client.walk(client.get(onward)), 200, /Confirm/)
    expectPage(await ask(client, own, wish), 200, /Confirm/)
    const code = expectCode(await signInOn(client, page, fresh), own, house.server.issuer)
    expect((await codeRow(house.sql, code))?.auth_time.getTime()).toBeGreaterThanOrEqual(begun.getTime() - 1)
    expectPage(await client.get(page.url), 400, /./)
    expectPage(await ask(client, own, wish), 200, /Confirm/)
  }
  await moveSession(house.sql, client, { auth_time: -100 })
  await expect
    .poll(async () => await askSilently(client, own, { max_age: '99' }), { timeout: 3000 })
    .toBe('login_required')
})

it('AZ-12: what is complete follows from recorded proofs, never from what a browser sends', async () => {
  const client = house.server.client()
  const page = await ask(client, app)
  const id = interactionOf(page)
  const csrf = page.forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
  const origin = { origin: house.server.issuer }
  const claims = {
    interaction: id,
    csrf,
    session_id: '00000000-0000-7000-8000-000000000000',
    user_id: ada.user_id,
    proved_at: new Date().toISOString(),
    consented_at: new Date().toISOString(),
    completed: 'true',
    decision: 'allow',
    login: ada.email,
    skip: '1',
  }
  const attempts = [
    await client.get(`/oauth/continue?${new URLSearchParams(claims).toString()}`),
    await client.get(`/consent?interaction=${id}`),
    await client.post('/consent', claims, origin),
    await client.post('/select-account', claims, origin),
    await client.post('/login', { ...claims, password: '' }, origin),
    await client.post('/login', { interaction: id, csrf }, origin),
    await client.post('/oauth/consent', claims, origin),
  ]
  for (const attempt of attempts) {
    const end = await client.walk(attempt)
    expect([end.location?.href, end.body.includes('kw_ac_')]).toEqual([undefined, false])
  }
  const [row] =
    await house.sql`select session_id, proved_at, selected_at, consented_at, refused, completed_at from interactions where id = ${id}`
  expect(row).toEqual({
    session_id: null,
    proved_at: null,
    selected_at: null,
    consented_at: null,
    refused: false,
    completed_at: null,
  })
  expect(
    await house.sql`select 1 from authorization_codes where client_id = ${app.client_id} and user_id = ${ada.user_id} and created_at > (select created_at from interactions where id = ${id})`,
  ).toHaveLength(0)
  // Signed in is not agreed: the page of the consent has to be answered, not passed by.
  const consent = await signInOn(client, await client.get(page.url), await house.person())
  expectPage(consent, 200, 'Allow access')
  expectPage(await client.walk(client.get(`/oauth/continue?interaction=${id}`)), 200, 'Allow access')
  expectPage(await client.walk(client.post('/consent', { ...claims, csrf: 'x' }, origin)), 403, /./)
  expectCode(await decide(client, consent, 'allow'), app, house.server.issuer)
})

it('AZ-12: a sign-in is continued in the browser where it began, anywhere else it is 400', async () => {
  const [client, stranger] = [house.server.client(), await signedIn(ada)]
  const page = await ask(client, own)
  for (const path of ['/login', '/consent', '/select-account', '/oauth/continue']) {
    const reply = await stranger.get(`${path}?interaction=${interactionOf(page)}`)
    expectPage(reply, 400, /./)
    expect((await decisionOf(house.sql, errorIdOf(reply))).rule).toContain('AZ-12')
  }
  const posted = await typePassword(stranger, page, ada.email, ada.password)
  expect([403, 400]).toContain(posted.status)
  expectCode(await finish(client, page, ada), own, house.server.issuer)
})

it('AZ-13: asked for what is new, always where others could pose as the client; bound to the attempt; taking it back ends the families', async () => {
  const person = await house.person()
  const client = await signedIn(person)
  const page = await ask(client, app, { scope: 'openid read' })
  for (const text of [app.client_name, new URL(app.redirect_uri).host, 'Read your data'])
    expect(page.body).toContain(text)
  const other = await ask(client, app, { scope: 'openid email' })
  const foreign = other.forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
  expectPage(await client.submit(page, { csrf: foreign, decision: 'allow' }), 403, /./)
  expect(await eventTypes(house.sql, person)).not.toContain('consent.granted')
  const { refresh_token } = await tokensOf(client, app, person, { scope: 'openid read offline_access' })
  expect(await askSilently(client, app, { scope: 'openid read' })).toBe('code')
  for (const more of [{ scope: 'openid email' }, { resource: 'https://api.example/' }])
    expect(await askSilently(client, app, more)).toBe('consent_required')
  const native = await house.app({ type: 'native', redirect_uris: ['http://127.0.0.1/cb'], first_party: true })
  await obtain(client, native, person)
  expect((await ask(client, native)).url.pathname).toBe('/consent')
  const account = await client.get('/account/applications')
  const withdraw = { name: 'client_id', value: app.client_id }
  await client.submit(
    account,
    {},
    {
      form: (form) =>
        form.action === '/account/consents/withdraw' && form.buttons.some(({ value }) => value === app.client_id),
      button: withdraw,
    },
  )
  const basic = Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')
  const refresh = { grant_type: 'refresh_token', refresh_token }
  const since = performance.now()
  const reply = await client.post('/oauth/token', refresh, { authorization: `Basic ${basic}` })
  expect([reply.status, reply.json().error]).toEqual([400, 'invalid_grant'])
  expect(performance.now() - since).toBeLessThan(2000)
})

it('AZ-14: no CORS header on the authorization endpoint, no frame, no foreign content, and the address is told to nobody', async () => {
  const client = await signedIn(ada)
  const origin = { origin: new URL(own.redirect_uri).origin }
  await house.sql`update clients set allowed_origins = ${[origin.origin]} where client_id = ${own.client_id}`
  const preflight = { ...origin, 'access-control-request-method': 'GET' }
  const replies = [
    await client.get(authorizePath(own), origin),
    await client.get(authorizePath(own, { prompt: 'none login' }), origin),
    await client.get(authorizePath(own, { client_id: 'app_nobody' }), origin),
    await client.post('/oauth/authorize', {}, origin),
    await client.request(authorizePath(own), { method: 'OPTIONS', headers: preflight }),
    await client.request('/authorize', { method: 'OPTIONS', headers: preflight }),
    await client.get((await ask(client, own, { prompt: 'login' })).url, origin),
  ]
  for (const { headers } of replies)
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
  for (const reply of replies.filter(({ status }) => status === 303))
    expect(reply.headers['referrer-policy']).toBe('no-referrer')
  const page = await ask(client, own, { prompt: 'login' })
  expect(page.headers['referrer-policy']).toBe('same-origin')
  expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'")
  expect(page.headers['x-frame-options']).toBe('DENY')
  const addresses = [...page.body.matchAll(/\s(?:src|href|action|srcset|poster)="([^"]*)"/g)].map(
    ([, address]) => address,
  )
  expect(addresses.length).toBeGreaterThan(2)
  for (const address of addresses) expect(address).toMatch(/^\/(?!\/)/)
  expect(page.body).not.toMatch(/url\(|@import|http:\/\/(?!www\.w3\.org)|https:\/\//)
})
