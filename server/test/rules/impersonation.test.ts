/** Acting as somebody else: security rules AD-4, AD-2, LI-4 (security.md 1.4, 1.6), RFC 8693 §4.1. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf, callerWith } from '../support/api.ts'
import {
  answerOf,
  type App,
  ask,
  askSilently,
  expectPage,
  type House,
  openHouse,
  payloadOf,
  type Person,
  redeem,
  signIn,
} from '../support/flow.ts'
import type { Form } from '../support/form.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let admin: Person
let app: App

beforeAll(async () => {
  house = await openHouse()
  admin = await house.person({ roles: ['admin'], name: 'The Administrator' })
  app = await house.app({ first_party: true })
})

const act = async (caller: Caller, target: Person, reason = 'ticket 4711'): Promise<number> =>
  (await caller.call('POST', `users/${target.user_id}/impersonate`, { reason })).status

const isStop = ({ action }: Form): boolean => action.endsWith('/impersonation/stop')

/** An administrator who acts as somebody, in their own browser. */
const acting = async (): Promise<Caller & { target: Person }> => {
  const target = await house.person()
  const caller = await callerOf(house, admin)
  expect(await act(caller, target)).toBe(201)
  return { ...caller, target }
}

describe('AD-4', () => {
  it('tokens are those of the person, name who acts, and come without a refresh token', async () => {
    const { client, target } = await acting()
    const answer = await ask(client, app, { scope: 'openid offline_access' })
    const tokens = (await redeem(client, app, answerOf(answer).code ?? '')).json<Record<string, string>>()
    for (const token of [tokens['access_token'], tokens['id_token']]) {
      expect(payloadOf(token ?? '')).toMatchObject({ sub: target.user_id, act: { sub: admin.user_id } })
    }
    expect(tokens).not.toHaveProperty('refresh_token')
    const [families] = await house.sql<{ count: number }[]>`
      select count(*)::int as count from refresh_families where user_id = ${target.user_id}`
    expect(families?.count).toBe(0)
    const introspected = await client.post(
      '/oauth/introspect',
      { token: tokens['access_token'] ?? '' },
      { authorization: `Basic ${Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')}` },
    )
    expect(introspected.json()).toMatchObject({ active: true, act: { sub: admin.user_id } })
  })

  it('every page says so and leads back: then the administrator is themselves again', async () => {
    const { client, target } = await acting()
    const page = await client.get('/account')
    expectPage(page, 200, 'Your account')
    expect(page.body).toContain(`You act as <bdi>${target.name}</bdi>`)
    const back = await client.walk(client.submit(page, {}, { form: isStop }))
    expectPage(back, 200, 'Your account')
    expect(back.body).toContain('The Administrator')
    expect(back.body).not.toContain('You act as')
  })

  it('nothing of the account is changed: no own form, no unsafe call, no consent, no fresh proof', async () => {
    const { client } = await acting()
    const page = await client.get('/account')
    for (const own of page.forms.filter(({ action }) => action.includes('/account/'))) {
      expect((await client.submit(page, {}, { form: (one) => one === own })).status).toBe(403)
    }
    expect((await client.post('/account/sessions/end', { session_id: 'x' })).status).toBe(403)
    const { call } = await callerWith(house, client)
    expect((await call('PATCH', 'users/me', { name: 'x' })).status).not.toBe(200)
    const asking = await house.app()
    expect(answerOf(await ask(client, asking))).toMatchObject({ error: 'access_denied' })
    expect(answerOf(await ask(client, app, { prompt: 'login' }))).toMatchObject({ error: 'access_denied' })
    expect(answerOf(await ask(client, app, { acr_values: 'aal2' }))).toMatchObject({ error: 'access_denied' })
  })

  it('an address in another spelling is the same address: /%61ccount too', async () => {
    const { client, target } = await acting()
    const page = await client.get('/account/profile')
    const form = page.forms.find(({ action }) => action.endsWith('/account/profile'))
    const own = Object.fromEntries((form?.fields ?? []).map(({ name, value }) => [name, value]))
    for (const path of ['/account/profile', '/%61ccount/profile', '/accoun%74/profile/']) {
      const headers = { origin: house.server.issuer }
      const reply = await client.post(path, { ...own, name: 'Somebody else' }, headers)
      expect([path, reply.status]).toEqual([path, 403])
    }
    const [row] = await house.sql<{ name: string }[]>`select name from users where id = ${target.user_id}`
    expect(row?.name).toBe(target.name)
  })

  it.each(['jwt', 'opaque'] as const)('nor by an application: its token (%s) reads, and no more', async (format) => {
    const { client } = await acting()
    const api = `${house.server.issuer}/api/v1`
    const scope = 'openid account admin'
    const helper = await house.app({ first_party: true, resources: [api], scope, access_token_format: format })
    const { code = '' } = answerOf(await ask(client, helper, { scope, resource: api }))
    const { access_token = '' } = (await redeem(client, helper, code)).json<Record<string, string>>()
    const call = async (method: string, path: string, json?: object): Promise<number> => {
      const headers = { authorization: `Bearer ${access_token}` }
      const reply = await house.server.client().request(`/api/v1/${path}`, { method, headers, ...(json && { json }) })
      return reply.status
    }
    expect(await call('GET', 'users/me')).toBe(200)
    for (const [method, path, json] of [
      ['PATCH', 'users/me', { name: 'x' }],
      ['POST', 'auth/change-password', { new_password: 'seven loud brass bells' }],
      ['POST', 'users/me/email', { email: 'somebody.else@example.com' }],
      ['POST', 'users/me/factors', { kind: 'totp' }],
      ['POST', 'users/me/export'],
      ['DELETE', 'users/me/sessions'],
      ['DELETE', 'users/me'],
      ['POST', 'auth/logout-everywhere'],
    ] as const)
      expect([method, path, await call(method, path, json)]).toEqual([method, path, 403])
  })

  it('nor do they sign the person out everywhere', async () => {
    const { client, target } = await acting()
    const own = house.server.client()
    await signIn(own, target)
    const page = await client.get('/logout')
    const form = ({ action }: Form): boolean => action.endsWith('/logout')
    expect((await client.submit(page, {}, { form, button: { name: 'scope', value: 'everywhere' } })).status).toBe(403)
    expectPage(await own.get('/account'), 200, 'Your account')
    expectPage(await client.submit(page, {}, { form, button: { name: 'scope', value: 'here' } }), 200, /signed out/i)
  })

  it('needs a reason, a fresh proof, a browser, and somebody with fewer rights', async () => {
    const target = await house.person()
    const caller = await callerOf(house, admin)
    expect(await act(caller, target, '')).toBe(400)
    expect(await act(caller, admin)).toBe(403)
    expect(await act(caller, await house.person({ roles: ['admin'] }))).toBe(403)
    expect(await act(await callerOf(house, await house.person()), target)).toBe(403)
    const stale = await house.person({ roles: ['admin'] })
    const client = house.server.client()
    await signIn(client, stale)
    await house.sql`update sessions set auth_time = auth_time - interval '301 seconds' where user_id = ${stale.user_id}`
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect(await act(await callerWith(house, client), target)).toBe(403)
  })

  it('is written down with who and why, and lasts an hour', async () => {
    const { target } = await acting()
    const event = (await eventsOf(house.sql, { user_id: target.user_id })).find(
      ({ type }) => type === 'user.impersonated',
    )
    expect(event).toMatchObject({ severity: 'alert', data: { by: admin.user_id, reason: 'ticket 4711' } })
    const [session] = await house.sql<{ seconds: number }[]>`
      select extract(epoch from expires_at - created_at)::int as seconds from sessions where user_id = ${target.user_id}`
    expect(session?.seconds).toBe(3600)
  })

  it('ends with the account of whoever acts, and with their right to', async () => {
    const lose = async (work: (acting: Person) => Promise<unknown>): Promise<string> => {
      const actor = await house.person({ roles: ['admin'] })
      const target = await house.person()
      const caller = await callerOf(house, actor)
      expect(await act(caller, target)).toBe(201)
      expect(await askSilently(caller.client, app)).toBe('code')
      await work(actor)
      return await askSilently(caller.client, app)
    }
    const root = await callerOf(house, admin)
    expect(await lose(async (actor) => await root.call('POST', `users/${actor.user_id}/disable`))).toBe(
      'login_required',
    )
    const { changeRoles } = await import('../../src/access/assign.ts')
    const taken = { add: [], remove: ['admin'] }
    expect(
      await lose(async (actor) => await house.revoking(async (ctx) => await changeRoles(ctx, actor.user_id, taken))),
    ).toBe('login_required')
  })

  it('ends when the person comes to hold as much as whoever acts: cookie and token', async () => {
    const { client, target } = await acting()
    const tokens = (await redeem(client, app, answerOf(await ask(client, app)).code ?? '')).json<{
      access_token: string
    }>()
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    expect((await client.get('/oauth/userinfo', headers)).status).toBe(200)
    const { code: late = '' } = answerOf(await ask(client, app))
    const { changeRoles } = await import('../../src/access/assign.ts')
    const given = { add: ['admin'], remove: [] }
    await house.revoking(async (ctx) => await changeRoles(ctx, target.user_id, given))
    expect((await redeem(client, app, late)).status).toBe(400)
    await expect.poll(async () => await askSilently(client, app), { timeout: 3000 }).toBe('login_required')
    expect((await client.get('/oauth/userinfo', headers)).status).toBe(401)
  })

  it('what is not theirs to do is refused with the banner and a word on what to do, shown or sent', async () => {
    const { client } = await acting()
    const profile = await client.get('/account/profile')
    const refused = [
      await client.get('/account/delete'),
      await client.submit(profile, {}, { form: ({ action }) => action.endsWith('/account/profile') }),
    ]
    for (const page of refused) {
      expectPage(page, 403, 'You have no access here')
      expect(page.body).toContain('action="/impersonation/stop"')
      expect(page.body).toContain('the person has to do it')
      expect(page.body).not.toContain('Allow cookies')
    }
  })

  it('ends with the session of whoever acts: signed out from another browser too', async () => {
    const { client } = await acting()
    expect(await askSilently(client, app)).toBe('code')
    const elsewhere = await callerOf(house, admin)
    expect((await elsewhere.call('DELETE', 'users/me/sessions')).status).toBe(200)
    expect(await askSilently(client, app)).toBe('login_required')
    expect(await askSilently(elsewhere.client, app)).toBe('code')
  })

  it('a sign-in of the person in that browser is their own again', async () => {
    const { client, target } = await acting()
    // A tab of the sign-in page that was open before.
    const page = await house.server.client().get('/login')
    expect(page.status).toBe(200)
    const stop = await client.get('/account')
    await client.walk(client.submit(stop, {}, { form: isStop }))
    await client.walk(client.submit(await client.get('/logout'), {}, { button: { name: 'scope', value: 'here' } }))
    expectPage(await signIn(client, target), 200, 'Your account')
    const [row] = await house.sql<{ actor_id: string | null }[]>`
      select actor_id from sessions where user_id = ${target.user_id} and ended_at is null`
    expect(row?.actor_id).toBeNull()
  })
})
