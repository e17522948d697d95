/** Signing out: at the wish of an application (OpenID Connect RP-Initiated Logout 1.0) and of the person. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type App,
  askSilently,
  errorIdOf,
  expectPage,
  type House,
  openHouse,
  payloadOf,
  type Person,
  signIn,
  tokensOf,
} from '../support/flow.ts'
import { decisionOf, eventsOf, sessionRow } from '../support/written.ts'
import { decode } from '../support/form.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let app: App
const goodbye = 'https://app.example/goodbye?from=keywright'

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ first_party: true, client_name: 'Leaving', post_logout_redirect_uris: [goodbye] })
})

type SignedIn = {
  person: Person
  client: HttpClient
  id_token: string
  access_token: string
  refresh_token: string
  session_id: string
}

const signedIn = async (scope = 'openid'): Promise<SignedIn> => {
  const person = await house.person()
  const client = house.server.client()
  const tokens = await tokensOf(client, app, person, { scope })
  return { person, client, ...tokens, session_id: (await sessionRow(house.sql, client))?.id ?? '' }
}

const logoutPath = (params: Record<string, string | undefined>): string => {
  const pairs = Object.entries(params).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return `/oauth/logout?${new URLSearchParams(pairs).toString()}`
}

const isOver = async (session_id: string): Promise<boolean> =>
  (await house.sql`select 1 from sessions where id = ${session_id} and ended_at is not null`).length === 1

const refreshes = async ({ refresh_token }: SignedIn): Promise<number> => {
  const basic = Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')
  const form = { grant_type: 'refresh_token', refresh_token }
  return (await house.server.client().post('/oauth/token', form, { authorization: `Basic ${basic}` })).status
}

const userinfo = async ({ access_token }: SignedIn): Promise<number> =>
  (await house.server.client().get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })).status

const expectGone = (reply: Reply, state?: string): void => {
  expect([reply.status, reply.location?.href]).toEqual([
    303,
    state === undefined ? goodbye : `${goodbye}&state=${state}`,
  ])
  expect(reply.headers['set-cookie']?.join()).toMatch(/kw_session=;.*Max-Age=0/)
}

describe('with a proof that the application asks', () => {
  it('id_token_hint: out at once, back to the application with state, and everything of it dies', async () => {
    const all = await signedIn()
    const hint = { id_token_hint: all.id_token, post_logout_redirect_uri: goodbye, state: 's&1' }
    const reply = await all.client.get(logoutPath(hint))
    expectGone(reply, 's%261')
    expect(await isOver(all.session_id)).toBe(true)
    expect(await askSilently(all.client, app)).toBe('login_required')
    expect([await userinfo(all), await refreshes(all)]).toEqual([401, 400])
    const events = await eventsOf(house.sql, all.person)
    expect(events.filter(({ type }) => type === 'session.ended')).toMatchObject([
      { outcome: 'success', session_id: all.session_id, data: { because: 'signed out' } },
    ])
  })

  it('a refresh token with offline_access outlives it', async () => {
    const all = await signedIn('openid offline_access')
    await all.client.get(logoutPath({ id_token_hint: all.id_token }))
    expect(await isOver(all.session_id)).toBe(true)
    expect(await refreshes(all)).toBe(200)
  })

  it('without post_logout_redirect_uri: our own page, and no state to carry', async () => {
    const { client, id_token, session_id } = await signedIn()
    const reply = await client.get(logoutPath({ id_token_hint: id_token, state: 's1' }))
    expectPage(reply, 200, 'You are signed out')
    expect(await isOver(session_id)).toBe(true)
  })

  it('an expired hint is as good; one that we did not sign is not', async () => {
    const { signer } = house.ctx
    signer.load(await house.sql`select * from signing_keys`)
    const { client, id_token, session_id } = await signedIn()
    const old = signer.sign('RS256', 'JWT', { ...payloadOf(id_token), iat: 1_000_000_000, exp: 1_000_000_300 })
    for (const bad of [`${id_token.slice(0, -8)}AAAAAAAA`, 'x', `${id_token}.x`]) {
      const reply = await client.get(logoutPath({ id_token_hint: bad, post_logout_redirect_uri: goodbye }))
      expectPage(reply, 400, /./)
      expect(await isOver(session_id)).toBe(false)
    }
    expectGone(await client.get(logoutPath({ id_token_hint: old, post_logout_redirect_uri: goodbye })))
    expect(await isOver(session_id)).toBe(true)
  })

  it('without a cookie too: the hint names the session (LO-1)', async () => {
    const all = await signedIn()
    const reply = await house.server.client().get(logoutPath({ id_token_hint: all.id_token }))
    expectPage(reply, 200, 'You are signed out')
    expect(await isOver(all.session_id)).toBe(true)
    expect(await askSilently(all.client, app)).toBe('login_required')
  })

  it('as a form, and as a form of another site, with which the cookie does not come', async () => {
    for (const headers of [{}, { cookie: '', origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }]) {
      const { client, id_token, session_id } = await signedIn()
      const form = { id_token_hint: id_token, post_logout_redirect_uri: goodbye, state: 's1' }
      expectGone(await client.walk(client.post('/oauth/logout', form, headers)), 's1')
      expect(await isOver(session_id)).toBe(true)
    }
  })

  it('a hint that was used before: still the way back, and nothing to end', async () => {
    const { client, id_token } = await signedIn()
    for (let turn = 0; turn < 2; turn += 1) {
      expectGone(await client.get(logoutPath({ id_token_hint: id_token, post_logout_redirect_uri: goodbye })))
    }
  })
})

describe('without one, the person is asked', () => {
  it.each<[string, (all: SignedIn) => Promise<Record<string, string>>]>([
    ['nothing', async () => await Promise.resolve({})],
    ['client_id', async () => await Promise.resolve({ client_id: app.client_id, post_logout_redirect_uri: goodbye })],
    ['the hint of another person', async () => ({ id_token_hint: (await signedIn()).id_token })],
    [
      'the hint of another session of theirs',
      async ({ person }) => ({ id_token_hint: (await tokensOf(house.server.client(), app, person)).id_token }),
    ],
  ])('with %s: a page, by GET and by POST, and nothing ends', async (_name, params) => {
    const all = await signedIn()
    const wish = await params(all)
    for (const reply of [await all.client.get(logoutPath(wish)), await all.client.post('/oauth/logout', wish)]) {
      expectPage(reply, 200, 'Sign out?')
      expect(reply.body).toContain(all.person.name)
      expect(reply.headers['set-cookie']).toBeUndefined()
    }
    expect(await isOver(all.session_id)).toBe(false)
    expect(await askSilently(all.client, app)).toBe('code')
  })

  it('a form of another site is no way around the question, whatever hint comes along', async () => {
    const all = await signedIn()
    const attacker = await signedIn()
    const headers = { cookie: '', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    for (const form of [{}, { client_id: app.client_id }, { id_token_hint: attacker.id_token }]) {
      const posted = await all.client.post('/oauth/logout', form, headers)
      // A browser takes a cookie away when the answer to such a form says so.
      expect(posted.headers['set-cookie'] ?? []).toEqual([])
      const page = await all.client.walk(posted)
      expectPage(page, 200, 'Sign out?')
    }
    expect(await isOver(all.session_id)).toBe(false)
    expect(await askSilently(all.client, app)).toBe('code')
  })

  it('sign out on this browser: the session, and back to the application that asked', async () => {
    const all = await signedIn()
    const second = house.server.client()
    await signIn(second, all.person)
    const wish = { client_id: app.client_id, post_logout_redirect_uri: goodbye, state: 's1' }
    const page = await all.client.get(logoutPath(wish))
    expect(page.body).toContain('Leaving')
    expect(page.headers['content-security-policy']).toContain("form-action 'self' https://app.example")
    expectGone(await all.client.submit(page, {}, { button: { name: 'scope', value: 'here' } }), 's1')
    expect(await isOver(all.session_id)).toBe(true)
    expect(await askSilently(second, app)).toBe('code')
  })

  it('sign out everywhere: every session, refresh token and access token, offline ones too, within two seconds', async () => {
    const all = await signedIn('openid offline_access')
    const second = house.server.client()
    const other = await tokensOf(second, app, all.person)
    const page = await all.client.get('/logout')
    const reply = await all.client.submit(page, {}, { button: { name: 'scope', value: 'everywhere' } })
    expectPage(reply, 200, 'You are signed out')
    expect(reply.body).toContain('on every device')
    expect(await askSilently(second, app)).toBe('login_required')
    expect([await userinfo(all), await userinfo({ ...all, ...other })]).toEqual([401, 401])
    expect([await refreshes(all), await refreshes({ ...all, ...other })]).toEqual([400, 400])
    const events = await eventsOf(house.sql, all.person)
    expect(events.filter(({ type }) => type === 'sessions.ended_everywhere')).toMatchObject([
      { severity: 'notice', data: { because: 'signed out everywhere', sessions: 2 } },
    ])
  })

  it('stay signed in: the own page, and nothing ends', async () => {
    const all = await signedIn()
    const page = await all.client.get(logoutPath({ client_id: app.client_id, post_logout_redirect_uri: goodbye }))
    const reply = await all.client.submit(page, {}, { button: { name: 'scope', value: 'cancel' } })
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/account'])
    expect(await isOver(all.session_id)).toBe(false)
  })

  it('a private-use scheme is a place to go back to: the page may send its form there', async () => {
    const uri = 'com.example.leaving:/goodbye'
    const native = await house.app({ type: 'native', redirect_uris: [uri], post_logout_redirect_uris: [uri] })
    const { client } = await signedIn()
    const page = await client.get(logoutPath({ client_id: native.client_id, post_logout_redirect_uri: uri }))
    expect(page.headers['content-security-policy']).toMatch(/form-action 'self' com\.example\.leaving:$/)
    const reply = await client.submit(page, {}, { button: { name: 'scope', value: 'here' } })
    expect([reply.status, reply.headers.location]).toEqual([303, uri])
  })
})

describe('nobody is signed in', () => {
  it('the application is offered, not followed', async () => {
    const wish = { client_id: app.client_id, post_logout_redirect_uri: goodbye, state: 's1' }
    const reply = await house.server.client().get(logoutPath(wish))
    expectPage(reply, 200, 'You are signed out')
    expect(decode(reply.body)).toContain(`href="${goodbye}&state=s1"`)
  })

  it('the page of the person says so, and the form sent twice does no harm', async () => {
    expectPage(await house.server.client().get('/logout'), 200, 'You are signed out')
    const { client } = await signedIn()
    const page = await client.get('/logout')
    await client.submit(page, {}, { button: { name: 'scope', value: 'here' } })
    const again = await client.submit(page, {}, { button: { name: 'scope', value: 'here' } })
    expectPage(again, 200, 'You are signed out')
  })
})

describe('what is no request to sign out', () => {
  it.each<[string, (all: SignedIn) => Record<string, string | undefined>]>([
    ['an address that is not registered', () => ({ post_logout_redirect_uri: 'https://evil.example/' })],
    ['a registered one with more behind it', () => ({ post_logout_redirect_uri: `${goodbye}&more=1` })],
    ['a registered one with less', () => ({ post_logout_redirect_uri: goodbye.slice(0, -1) })],
    ['a registered one in capitals', () => ({ post_logout_redirect_uri: goodbye.replace('app', 'APP') })],
    ['a redirect_uri instead', () => ({ post_logout_redirect_uri: app.redirect_uri })],
    [
      'an address and no client',
      () => ({ id_token_hint: undefined, client_id: undefined, post_logout_redirect_uri: goodbye }),
    ],
    ['a client_id that is not the one of the hint', () => ({ client_id: 'app_demo' })],
    ['a client that is not there', () => ({ id_token_hint: undefined, client_id: 'app_nobody' })],
    ['an access token as hint', ({ access_token }) => ({ id_token_hint: access_token })],
  ])('%s: 400, no redirect, nothing ends', async (_name, change) => {
    const all = await signedIn()
    const wish = { id_token_hint: all.id_token, post_logout_redirect_uri: goodbye, ...change(all) }
    for (const reply of [
      await all.client.get(logoutPath(wish)),
      await all.client.walk(all.client.post('/oauth/logout', wish)),
    ]) {
      expectPage(reply, 400, /./)
      expect(await decisionOf(house.sql, errorIdOf(reply))).toMatchObject({
        error: 'invalid_request',
        route: '/oauth/logout',
      })
    }
    expect(await isOver(all.session_id)).toBe(false)
  })

  it('a repeated parameter', async () => {
    const all = await signedIn()
    const path = `${logoutPath({ id_token_hint: all.id_token, state: 'a' })}&state=b`
    expectPage(await all.client.get(path), 400, /./)
    expect(await isOver(all.session_id)).toBe(false)
  })

  it('the form of the page with a target put in afterwards', async () => {
    const all = await signedIn()
    const page = await all.client.get('/logout')
    const evil = { client_id: app.client_id, post_logout_redirect_uri: 'https://evil.example/' }
    expectPage(await all.client.submit(page, { ...evil, scope: 'here' }), 400, /./)
    expect(await isOver(all.session_id)).toBe(false)
  })
})
