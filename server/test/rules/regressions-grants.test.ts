/**
 * What an attacker and a reviewer once proved about consent, roles, clients and limits, each by its rule's number
 * (security.md 1.2, 1.3, 1.7). Start reading at the first test.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { changeClient, createClient, removeClient } from '../../src/clients/manage.ts'
import { matchRedirect } from '../../src/protocol/redirect-uri.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import { changeRoles } from '../../src/access/assign.ts'
import { freshDatabase } from '../support/database.ts'
import {
  type App,
  answerOf,
  ask,
  expectCode,
  expectPage,
  type House,
  obtain,
  openHouse,
  payloadOf,
  type Person,
  redeem,
  signIn,
  signInOn,
  tokensOf,
} from '../support/flow.ts'
import { type HttpClient, httpClient, type Reply } from '../support/http.ts'
import { basic, expectRefusal } from '../support/oauth.ts'
import { startServer } from '../support/server.ts'
import { eventTypes } from '../support/written.ts'

const twoSeconds = { timeout: 2000, interval: 20 }
let house: House

beforeAll(async () => {
  house = await openHouse()
})

const userinfo = async (token: string): Promise<number> =>
  (await house.server.client().get('/oauth/userinfo', { authorization: `Bearer ${token}` })).status
const post = async (path: string, app: App, form: Record<string, string>): Promise<Reply> =>
  await house.server.client().post(path, form, basic(app.client_id, app.client_secret ?? ''))
const refresh = async (app: App, refresh_token: string): Promise<Reply> =>
  await post('/oauth/token', app, { grant_type: 'refresh_token', refresh_token })

describe('AZ-13: withdrawing consent on the own page', () => {
  const withdraw = async (client: HttpClient, app: App, person: Person): Promise<void> => {
    const page = await client.get('/account/applications')
    const isOwn = (form: Reply['forms'][number]): boolean =>
      form.action.endsWith('/account/consents/withdraw') && form.buttons.some(({ value }) => value === app.client_id)
    expect(
      (await client.submit(page, {}, { form: isOwn, button: { name: 'client_id', value: app.client_id } })).status,
    ).toBe(303)
    expect(await eventTypes(house.sql, { user_id: person.user_id })).toContain('consent.withdrawn')
  }

  it('AZ-13: kills the access token of a client without refresh tokens within two seconds', async () => {
    const [app, person] = [await house.app({ grant_types: ['authorization_code'] }), await house.person()]
    const client = house.server.client()
    const { access_token, refresh_token } = await tokensOf(client, app, person)
    expect(refresh_token).toBeUndefined()
    expect(await userinfo(access_token)).toBe(200)
    await withdraw(client, app, person)
    await expect.poll(async () => await userinfo(access_token), twoSeconds).toBe(401)
  })

  it('AZ-13: makes a code that was issued and not yet redeemed worth nothing', async () => {
    const [app, person] = [await house.app(), await house.person()]
    const client = house.server.client()
    const code = expectCode(await obtain(client, app, person), app, house.server.issuer)
    await withdraw(client, app, person)
    await expectRefusal(house.sql, await redeem(house.server.client(), app, code), 400, 'invalid_grant')
  })

  it('AZ-13: makes an open interaction, in which it had been given, ask again', async () => {
    const [app, person] = [await house.app(), await house.person()]
    const client = house.server.client()
    const page = await signInOn(client, await ask(client, app), person)
    expect(page.url.pathname).toBe('/consent')
    const allowed = await client.submit(page, {}, { button: { name: 'decision', value: 'allow' } })
    expect(allowed.location?.pathname).toBe('/oauth/continue')
    await withdraw(client, app, person)
    const asked = await client.walk(allowed)
    expect([asked.status, asked.url.pathname]).toEqual([200, '/consent'])
  })
})

it('G-3: taking a role kills access tokens, but neither the sign-in nor the refresh token', async () => {
  const [app, person] = [
    await house.app({ scope: 'openid roles offline_access' }),
    await house.person({ roles: ['admin'] }),
  ]
  const client = house.server.client()
  const tokens = await tokensOf(client, app, person, { scope: 'openid roles offline_access' })
  expect(payloadOf(tokens.access_token)['roles']).toEqual(['admin'])
  expect(await userinfo(tokens.access_token)).toBe(200)
  await house.revoking(async (ctx) => await changeRoles(ctx, person.user_id, { add: [], remove: ['admin'] }))
  await expect.poll(async () => await userinfo(tokens.access_token), twoSeconds).toBe(401)
  expect((await client.get('/account')).status).toBe(200)
  const known = await post('/oauth/introspect', app, { token: tokens.refresh_token })
  expect(known.json()).toMatchObject({ active: true })
  const renewed = await refresh(app, tokens.refresh_token)
  expect(renewed.status).toBe(200)
  expect(payloadOf(renewed.json<{ access_token: string }>().access_token)['roles'] ?? []).toEqual([])
})

describe('G-3: a deleted client', () => {
  it('G-3: made again under its id it has none of its old refresh tokens and codes', async () => {
    const [app, person] = [await house.app({ scope: 'openid offline_access' }), await house.person()]
    const client = house.server.client()
    const { refresh_token } = await tokensOf(client, app, person, { scope: 'openid offline_access' })
    const code = expectCode(await obtain(client, app, person), app, house.server.issuer)
    await house.revoking(async (ctx) => await removeClient(ctx, app.client_id))
    const metadata = { client_name: app.client_name, type: 'web', redirect_uris: [app.redirect_uri] } as const
    const made = await createClient(house.ctx, { ...metadata, redirect_uris: [app.redirect_uri] }, app.client_id)
    if (isDenial(made)) throw new Error(made.error)
    const again = { ...app, client_secret: made.client_secret }
    // The server's copy of the client is up to a second old: until then the new secret is a wrong one.
    await expect.poll(async () => (await refresh(again, refresh_token)).status, twoSeconds).toBe(400)
    await expectRefusal(house.sql, await refresh(again, refresh_token), 400, 'invalid_grant')
    await expectRefusal(house.sql, await redeem(house.server.client(), again, code), 400, 'invalid_grant')
  })

  it('the demo client is made with the database and not again after it was deleted', async () => {
    const database = await freshDatabase('empty')
    const first = await openHouse({ database })
    const exists = async (): Promise<number> =>
      (await database.sql`select 1 from clients where client_id = 'app_demo'`).length
    expect(await exists()).toBe(1)
    await first.revoking(async (ctx) => await removeClient(ctx, 'app_demo'))
    await first.server.stop()
    const second = await startServer({ database })
    expect(await exists()).toBe(0)
    await second.stop()
  })
})

describe('AZ-9, TK-6: what a client lost', () => {
  const [one, two] = ['https://one.example/', 'https://two.example/']
  const scope = 'openid email offline_access'
  const audience = (token: string): unknown[] => [payloadOf(token)['aud']].flat()

  it('AZ-9, TK-6: is in no refreshed token, and in none of a code issued before', async () => {
    const [app, person] = [await house.app({ scope, resources: [one, two] }), await house.person()]
    const client = house.server.client()
    const asked = { scope, resource: [one, two] }
    let { access_token, refresh_token } = await tokensOf(client, app, person, asked)
    expect(audience(access_token)).toEqual(expect.arrayContaining([one, two]))
    const code = expectCode(await obtain(client, app, person, asked), app, house.server.issuer)
    const last = expectCode(await obtain(client, app, person, asked), app, house.server.issuer)

    const renewed = async (): Promise<string> => {
      const reply = await refresh(app, refresh_token)
      expect(reply.status, reply.body).toBe(200)
      ;({ access_token, refresh_token } = reply.json<typeof tokens>())
      return access_token
    }
    const tokens = { access_token, refresh_token }
    await changeClient(house.ctx, app.client_id, { resources: [one], scope: 'openid offline_access' })
    await expect.poll(async () => audience(await renewed()), twoSeconds).not.toContain(two)
    expect(String(payloadOf(access_token)['scope']).split(' ')).not.toContain('email')
    const late = await redeem(house.server.client(), app, code)
    expect(late.status, late.body).toBe(200)
    const token = payloadOf(late.json<typeof tokens>().access_token)
    expect(audience(late.json<typeof tokens>().access_token)).not.toContain(two)
    expect(String(token['scope']).split(' ')).not.toContain('email')

    await changeClient(house.ctx, app.client_id, { resources: [] })
    const outcome = async (): Promise<unknown> => {
      const reply = await refresh(app, refresh_token)
      if (reply.status === 200) ({ refresh_token } = reply.json<typeof tokens>())
      return reply.json()['error']
    }
    await expect.poll(outcome, twoSeconds).toBe('invalid_target')
    await expectRefusal(house.sql, await redeem(house.server.client(), app, last), 400, 'invalid_target')
  })
})

describe('AZ-1: the port of a loopback redirect', () => {
  it('AZ-1: only a native client may choose it; what follows a sign-out is exact for all', async () => {
    const registered = ['http://127.0.0.1:9000/cb']
    const goodbye = 'http://127.0.0.1:9000/bye'
    const asked = 'http://127.0.0.1:9001/cb'
    expect(matchRedirect(asked, registered, 'native')).toBe(asked)
    for (const owner of ['web', 'spa', 'machine', undefined])
      expect(matchRedirect(asked, registered, owner)).toBeUndefined()

    const metadata = { redirect_uris: registered, post_logout_redirect_uris: [goodbye] }
    const person = await house.person()
    const client = house.server.client()
    await signIn(client, person)
    const native = await house.app({ ...metadata, type: 'native', token_endpoint_auth_method: 'none' })
    const moved = await obtain(client, native, person, { redirect_uri: asked })
    expect(moved.location?.origin).toBe('http://127.0.0.1:9001')
    expect(answerOf(moved)['code']).toMatch(/^kw_ac_/)
    const web = await house.app({ ...metadata, type: 'web' })
    expectPage(
      await client.get(
        `/oauth/authorize?${new URLSearchParams({ client_id: web.client_id, redirect_uri: asked, response_type: 'code' })}`,
      ),
      400,
      /./,
    )
    expect((await obtain(client, web, person)).location?.origin).toBe('http://127.0.0.1:9000')
    const { id_token } = await tokensOf(client, native, person)
    const logout = (uri: string): string =>
      `/oauth/logout?${new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: uri })}`
    expectPage(await client.get(logout('http://127.0.0.1:9001/bye')), 400, /./)
    const left = await client.get(logout(goodbye))
    expect([left.status, left.location?.href]).toEqual([303, goodbye])
  })
})

describe('RL-1: request rates', () => {
  let limited: House
  const headersOf = (ip: string): Record<string, string> => ({ 'x-forwarded-for': ip })
  beforeAll(async () => {
    const env = {
      KEYWRIGHT_LIMITS: 'on',
      KEYWRIGHT_LIMIT_CLIENT: '3',
      KEYWRIGHT_LIMIT_ADDRESS: '20',
      KEYWRIGHT_TRUSTED_PROXIES: '127.0.0.1,::1',
    }
    limited = await openHouse({ env, database: await freshDatabase() })
  })

  it('RL-1: the token budget of a public client is spent for one address only', async () => {
    const app = await limited.app({ type: 'spa', token_endpoint_auth_method: 'none' })
    const send = async (ip: string): Promise<number> => {
      const form = { grant_type: 'authorization_code', code: 'x', client_id: app.client_id }
      return (await limited.server.client().post('/oauth/token', form, headersOf(ip))).status
    }
    for (const expected of [400, 400, 400, 429, 429]) expect(await send('192.0.2.1')).toBe(expected)
    expect(await send('198.51.100.1')).toBe(400)
  })

  it('RL-1: asking what a token is worth spends none of the budget for tokens', async () => {
    const app = await limited.app()
    const proof = basic(app.client_id, app.client_secret ?? '')
    const send = async (path: string, form: Record<string, string>): Promise<number> =>
      (await limited.server.client().post(path, form, { ...proof, ...headersOf('192.0.2.2') })).status
    for (let turn = 0; turn < 8; turn += 1) expect(await send('/oauth/introspect', { token: 'x' })).toBe(200)
    const form = { grant_type: 'authorization_code', code: 'x' }
    for (const expected of [400, 400, 400, 429]) expect(await send('/oauth/token', form)).toBe(expected)
    expect(await send('/oauth/introspect', { token: 'x' })).toBe(200)
  })

  it.each([
    ['404', 'GET', '/nothing/here', 404],
    ['405', 'DELETE', '/oauth/token', 405],
    ['OPTIONS', 'OPTIONS', '/oauth/token', 204],
  ])('RL-1: answers with %s are limited for each address', async (name, method, path, status) => {
    const send = async (ip: string): Promise<Reply> =>
      await httpClient(limited.server.issuer).request(path, { method, headers: headersOf(ip) })
    const ip = `203.0.113.${name.length + (status % 100)}`
    for (let turn = 0; turn < 20; turn += 1) expect((await send(ip)).status).toBe(status)
    const refused = await send(ip)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await send('198.51.100.2')).status).toBe(status)
  })
})
