/** What a person says of themselves: on their page and by the API, and what applications are told of it. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerWith } from '../support/api.ts'
import { type App, expectPage, type House, openHouse, type Person, signIn, tokensOf } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let app: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({
    first_party: true,
    scope: 'openid profile address account',
    resources: [`${house.server.issuer}/api/v1`],
  })
})

const somebody = async (): Promise<{ person: Person; client: HttpClient; call: Caller['call'] }> => {
  const person = await house.person()
  const client = house.server.client()
  await signIn(client, person)
  return { person, client, call: (await callerWith(house, client)).call }
}

const claimsOf = async (client: HttpClient, person: Person): Promise<Record<string, unknown>> => {
  const { access_token } = await tokensOf(client, app, person, { scope: 'openid profile address' })
  return (await client.get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })).json()
}

const updates = async (person: Person): Promise<unknown[]> =>
  (await eventsOf(house.sql, person)).filter(({ type }) => type === 'user.updated').map(({ data }) => data['changed'])

describe('the page', () => {
  const filled = {
    name: 'Ada King',
    given_name: 'Ada',
    family_name: 'King',
    birthdate: '0000-12-10',
    picture: 'https://ada.example/me.png',
    website: 'https://ada.example/',
    zoneinfo: 'Europe/London',
    locale: 'de',
    street_address: '12 St James’s Square\r\nThird floor',
    locality: 'London',
  }

  it('saves, says so in the language that was chosen, and applications know within a second', async () => {
    const { person, client } = await somebody()
    const before = await claimsOf(client, person)
    const page = await client.get('/account/profile')
    expectPage(page, 200, 'Profile')
    const saved = await client.walk(
      client.submit(page, filled, { form: ({ action }) => action === '/account/profile' }),
    )
    expect(saved.url.search).toBe('?done=saved')
    expect(saved.headers['content-language']).toBe('de')
    expect(saved.body).toContain('value="https://ada.example/me.png"')
    const bearer = {
      authorization: `Bearer ${(await tokensOf(client, app, person, { scope: 'openid profile address' })).access_token}`,
    }
    await expect
      .poll(async () => (await client.get('/oauth/userinfo', bearer)).json(), { timeout: 1000 })
      .toMatchObject({
        name: 'Ada King',
        birthdate: '0000-12-10',
        picture: 'https://ada.example/me.png',
        locale: 'de',
        zoneinfo: 'Europe/London',
        address: { street_address: '12 St James’s Square\nThird floor', locality: 'London' },
      })
    expect((await claimsOf(client, person))['updated_at']).toBeGreaterThanOrEqual(Number(before['updated_at']))
    const [changed] = await updates(person)
    expect(changed).toEqual(expect.arrayContaining(['name', 'picture', 'address', 'locale']))
    expect(JSON.stringify(await eventsOf(house.sql, person))).not.toContain('St James')
  })

  it('tells what is wrong beside each field, keeps what was typed, and changes nothing', async () => {
    const { person, client } = await somebody()
    const page = await client.get('/account/profile')
    const wrong = { ...filled, picture: 'http://ada.example/"><script>', birthdate: '10.12.1815', locale: 'xx' }
    const reply = await client.submit(page, wrong, { form: ({ action }) => action === '/account/profile' })
    expectPage(reply, 422, 'Profile')
    for (const text of ['Enter an address that begins with https://.', 'Enter a day of the past', 'Choose a language'])
      expect(reply.body).toContain(text)
    expect(reply.body).toContain('value="http://ada.example/&quot;&gt;&lt;script&gt;"')
    expect(await updates(person)).toEqual([])
    // The page itself can be sent again.
    const again = await client.submit(reply, filled, { form: ({ action }) => action === '/account/profile' })
    expect(again.location?.search).toBe('?done=saved')
  })

  it('sent without a change records nothing', async () => {
    const { person, client } = await somebody()
    const page = await client.get('/account/profile')
    await client.submit(page, {}, { form: ({ action }) => action === '/account/profile' })
    expect(await updates(person)).toEqual([])
  })

  it('is for whoever is signed in; others come back to it after they have', async () => {
    const client = house.server.client()
    const reply = await client.get('/account/profile')
    expect(reply.location?.search).toBe('?return_to=%2Faccount%2Fprofile')
    const page = await signIn(client, await house.person())
    expect(page.url.pathname).toBe('/account')
  })
})

describe('GET, PUT and PATCH /api/v1/users/me', () => {
  const etagOf = (reply: Reply): string => String(reply.headers.etag)

  it('answers with every member by name, and with no secret (AD-3)', async () => {
    const { person, call } = await somebody()
    const reply = await call('GET', 'users/me')
    expect(reply.status).toBe(200)
    expect(Object.keys(reply.json()).join(' ')).toBe(
      'id status username email email_verified name given_name family_name middle_name nickname profile picture website ' +
        'gender birthdate zoneinfo locale address phone_number phone_number_verified roles permissions updated_at created_at',
    )
    expect(reply.json()).toMatchObject({ id: person.user_id, email: person.email, status: 'active', roles: [] })
    expect(reply.body).not.toMatch(/argon2|hash|secret|password/)
  })

  it('PATCH changes what it names, null takes away, the rest stays', async () => {
    const { person, call } = await somebody()
    await call('PATCH', 'users/me', { nickname: 'Countess', address: { locality: 'London' } })
    const reply = await call('PATCH', 'users/me', { address: null, gender: 'female' })
    expect(reply.status).toBe(200)
    expect(reply.json()).toMatchObject({ name: person.name, nickname: 'Countess', gender: 'female', address: null })
    expect(await updates(person)).toEqual([
      ['nickname', 'address'],
      ['gender', 'address'],
    ])
  })

  it('PUT replaces the profile as a whole', async () => {
    const { call } = await somebody()
    await call('PATCH', 'users/me', { nickname: 'Countess', website: 'https://ada.example' })
    const reply = await call('PUT', 'users/me', { name: 'Ada', website: 'https://ada.example' })
    expect(reply.json()).toMatchObject({ name: 'Ada', nickname: null, website: 'https://ada.example' })
  })

  it.each([
    ['a member that there is not', { nickname: 'x', is_superuser: true }],
    ['what is changed elsewhere', { email: 'eve@example.com' }],
    ['what others decide', { roles: ['admin'] }],
    ['a part of an address that there is not', { address: { planet: 'Mars' } }],
    ['another type', { name: ['Ada'] }],
  ])('G-6: %s is refused with 400, and nothing changes', async (_what, body) => {
    const { person, call } = await somebody()
    const reply = await call('PATCH', 'users/me', body)
    expect([reply.status, reply.json()['code']]).toEqual([400, 'invalid_request'])
    expect(await updates(person)).toEqual([])
  })

  it('names every member that is wrong', async () => {
    const { call } = await somebody()
    const reply = await call('PATCH', 'users/me', { picture: 'http://a.example', zoneinfo: 'Mars', name: 'Ada' })
    expect(reply.status).toBe(422)
    expect(reply.json()).toMatchObject({
      code: 'invalid_profile',
      errors: { picture: 'https_address', zoneinfo: 'zone' },
    })
  })

  it('RFC 9110 §13.1.1: of two who saw the same version one may change it', async () => {
    const { call } = await somebody()
    const etag = etagOf(await call('GET', 'users/me'))
    expect(etag).toMatch(/^"[\w-]{22}"$/)
    const replies = await Promise.all(
      ['Ada', 'Bea', 'Cleo', 'Dora'].map(
        async (name) => await call('PATCH', 'users/me', { name }, { 'if-match': etag }),
      ),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 412)).toHaveLength(3)
    const fresh = etagOf(await call('GET', 'users/me'))
    expect(fresh).not.toBe(etag)
    for (const accepted of [fresh, `"other", ${fresh}`, '*'])
      expect((await call('PATCH', 'users/me', {}, { 'if-match': accepted })).status).toBe(200)
  })

  it('AD-4: a cookie alone changes nothing', async () => {
    const { person, client, call } = await somebody()
    const without = await client.request('/api/v1/users/me', { method: 'PATCH', json: { name: 'Eve' } })
    expect([without.status, without.json()['code']]).toEqual([403, 'access_denied'])
    const foreign = await call('PATCH', 'users/me', { name: 'Eve' }, { origin: 'https://evil.example' })
    expect(foreign.status).toBe(403)
    expect(await updates(person)).toEqual([])
  })

  it('an application with the scope account does it for the person', async () => {
    const { person, client } = await somebody()
    const resource = `${house.server.issuer}/api/v1`
    const { access_token } = await tokensOf(client, app, person, { scope: 'openid account', resource })
    const headers = { authorization: `Bearer ${access_token}` }
    const caller = house.server.client()
    const reply = await caller.request('/api/v1/users/me', { method: 'PATCH', json: { name: 'By an app' }, headers })
    expect(reply.json()).toMatchObject({ name: 'By an app' })
    expect((await caller.get('/api/v1/users/me', headers)).json()).toMatchObject({
      id: person.user_id,
      name: 'By an app',
    })
  })
})
