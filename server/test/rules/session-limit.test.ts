/** KEYWRIGHT_SESSION_LIMIT (product row 13): how many places one person may be signed in at, and what becomes of one more. */
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
  signInOn,
  tokensOf,
  typePassword,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { startInProcess } from '../support/in-process.ts'
import { type Server, startServer } from '../support/server.ts'
import { eventsOf } from '../support/written.ts'

const liveOf = async (house: House, person: Person): Promise<number> => {
  const [row] = await house.sql<{ live: number }[]>`
    select count(*)::int as live from sessions where user_id = ${person.user_id} and ended_at is null`
  return row?.live ?? 0
}

const enter = async (client: HttpClient, person: Person): Promise<Reply> =>
  await client.walk(typePassword(client, await client.get('/login'), person.email, person.password))

const reachedOf = async (house: House, person: Person): Promise<unknown[]> =>
  (await eventsOf(house.sql, { user_id: person.user_id }))
    .filter(({ type }) => type === 'session.limit_reached')
    .map(({ data }) => data)

/** Ten sign-ins at once, in ten browsers; how many got in. */
const atOnce = async (house: House, { email, password }: Person): Promise<number> => {
  const clients = Array.from({ length: 10 }, () => house.server.client())
  const pages = await Promise.all(clients.map(async (client) => ({ client, page: await client.get('/login') })))
  const replies = await Promise.all(
    pages.map(async ({ client, page }) => await typePassword(client, page, email, password)),
  )
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 303))
  return replies.filter(({ location }) => location?.pathname === '/account').length
}

describe('2:refuse', () => {
  let house: House
  let app: App

  beforeAll(async () => {
    house = await openHouse({ env: { KEYWRIGHT_SESSION_LIMIT: '2:refuse', KEYWRIGHT_THROTTLE_FREE: '20' } })
    app = await house.app({ first_party: true })
  })

  it('one more is refused on a page that says what to do; nothing else happens, and it works once there is room', async () => {
    const ada = await house.person()
    const [one, two, three] = [house.server.client(), house.server.client(), house.server.client()]
    for (const client of [one, two]) await signIn(client, ada)
    const page = await enter(three, ada)
    expectPage(page, 200, 'Sign in')
    expect(page.body).toContain('You are signed in at too many places')
    expect(three.jar.get('kw_session')).toBeUndefined()
    expect(await liveOf(house, ada)).toBe(2)
    const devices = await house.sql`select 1 from devices where user_id = ${ada.user_id}`
    expect(devices).toHaveLength(2)
    expect(await reachedOf(house, ada)).toEqual([{ max: 2, outcome: 'refused' }])
    for (const client of [one, two]) expect(await askSilently(client, app)).toBe('code')
    await two.submit(await two.get('/logout'), {}, { button: { name: 'scope', value: 'here' } })
    expectPage(await enter(three, ada), 200, 'Your account')
  })

  it('on the way to an application the page keeps the way', async () => {
    const ada = await house.person()
    for (const client of [house.server.client(), house.server.client()]) await signIn(client, ada)
    const late = house.server.client()
    const page = await signInOn(late, await ask(late, app), ada)
    expect(page.body).toContain('You are signed in at too many places')
    await house.sql`update sessions set ended_at = now(), ended_because = 'test' where user_id = ${ada.user_id}`
    const back = await signInOn(late, page, ada)
    expect(back.location?.searchParams.get('code')).toBeTruthy()
  })

  it('a wrong password is told nothing of it', async () => {
    const ada = await house.person()
    for (const client of [house.server.client(), house.server.client()]) await signIn(client, ada)
    const client = house.server.client()
    const reply = await typePassword(client, await client.get('/login'), ada.email, 'wrong')
    expectPage(reply, 401, 'Sign in')
    expect(reply.body).not.toContain('too many places')
  })

  it('who signs in again where they are, proves more, or has lost the session there takes no further place', async () => {
    const ada = await house.person()
    const [one, two] = [house.server.client(), house.server.client()]
    for (const client of [one, two]) await signIn(client, ada)
    await signInOn(two, await ask(two, app, { prompt: 'login' }), ada)
    two.jar.delete('kw_session')
    expectPage(await enter(two, ada), 200, 'Your account')
    expect(await liveOf(house, ada)).toBe(2)
    expect(await askSilently(one, app)).toBe('code')
    expect(await reachedOf(house, ada)).toEqual([])
  })

  it('somebody else who signs in in the same browser does not count, nor does what is left behind there', async () => {
    const [ada, bob] = [await house.person(), await house.person()]
    const [one, two] = [house.server.client(), house.server.client()]
    for (const client of [one, two]) await signIn(client, ada)
    for (const person of [bob, ada, bob, ada]) await signInOn(two, await ask(two, app, { prompt: 'login' }), person)
    expect([await liveOf(house, ada), await liveOf(house, bob)]).toEqual([2, 1])
  })

  it('ten sign-ins at once, in ten browsers: two get in', async () => {
    const ada = await house.person()
    expect(await atOnce(house, ada)).toBe(2)
    expect(await liveOf(house, ada)).toBe(2)
    expect(await reachedOf(house, ada)).toHaveLength(8)
  })

  it('sessions that have expired or ended do not count', async () => {
    const ada = await house.person()
    for (const column of ['expires_at', 'idle_expires_at']) {
      for (const client of [house.server.client(), house.server.client()]) await signIn(client, ada)
      await house.sql`update sessions set ${house.sql(column)} = now() - interval '1 second' where user_id = ${ada.user_id}`
    }
    expect(await reachedOf(house, ada)).toEqual([])
  })
})

describe('3:end_oldest', () => {
  let house: House
  let other: Server
  let app: App

  beforeAll(async () => {
    const env = { KEYWRIGHT_SESSION_LIMIT: '3:end_oldest', KEYWRIGHT_THROTTLE_FREE: '20' }
    house = await openHouse({ env })
    other = await startServer({ env })
    app = await house.app({ first_party: true })
  })

  it('the oldest sign-in makes room, with its tokens, on every node within two seconds', async () => {
    const ada = await house.person()
    const [first, second, third, fourth] = [1, 2, 3, 4].map(() => house.server.client()) as [
      HttpClient,
      HttpClient,
      HttpClient,
      HttpClient,
    ]
    await signIn(first, ada)
    const { access_token } = await tokensOf(second, app, ada)
    await signIn(third, ada)
    // Signing in again makes the first one the youngest.
    await signInOn(first, await ask(first, app, { prompt: 'login' }), ada)
    const there = other.client(second.jar)
    const bearer = { authorization: `Bearer ${access_token}` }
    const alive = async (client: HttpClient): Promise<[string, number]> => [
      await askSilently(client, app),
      (await client.get('/oauth/userinfo', bearer)).status,
    ]
    expect(await alive(there)).toEqual(['code', 200])
    const reply = await typePassword(fourth, await fourth.get('/login'), ada.email, ada.password)
    const since = performance.now()
    expect(reply.location?.pathname).toBe('/account')
    expect(await alive(there)).toEqual(['login_required', 401])
    expect(await alive(second)).toEqual(['login_required', 401])
    expect(performance.now() - since).toBeLessThan(2000)
    for (const client of [first, third, fourth]) expect(await askSilently(client, app)).toBe('code')
    expect(await reachedOf(house, ada)).toEqual([{ max: 3, outcome: 'ended_oldest', sessions: 1 }])
    expect(await liveOf(house, ada)).toBe(3)
  })

  it('ten sign-ins at once, in ten browsers: never more than three', async () => {
    const ada = await house.person()
    expect(await atOnce(house, ada)).toBe(10)
    expect(await liveOf(house, ada)).toBe(3)
    expect(await reachedOf(house, ada)).toHaveLength(7)
  })
})

it('off is the default', async () => {
  const { db, ctx, user, server } = await startInProcess()
  expect(ctx.config.session_limit).toBe('off')
  const { user_id, email, password } = await user()
  for (let turn = 0; turn < 12; turn += 1) {
    const client = server.client()
    await client.submit(await client.get('/login'), { login: email, password })
  }
  expect(await db`select 1 from sessions where user_id = ${user_id} and ended_at is null`).toHaveLength(12)
})
