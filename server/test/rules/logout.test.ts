/** Security rule LO-1 (security.md 1.3): signing out at the wish of an application is no open redirect and no surprise. */
import { expect, it } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type App, askSilently, expectPage, openHouse, type Person, tokensOf } from '../support/flow.ts'
import type { HttpClient } from '../support/http.ts'
import { startCluster } from '../support/server.ts'
import { sessionRow } from '../support/written.ts'

const goodbye = 'https://app.example/goodbye'

it('LO-1: a redirect only with a hint of ours, to exactly what is registered; else a page, 400 or a question', async () => {
  const house = await openHouse()
  const app = await house.app({ first_party: true, post_logout_redirect_uris: [goodbye] })
  const person = await house.person()
  const client = house.server.client()
  const { id_token } = await tokensOf(client, app, person)
  const session = await sessionRow(house.sql, client)
  const path = (params: Record<string, string>): string => `/oauth/logout?${new URLSearchParams(params).toString()}`
  for (const post_logout_redirect_uri of [
    `${goodbye}/`,
    `${goodbye}?`,
    `${goodbye}#x`,
    'https://app.example/',
    'https://app.example/goodby',
    'https://APP.example/goodbye',
    'https://app.example:443/goodbye',
    'https://app.example\\goodbye',
    'https://app.example/./goodbye',
    'https://app.example@evil.example/goodbye',
    '//app.example/goodbye',
    app.redirect_uri,
    '',
  ].filter((uri) => uri !== '')) {
    const reply = await client.get(path({ id_token_hint: id_token, post_logout_redirect_uri }))
    expectPage(reply, 400, /./)
    expect(await askSilently(client, app)).toBe('code')
  }
  expectPage(await client.get(path({ id_token_hint: `${id_token}x`, post_logout_redirect_uri: goodbye })), 400, /./)
  expectPage(await client.get(path({ post_logout_redirect_uri: goodbye })), 400, /./)
  expectPage(await client.get(path({ client_id: app.client_id, post_logout_redirect_uri: goodbye })), 200, 'Sign out?')
  expect(await askSilently(client, app)).toBe('code')
  const reply = await client.get(path({ id_token_hint: id_token, post_logout_redirect_uri: goodbye, state: 's' }))
  expect([reply.status, reply.location?.href]).toEqual([303, `${goodbye}?state=s`])
  expect(await askSilently(client, app)).toBe('login_required')
  const rows =
    await house.sql`select ended_because from sessions where id = ${session?.id ?? ''} and ended_at is not null`
  expect(rows).toEqual([{ ended_because: 'signed out' }])
})

it('LO-1: the session and its tokens are dead on every node within two seconds, with the cookie and without it', async () => {
  const database = await freshDatabase()
  const house = await openHouse({ database })
  const [other] = await startCluster(1, { database, issuer: house.server.issuer })
  if (other === undefined) throw new Error('no second node')
  const app: App = await house.app({ first_party: true })
  const userinfo = async (browser: HttpClient, token: string): Promise<number> =>
    (await browser.get('/oauth/userinfo', { authorization: `Bearer ${token}` })).status
  for (const withCookie of [true, false]) {
    const person: Person = await house.person()
    const here = house.server.client()
    const { id_token, access_token } = await tokensOf(here, app, person)
    const there = other.client(here.jar)
    expect([await askSilently(there, app), await userinfo(there, access_token)]).toEqual(['code', 200])
    const browser = withCookie ? here : house.server.client()
    const cookie = here.jar.get('kw_session')?.value ?? ''
    await browser.get(`/oauth/logout?id_token_hint=${id_token}`)
    const since = performance.now()
    here.jar.keep(new URL(house.server.issuer), [`kw_session=${cookie}; Path=/`])
    for (const node of [here, there])
      expect([await askSilently(node, app), await userinfo(node, access_token)]).toEqual(['login_required', 401])
    expect(performance.now() - since).toBeLessThan(2000)
  }
})
