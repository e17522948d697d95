/** A person's own page: where they are signed in, which applications have access, and the way out of both. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type App,
  ask,
  askSilently,
  expectPage,
  type House,
  openHouse,
  type Person,
  signIn,
  tokensOf,
} from '../support/flow.ts'
import type { Form } from '../support/form.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { eventsOf, sessionRow } from '../support/written.ts'

let house: House
let app: App
let own: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ client_name: 'Reads <everything>', scope: 'openid email read offline_access' })
  own = await house.app({ first_party: true })
})

const somebody = async (name?: string): Promise<{ person: Person; client: HttpClient }> => {
  const person = await house.person(name === undefined ? {} : { name })
  const client = house.server.client()
  await signIn(client, person)
  return { person, client }
}

const press = async (client: HttpClient, page: Reply, name: string, value: string): Promise<Reply> =>
  await client.submit(
    page,
    {},
    {
      form: (form: Form) => form.buttons.some((one) => one.name === name && one.value === value),
      button: { name, value },
    },
  )

const buttons = (page: Reply, name: string): string[] =>
  page.forms.flatMap((form) => form.buttons.filter((button) => button.name === name).map(({ value }) => value))

describe('who may see it', () => {
  it('nobody who is not signed in; after the sign-in the way leads there', async () => {
    const client = house.server.client()
    const reply = await client.get('/account')
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/login'])
    const page = await signIn(client, await house.person({ name: 'Nora <b>Bold</b>' }))
    expectPage(page, 200, 'Your account')
    expect(page.url.pathname).toBe('/account')
    expect(page.body).toContain('Nora &lt;b&gt;Bold&lt;/b&gt;')
    expect(page.headers['cache-control']).toBe('no-store')
  })
})

describe('sessions', () => {
  it('all of the person and none of anybody else, each with its browser, as text', async () => {
    const { person, client } = await somebody()
    const hostile = house.server.client()
    const login = await hostile.get('/login')
    const values = { login: person.email, password: person.password }
    const fields = Object.fromEntries(login.forms[0]?.fields.map(({ name, value }) => [name, value]) ?? [])
    await hostile.post(
      '/login',
      { ...fields, ...values },
      { origin: house.server.issuer, 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' },
    )
    const odd = house.server.client()
    const again = await odd.get('/login')
    const more = Object.fromEntries(again.forms[0]?.fields.map(({ name, value }) => [name, value]) ?? [])
    await odd.post(
      '/login',
      { ...more, ...values },
      { origin: house.server.issuer, 'user-agent': '<script>alert(1)</script>' },
    )
    await somebody('Somebody Else')
    const page = await client.get('/account/sessions')
    expect(buttons(page, 'session_id')).toHaveLength(3)
    expect(buttons(page, 'session_id')).toContain('others')
    for (const text of ['Firefox on Linux', 'Unknown browser', 'This browser', '127.0.0.1'])
      expect(page.body).toContain(text)
    for (const text of ['<script>alert', 'Somebody Else']) expect(page.body).not.toContain(text)
  })

  it('ending another one: it is over there within two seconds, and here it goes on', async () => {
    const { person, client } = await somebody()
    const other = house.server.client()
    const tokens = await tokensOf(other, own, person)
    const theirs = (await sessionRow(house.sql, other))?.id ?? ''
    const reply = await press(client, await client.get('/account/sessions'), 'session_id', theirs)
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/account/sessions'])
    expect(await askSilently(other, own)).toBe('login_required')
    const bearer = { authorization: `Bearer ${tokens.access_token}` }
    expect((await other.get('/oauth/userinfo', bearer)).status).toBe(401)
    expect(await askSilently(client, own)).toBe('code')
    expect(buttons(await client.get('/account/sessions'), 'session_id')).toEqual([])
    const events = await eventsOf(house.sql, person)
    expect(events.filter(({ type }) => type === 'session.ended')).toMatchObject([
      { session_id: theirs, data: { because: 'ended by its owner' } },
    ])
  })

  it("naming somebody else's session, or none, changes nothing", async () => {
    const [mine, theirs] = [await somebody(), await somebody()]
    const spare = house.server.client()
    await signIn(spare, mine.person)
    const page = await mine.client.get('/account/sessions')
    const form = page.forms.find((one) => one.action === '/account/sessions/end')
    const csrf = form?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
    const victim = (await sessionRow(house.sql, theirs.client))?.id ?? ''
    for (const session_id of [victim, '', 'x', "' or true --", '00000000-0000-7000-8000-000000000000']) {
      const reply = await mine.client.post(
        '/account/sessions/end',
        { csrf, session_id },
        { origin: house.server.issuer },
      )
      expect([reply.status, reply.location?.pathname]).toEqual([303, '/account/sessions'])
    }
    for (const client of [mine.client, spare, theirs.client]) expect(await askSilently(client, own)).toBe('code')
  })
})

describe('applications with access', () => {
  const clientRefreshes = async (refresh_token: string): Promise<number> => {
    const basic = Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')
    const form = { grant_type: 'refresh_token', refresh_token }
    return (await house.server.client().post('/oauth/token', form, { authorization: `Basic ${basic}` })).status
  }

  it('AZ-13: taking it back ends refresh and access tokens within two seconds, and the person is asked again', async () => {
    const { person, client } = await somebody()
    const neighbour = await somebody()
    const tokens = await tokensOf(client, app, person, { scope: 'openid email offline_access' })
    const kept = await tokensOf(neighbour.client, app, neighbour.person, { scope: 'openid email offline_access' })
    expect(await askSilently(client, app)).toBe('code')
    const page = await client.get('/account/applications')
    expect(page.body).toContain('Reads &lt;everything&gt;')
    expect(page.body).toContain('See your email address')
    expect(buttons(page, 'client_id')).toEqual([app.client_id])
    const reply = await press(client, page, 'client_id', app.client_id)
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/account/applications'])
    expect(await clientRefreshes(tokens.refresh_token)).toBe(400)
    expect((await client.get('/oauth/userinfo', { authorization: `Bearer ${tokens.access_token}` })).status).toBe(401)
    expectPage(await ask(client, app, { scope: 'openid email' }), 200, 'Allow access')
    expect((await client.get('/account/applications')).body).toContain('No application has access')
    const events = (await eventsOf(house.sql, person)).filter(({ type }) => type === 'consent.withdrawn')
    expect(events).toMatchObject([{ client_id: app.client_id, severity: 'notice', ip: '127.0.0.1' }])
    expect(await clientRefreshes(kept.refresh_token)).toBe(200)
    expect(await askSilently(neighbour.client, app)).toBe('code')
  })

  it('taking back what was never given changes nothing and is not recorded', async () => {
    const { person, client } = await somebody()
    await tokensOf(client, app, person)
    const page = await client.get('/account/applications')
    const form = page.forms.find((one) => one.action === '/account/consents/withdraw')
    const csrf = form?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
    for (const client_id of [own.client_id, 'app_nobody', '', "' or true --"]) {
      const reply = await client.post(
        '/account/consents/withdraw',
        { csrf, client_id },
        { origin: house.server.issuer },
      )
      expect([reply.status, reply.location?.pathname]).toEqual([303, '/account/applications'])
    }
    expect(await askSilently(client, app)).toBe('code')
    expect((await eventsOf(house.sql, person)).map(({ type }) => type)).not.toContain('consent.withdrawn')
  })
})

describe('the way out', () => {
  it.each(['here', 'everywhere'])('sign out %s', async (scope) => {
    const { person, client } = await somebody()
    const other = house.server.client()
    await signIn(other, person)
    const reply = await press(client, await client.get('/account'), 'scope', scope)
    expectPage(reply, 200, 'You are signed out')
    expect(client.jar.get('kw_session')).toBeUndefined()
    expect(await askSilently(client, own)).toBe('login_required')
    expect(await askSilently(other, own)).toBe(scope === 'here' ? 'code' : 'login_required')
  })
})
