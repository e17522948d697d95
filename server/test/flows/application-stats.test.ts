/** The figures of an application: counted by day, written together, each person once, whichever node saw them. */
import { beforeAll, describe, expect, it } from 'vitest'
import { addDayCounts } from '../../src/token/usage-store.ts'
import { createTokenCounts } from '../../src/token/counts.ts'
import { transact } from '../../src/db/transact.ts'
import { type Caller, callerOf } from '../support/api.ts'
import { type Application, asApp, codeOf, make } from '../support/applications.ts'
import { type House, openHouse, type Person, tokensOf } from '../support/flow.ts'

let house: House
let owner: Person
let own: Caller
let app: Application

beforeAll(async () => {
  house = await openHouse()
  owner = await house.person()
  own = await callerOf(house, owner)
  app = await make(own)
})

type Day = {
  day: string
  sign_ins: number
  tokens: number
  tokens_by_grant: object
  active_users: number
  failures: number
}
type Stats = { from: string; to: string; days: Day[]; totals: Omit<Day, 'day' | 'active_users'> }
const statsOf = async ({ client_id }: Application, query = ''): Promise<Stats> =>
  (await own.call('GET', `applications/${client_id}/stats${query}`)).json<Stats>()
const today = (): string => new Date().toISOString().slice(0, 10)

describe('figures', () => {
  it('tell sign-ins, tokens by grant, people and failures of today within seconds', async () => {
    const client = house.server.client()
    const [one, two] = [await house.person(), await house.person()]
    const { refresh_token } = await tokensOf(client, asApp(app), one)
    await tokensOf(house.server.client(), asApp(app), two)
    const authorization = `Basic ${Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')}`
    await client.post('/oauth/token', { grant_type: 'refresh_token', refresh_token }, { authorization })
    await client.post('/oauth/token', { grant_type: 'refresh_token', refresh_token: 'x' }, { authorization })
    await client.post('/oauth/token', { grant_type: 'refresh_token' }, { authorization: `${authorization}x` })
    await expect.poll(async () => (await statsOf(app)).totals.failures, { timeout: 9000 }).toBe(2)
    const { days, totals, from, to } = await statsOf(app)
    expect([days.length, to, days.at(0)?.day, days.at(-1)?.day]).toEqual([30, today(), from, to])
    const figures = {
      sign_ins: 2,
      tokens: 3,
      tokens_by_grant: { authorization_code: 2, refresh_token: 1 },
      failures: 2,
    }
    expect(days.at(-1)).toEqual({ day: today(), ...figures, active_users: 2 })
    expect(totals).toEqual(figures)
    expect(days[0]).toEqual({ day: from, sign_ins: 0, tokens: 0, tokens_by_grant: {}, active_users: 0, failures: 0 })
  }, 20_000)

  it('of two nodes add up, and a person on both counts once a day', async () => {
    const { client_id } = await make(own)
    const nodes = [createTokenCounts(), createTokenCounts()]
    const yesterday = new Date(Date.now() - 86_400_000)
    for (const node of nodes) {
      node.add(client_id, 'refresh_token', yesterday, owner.user_id)
      node.add(client_id, 'refresh_token', yesterday, owner.user_id)
      node.add(client_id, 'refresh_token', new Date(), owner.user_id)
      node.note(client_id, 'sign_ins', yesterday)
    }
    await Promise.all(nodes.map(async (node) => await node.flush(house.sql)))
    await Promise.all(nodes.map(async (node) => await node.flush(house.sql)))
    const { days } = await statsOf({ client_id })
    expect(days.slice(-2).map(({ tokens, active_users, sign_ins }) => [tokens, active_users, sign_ins])).toEqual([
      [4, 1, 2],
      [2, 1, 0],
    ])
  })

  it('of clients and people that are gone are dropped, and what could not be written is written later, once', async () => {
    const { client_id } = await make(own)
    const node = createTokenCounts()
    node.add(client_id, 'authorization_code', new Date(), 'nobody')
    node.add('app_gone', 'authorization_code', new Date(), owner.user_id)
    const away = Object.assign(() => {}, { begin: async () => await Promise.reject(new Error('the database is away')) })
    await expect(node.flush(away as never)).rejects.toThrow('away')
    node.add(client_id, 'authorization_code', new Date())
    await node.flush(house.sql)
    await node.flush(house.sql)
    expect((await statsOf({ client_id })).days.at(-1)).toMatchObject({ tokens: 2, active_users: 0 })
    expect(await house.sql`select 1 from client_days where client_id = 'app_gone'`).toHaveLength(0)
  })
})

describe('the time that is asked for', () => {
  it.each([
    ['?from=2026-01-01&to=2026-01-03', 3],
    ['?to=2024-03-01', 30],
    ['?from=2024-01-01&to=2025-02-03', 400],
  ])('%s has %d days, each of them there', async (query, count) => {
    const { days, from, to } = await statsOf(app, query)
    expect(new Set(days.map(({ day }) => day)).size).toBe(count)
    expect([days[0]?.day, days.at(-1)?.day]).toEqual([from, to])
  })

  it.each([
    '?from=2026-01-03&to=2026-01-01',
    '?from=2024-01-01&to=2025-02-04',
    '?from=x',
    '?from=2026-02-30',
    '?days=3',
  ])('%s is refused', async (query) => {
    expect(codeOf(await own.call('GET', `applications/${app.client_id}/stats${query}`))).toEqual([
      400,
      'invalid_request',
    ])
  })
})

it('AD-1: are for whoever looks after the application, and for applications:read', async () => {
  const stranger = await callerOf(house, await house.person())
  expect((await stranger.call('GET', `applications/${app.client_id}/stats`)).status).toBe(404)
  const admin = await callerOf(house, await house.person({ roles: ['admin'] }))
  expect((await admin.call('GET', `applications/${app.client_id}/stats`)).status).toBe(200)
})

it('days before yesterday keep their figures and forget who it was', async () => {
  const { client_id } = await make(own)
  const { removeExpired } = await import('../../src/token/expired.ts')
  await transact(
    house.sql,
    async (tx) => await addDayCounts(tx, [{ client_id, day: '2026-01-01', figure: 'active_users', count: 1 }]),
  )
  await house.sql`insert into client_day_users (client_id, day, user_id) values (${client_id}, '2026-01-01', ${owner.user_id}), (${client_id}, ${today()}, ${owner.user_id})`
  for (const remove of removeExpired) await transact(house.sql, async (tx) => await remove(tx, new Date(), 1000))
  expect(await house.sql`select 1 from client_day_users where client_id = ${client_id}`).toHaveLength(1)
  expect((await statsOf({ client_id }, '?from=2026-01-01&to=2026-01-01')).days[0]?.active_users).toBe(1)
})
