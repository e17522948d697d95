/** The audit trail, decision records and figures over the API: who may, every filter, pages, exports (rules AD-1, AD-5, LI-4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Happening, record } from '../../src/events/record.ts'
import { type Caller, callerOf } from '../support/api.ts'
import { type App, type House, openHouse, type Person } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'
import { until } from '../support/looks.ts'
import { moveSession } from '../support/written.ts'

let house: House
let admin: Person
let caller: Caller
let app: App
const day = (n: number): Date => new Date(Date.UTC(2026, 0, n))

type Event = { id: string; seq: number | null; type: string; user_id: string | null; [member: string]: unknown }
const pageOf = (reply: Reply) => reply.json<{ events: Event[]; next: string | null }>()
const search = async (query: string): Promise<Event[]> => {
  const reply = await caller.call('GET', `audit?${query}`)
  expect(reply.status, reply.body).toBe(200)
  return pageOf(reply).events
}
const add = async (happening: Partial<Happening> & Pick<Happening, 'type' | 'now'>): Promise<void> =>
  await record(house.sql, { request_id: 'made', ...happening })

beforeAll(async () => {
  house = await openHouse()
  app = await house.app()
  admin = await house.person({ roles: ['admin'] })
  caller = await callerOf(house, admin)
  await add({ type: 'login.failed', now: day(1), user_id: 'u1', ip: '192.0.2.1', client_id: app.client_id })
  await add({ type: 'login.succeeded', now: day(2), user_id: 'u1', ip: '192.0.2.200', user_agent: '@SUM(A1)' })
  await add({ type: 'user.roles_changed', now: day(3), user_id: 'u1', data: { by: 'boss', added: ['admin'] } })
  await add({ type: 'user.created', now: day(4), user_id: 'u2', ip: '2001:db8::7' })
  await add({ type: 'key.compromised', now: day(5), data: { kid: 'k' } })
  await until(async () => (await house.sql`select 1 from events`).length === 0)
})

describe('AD-1: who may read', () => {
  const paths = [
    'audit',
    'audit/export',
    'audit/01940000-0000-7000-8000-000000000001',
    'decisions/err_x',
    'stats/dashboard',
  ]
  it.each(paths)('%s: nobody 401, a person without the permission 403', async (path) => {
    expect((await house.server.client().get(`/api/v1/${path}`)).status).toBe(401)
    const plain = await callerOf(house, await house.person())
    const refused = await plain.call('GET', path)
    expect([refused.status, refused.json()['code']]).toEqual([403, 'permission_denied'])
  })
})

describe('search', () => {
  const types = async (query: string): Promise<string[]> =>
    (await search(`request_id=made&${query}`)).map(({ type }) => type)

  it('shows the newest first, with named members only', async () => {
    expect(await types('')).toEqual([
      'key.compromised',
      'user.created',
      'user.roles_changed',
      'login.succeeded',
      'login.failed',
    ])
    const [event] = await search('request_id=made&type=user.roles_changed')
    expect(event).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      seq: expect.any(Number) as unknown,
      at: day(3).toISOString(),
      type: 'user.roles_changed',
      severity: 'warning',
      outcome: 'success',
      user_id: 'u1',
      actor_id: 'boss',
      client_id: null,
      session_id: null,
      request_id: 'made',
      ip: null,
      user_agent: null,
      data: { by: 'boss', added: ['admin'] },
    })
  })

  it.each([
    ['user_id=u1', 3],
    ['user_id=u1&type=login.*', 2],
    ['type=user.*', 2],
    ['type=login.failed,user.created', 2],
    ['by=boss', 1],
    ['outcome=failure', 1],
    ['severity=alert', 1],
    ['ip=192.0.2.1', 1],
    ['ip=192.0.2.0/24', 2],
    ['ip=192.0.2.128/25', 1],
    ['ip=2001:db8::/32', 1],
    ['ip=2001:DB8:0::7', 1],
    ['ip=10.0.0.0/8', 0],
    ['ip=192.0.2.0/24&outcome=success', 1],
    ['from=2026-01-02T00:00:00Z&to=2026-01-04T00:00:00Z', 2],
    ['from=2026-01-04', 2],
    ['to=2026-01-01', 0],
    ['user_id=nobody', 0],
  ])('filters by %s', async (query, count) => {
    expect(await types(query)).toHaveLength(count)
  })

  it('filters by client', async () => {
    expect(await types(`client_id=${app.client_id}`)).toEqual(['login.failed'])
  })

  it('finds what has no place yet, and has it a moment later', async () => {
    const found = await house.sql.begin(async (tx) => {
      await record(tx, { type: 'setup.completed', now: new Date(), request_id: 'young' })
      return await tx`select id from all_events where request_id = 'young' and seq is null`
    })
    expect(found).toHaveLength(1)
    expect(await search('request_id=young')).toHaveLength(1)
    await until(async () => typeof (await search('request_id=young'))[0]?.seq === 'number')
  })

  it.each([
    ['type=login.nothing'],
    ['type=*'],
    ['from=yesterday'],
    ['to=2026-13-01'],
    ['outcome=maybe'],
    ['severity=bad'],
    ['ip=192.0.2.0/33'],
    ['ip=example.com'],
    ['ip=192.0.2.1%2F24%2F1'],
    ['ip=fe80::1%25eth0'],
    ['user_id=%00'],
    ['limit=0'],
    ['limit=201'],
    ['order=at'],
    ['user_id=u1&user_id=u2'],
    ['cursor=x'],
  ])('400 for %s', async (query) => {
    const reply = await caller.call('GET', `audit?${query}`)
    expect([reply.status, reply.json()['code']], reply.body).toEqual([400, 'invalid_request'])
  })

  it('one event by its id', async () => {
    const [event] = await search('request_id=made&limit=1')
    const reply = await caller.call('GET', `audit/${event?.id}`)
    expect(reply.json()).toEqual(event)
    for (const id of ['x', '01940000-0000-7000-8000-000000000001'])
      expect((await caller.call('GET', `audit/${id}`)).status).toBe(404)
  })
})

describe('AD-5: pages', () => {
  it('follow each other without a gap, by cursor and by Link', async () => {
    const ids: string[] = []
    for (let query: string | undefined = 'request_id=made&limit=2'; query !== undefined; ) {
      const reply = await caller.call('GET', `audit?${query}`)
      ids.push(...pageOf(reply).events.map(({ id }) => id))
      const link = /^<[^?]+\/api\/v1\/audit\?([^>]+)>; rel="next"$/.exec(String(reply.headers.link ?? ''))?.[1]
      expect(link === undefined).toBe(pageOf(reply).next === null)
      query = link
    }
    expect(ids).toEqual((await search('request_id=made')).map(({ id }) => id))
  })

  it('a cursor is good for its query, and for nothing else', async () => {
    const first = pageOf(await caller.call('GET', 'audit?request_id=made&limit=2'))
    const cursor = encodeURIComponent(first.next ?? '')
    const other = pageOf(await caller.call('GET', 'users?limit=1'))
    const good = await caller.call('GET', `audit?limit=3&request_id=made&cursor=${cursor}`)
    expect(pageOf(good).events).toHaveLength(3)
    const bad = [
      `request_id=other&cursor=${cursor}`,
      `cursor=${cursor}`,
      `request_id=made&outcome=failure&cursor=${cursor}`,
      `request_id=made&cursor=${encodeURIComponent(other.next ?? '')}`,
      `request_id=made&cursor=${cursor.slice(0, -6)}AAAAAA`,
      `request_id=made&cursor=${encodeURIComponent(first.events[0]?.id ?? '')}`,
    ]
    for (const query of bad) expect((await caller.call('GET', `audit?${query}`)).status, query).toBe(400)
  })
})

describe('export', () => {
  it('is the trail as JSON lines, tells of itself, and needs a fresh proof', async () => {
    const reply = await caller.call('GET', 'audit/export?type=key.*&request_id=made')
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'application/x-ndjson'])
    expect(reply.headers['content-disposition']).toBe('attachment; filename="audit.jsonl"')
    expect(JSON.parse(reply.body)).toMatchObject({
      type: 'key.compromised',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    })
    expect(await search('type=audit.exported')).toMatchObject([
      {
        user_id: null,
        actor_id: admin.user_id,
        data: { format: 'jsonl', filter: { type: expect.any(String) as unknown } },
      },
    ])
    const stale = await callerOf(house, admin)
    await moveSession(house.sql, stale.client, { auth_time: -3600 })
    await expect
      .poll(async () => (await stale.call('GET', 'audit/export')).json()['code'], { timeout: 3000 })
      .toBe('reauthentication_required')
  })

  it('CSV computes nothing in a spreadsheet', async () => {
    const reply = await caller.call('GET', 'audit/export?format=csv&request_id=made&user_id=u1')
    expect(reply.headers['content-type']).toBe('text/csv; charset=utf-8')
    const lines = reply.body.trimEnd().split('\r\n')
    expect(lines).toHaveLength(4)
    expect(lines[2]).toContain(`,'@SUM(A1),`)
  })
})

describe('decisions and figures', () => {
  it('a decision record says why', async () => {
    const refused = await house.server.client().get('/api/v1/users')
    const error_id = String(refused.json()['error_id'])
    await expect.poll(async () => (await caller.call('GET', `decisions/${error_id}`)).status).toBe(200)
    const reply = await caller.call('GET', `decisions/${error_id}`)
    expect(reply.json()).toMatchObject({ error_id, route: '/api/v1/users', rule: expect.any(String) as unknown })
    expect((await caller.call('GET', 'decisions/err_000000000000')).status).toBe(404)
  })

  it('the dashboard counts people, sessions and what happened on each day', async () => {
    await add({ type: 'token.issued', now: new Date(), client_id: app.client_id })
    await until(async () => (await house.sql`select 1 from events`).length === 0)
    const reply = await caller.call('GET', 'stats/dashboard?days=3')
    const body = reply.json<Record<string, never> & { days: Record<string, unknown>[] }>()
    expect(body).toMatchObject({ people: { estimated: false }, active_sessions: { estimated: false } })
    expect(body.days.map(({ day: on }) => on)).toEqual(
      [2, 1, 0].map((ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)),
    )
    const [people] = await house.sql<
      { count: number }[]
    >`select count(*)::int as count from users where kind = 'person'`
    expect(body['people']).toEqual({ count: people?.count, estimated: false })
    expect(body.days[2]).toMatchObject({
      sign_ins: expect.any(Number) as unknown,
      new_accounts: expect.any(Number) as unknown,
    })
    expect(body.days[2]?.['sign_ins']).toBeGreaterThan(0)
    expect(body.days[2]?.['new_accounts']).toBe(people?.count)
    expect(body['top_applications']).toEqual([{ client_id: app.client_id, client_name: app.client_name, sign_ins: 1 }])
    for (const days of ['0', '367', 'x'])
      expect((await caller.call('GET', `stats/dashboard?days=${days}`)).status).toBe(400)
  })
})
