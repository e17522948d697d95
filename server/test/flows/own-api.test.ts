/** What a person has open, by the API: sessions, devices, consents, what happened; nobody else's (product rows 11, 14). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerWith } from '../support/api.ts'
import { type App, askSilently, type House, openHouse, type Person, signIn, tokensOf } from '../support/flow.ts'
import type { HttpClient } from '../support/http.ts'
import { eventsOf, sessionRow } from '../support/written.ts'

let house: House
let app: App
let own: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ client_name: 'Field Notes', scope: 'openid email' })
  own = await house.app({ first_party: true })
})

type Somebody = { person: Person; client: HttpClient; call: Caller['call'] }
const again = async (person: Person): Promise<Somebody> => {
  const client = house.server.client()
  await signIn(client, person)
  return { person, client, call: (await callerWith(house, client)).call }
}
const somebody = async (): Promise<Somebody> => await again(await house.person())

type Listed = { id: string; current: boolean }[]

describe('sessions', () => {
  it('all of the person, the one that calls marked; one ended is over, others go on', async () => {
    const one = await somebody()
    const [other, stranger] = [await again(one.person), await somebody()]
    const list = async (): Promise<Listed> =>
      (await one.call('GET', 'users/me/sessions')).json<{ sessions: Listed }>().sessions
    const mine = (await sessionRow(house.sql, one.client))?.id
    expect((await list()).map(({ id, current }) => [id === mine, current])).toEqual(
      expect.arrayContaining([
        [true, true],
        [false, false],
      ]),
    )
    const theirs = (await sessionRow(house.sql, stranger.client))?.id ?? ''
    for (const id of [theirs, 'x', 'others'])
      expect((await one.call('DELETE', `users/me/sessions/${id}`)).status).toBe(404)
    const victim = (await list()).find(({ current }) => !current)?.id ?? ''
    expect((await one.call('DELETE', `users/me/sessions/${victim}`)).status).toBe(204)
    expect((await one.call('DELETE', `users/me/sessions/${victim}`)).status).toBe(404)
    expect(await askSilently(other.client, own)).toBe('login_required')
    for (const { client } of [one, stranger]) expect(await askSilently(client, own)).toBe('code')
  })

  it('all others at once', async () => {
    const one = await somebody()
    await again(one.person)
    await again(one.person)
    expect((await one.call('DELETE', 'users/me/sessions')).json()).toEqual({ ended: 2 })
    expect((await one.call('GET', 'users/me')).status).toBe(200)
  })

  it('all others, however many: more than a list shows', async () => {
    const one = await somebody()
    await house.sql`
      insert into sessions (id, token_hash, browser_id, user_id, auth_time, amr, acr, created_at, last_seen_at, idle_expires_at, expires_at)
      select gen_random_uuid(), decode(md5(${one.person.user_id} || n), 'hex'), gen_random_uuid(), user_id, auth_time, amr, acr,
        created_at, last_seen_at, idle_expires_at, expires_at
      from sessions, generate_series(1, 120) n where user_id = ${one.person.user_id}`
    expect((await one.call('DELETE', 'users/me/sessions')).json()).toEqual({ ended: 120 })
    expect((await one.call('GET', 'users/me')).status).toBe(200)
  })

  it('AD-3: no secret of a row is among them', async () => {
    const { call } = await somebody()
    for (const path of ['sessions', 'devices', 'consents', 'activity'])
      expect((await call('GET', `users/me/${path}`)).body).not.toMatch(/hash|secret|"browser_id"|sealed/)
  })
})

describe('devices', () => {
  it('forgetting one ends its session; nobody forgets another’s', async () => {
    const one = await somebody()
    const [other, stranger] = [await again(one.person), await somebody()]
    const list = async (by: Somebody): Promise<Listed> =>
      (await by.call('GET', 'users/me/devices')).json<{ devices: Listed }>().devices
    const theirs = (await list(stranger))[0]?.id ?? ''
    expect((await one.call('DELETE', `users/me/devices/${theirs}`)).status).toBe(404)
    const victim = (await list(one)).find(({ current }) => !current)?.id ?? ''
    expect((await one.call('DELETE', `users/me/devices/${victim}`)).status).toBe(204)
    expect(await list(one)).toHaveLength(1)
    expect(await askSilently(other.client, own)).toBe('login_required')
    const { events } = (await one.call('GET', 'users/me/activity')).json<{ events: { type: string }[] }>()
    expect(events.filter(({ type }) => type === 'device.forgotten')).toHaveLength(1)
  })

  it('AU-1: the trust in the browser of the page is taken back, and that is recorded', async () => {
    const { person, client } = await somebody()
    await house.sql`update devices set trusted_until = now() + interval '1 day' where user_id = ${person.user_id}`
    const page = await client.get('/account/sessions')
    const form = ({ action }: { action: string }): boolean => action.endsWith('/devices/forget')
    const reply = await client.submit(page, {}, { form, button: { name: 'device_id' } })
    expect(reply.location?.search).toBe('?done=device_distrusted')
    const rows = await house.sql`select trusted_until from devices where user_id = ${person.user_id}`
    expect(rows).toEqual([{ trusted_until: null }])
    expect((await eventsOf(house.sql, person)).map(({ type }) => type)).toContain('device.distrusted')
  })
})

describe('consents and activity', () => {
  it('a consent is listed, and gone with its tokens once it is withdrawn', async () => {
    const one = await somebody()
    const { access_token } = await tokensOf(one.client, app, one.person, { scope: 'openid email' })
    const { consents } = (await one.call('GET', 'users/me/consents')).json<{ consents: unknown[] }>()
    expect(consents).toMatchObject([
      { client_id: app.client_id, client_name: 'Field Notes', scopes: ['openid', 'email'] },
    ])
    expect((await one.call('DELETE', `users/me/consents/${app.client_id}`)).status).toBe(204)
    expect((await one.call('DELETE', `users/me/consents/${app.client_id}`)).status).toBe(404)
    const bearer = { authorization: `Bearer ${access_token}` }
    expect((await one.client.get('/oauth/userinfo', bearer)).status).toBe(401)
  })

  it('AD-5: events page by page, by a cursor of the person’s own', async () => {
    const one = await somebody()
    for (const name of ['A', 'B', 'C']) await one.call('PATCH', 'users/me', { name })
    type Page = { events: { id: string; type: string }[]; next: string | null }
    const first = await one.call('GET', 'users/me/activity?limit=2')
    const { events, next } = first.json<Page>()
    expect(events.map(({ type }) => type)).toEqual(['user.updated', 'user.updated'])
    expect(first.headers.link).toContain('rel="next"')
    const rest = (await one.call('GET', `users/me/activity?limit=50&cursor=${next ?? ''}`)).json<Page>()
    expect(rest.events.map(({ id }) => id)).not.toContain(events[1]?.id)
    expect(rest.next).toBeNull()
    const stranger = await somebody()
    for (const query of [`cursor=${next ?? ''}`, 'cursor=x', 'limit=0', 'limit=201', 'limit=x'])
      expect([query, (await stranger.call('GET', `users/me/activity?${query}`)).status]).toEqual([query, 400])
  })
})
