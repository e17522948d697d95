/** API keys: security rules AK-1, AD-2, AD-3, AD-4, LI-4, G-3 (security.md 1.6, 1.4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { rightsOf } from '../../src/api-keys/rights.ts'
import { encode62, hashToken } from '../../src/protocol/opaque-token.ts'
import { type Caller, callerOf } from '../support/api.ts'
import { type House, openHouse, type Person } from '../support/flow.ts'
import { inboxOf } from '../support/inbox.ts'
import { startServer } from '../support/server.ts'
import { eventsOf } from '../support/written.ts'

type Key = {
  id: string
  key: string
  masked: string
  status: string
  last_used_at: string | null
  last_used_ip: string | null
}
type Problem = { code: string }

let house: House
let admin: Person
let person: Person
let asAdmin: Caller
let asPerson: Caller
/** Ids of permissions by name. */
let permission: Map<string, string>

beforeAll(async () => {
  house = await openHouse()
  await house.sql`insert into roles (name) values ('helper')`
  await house.sql`
    insert into role_permissions (role_id, permission_id)
    select r.id, p.id from roles r, permissions p where r.name = 'helper' and p.name in ('users:read', 'users:write')`
  admin = await house.person({ roles: ['admin'] })
  person = await house.person({ roles: ['helper'] })
  asAdmin = await callerOf(house, admin)
  asPerson = await callerOf(house, person)
  const rows = await house.sql<{ id: string; name: string }[]>`select id, name from permissions`
  permission = new Map(rows.map(({ id, name }) => [name, id]))
})

const idsOf = (...names: string[]): (string | undefined)[] => names.map((name) => permission.get(name))

const make = async (caller: Caller, body: Record<string, unknown> = {}): Promise<Key> => {
  const made = await caller.call('POST', 'api-keys', { name: 'A key', ...body })
  expect(made.status, made.body).toBe(201)
  return made.json<Key>()
}

const asKey = async (key: string, path = 'users?limit=1', method = 'GET') =>
  await house.server.client().request(`/api/v1/${path}`, { method, headers: { 'x-api-key': key } })

describe('AK-1: a key', () => {
  it('is shown once, kept as its hash, masked everywhere else, and opens what it holds', async () => {
    const made = await make(asPerson, { permission_ids: idsOf('users:read') })
    expect(made.key).toMatch(/^kw_ak_[0-9A-Za-z]{54}$/)
    expect(made.masked).toBe(`kw_ak_…${made.key.slice(-4)}`)
    const [row] = await house.sql<
      { key_hash: Buffer }[]
    >`select key_hash from api_key_secrets where api_key_id = ${made.id}`
    expect(row?.key_hash.equals(hashToken(made.key))).toBe(true)
    for (const path of ['api-keys', `api-keys/${made.id}`]) {
      const shown = await asPerson.call('GET', path)
      expect(shown.status).toBe(200)
      expect(shown.body).not.toContain(made.key.slice(6, 40))
    }
    expect((await asKey(made.key)).status).toBe(200)
    const asBearer = await house.server.client().get('/api/v1/users?limit=1', { authorization: `Bearer ${made.key}` })
    expect(asBearer.status).toBe(200)
    expect(JSON.stringify(await eventsOf(house.sql, {}))).not.toContain(made.key.slice(6, 40))
  })

  it('has nothing that it was not given, and nothing that its owner lacks or loses', async () => {
    const none = await make(asPerson)
    expect((await asKey(none.key)).status).toBe(403)
    const beyond = await asPerson.call('POST', 'api-keys', { name: 'x', permission_ids: idsOf('keys:write') })
    expect([beyond.status, beyond.json<Problem>().code]).toEqual([403, 'beyond_ceiling'])
    const [roleless] = await house.sql<{ id: string }[]>`select id from roles where name = 'admin'`
    const role = await asPerson.call('POST', 'api-keys', { name: 'x', role_ids: [roleless?.id] })
    expect(role.json<Problem>().code).toBe('beyond_ceiling')
    const loser = await house.person({ roles: ['helper'] })
    const lost = await make(await callerOf(house, loser), { permission_ids: idsOf('users:read') })
    expect((await asKey(lost.key)).status).toBe(200)
    await house.sql`delete from user_roles where user_id = ${loser.user_id}`
    await expect.poll(async () => (await asKey(lost.key)).status, { timeout: 2000 }).toBe(403)
  })

  it('ends: expired, switched off, deleted, replaced, its owner disabled; on every node within two seconds', async () => {
    const other = await startServer({ env: { KEYWRIGHT_ISSUER: house.server.issuer } })
    const there = async (key: string) =>
      (await other.client().get('/api/v1/users?limit=1', { 'x-api-key': key, host: new URL(house.server.issuer).host }))
        .status
    const [first, second, third, fourth] = [
      await make(asPerson, { permission_ids: idsOf('users:read') }),
      await make(asPerson, { permission_ids: idsOf('users:read') }),
      await make(asPerson, { permission_ids: idsOf('users:read') }),
      await make(asPerson, { permission_ids: idsOf('users:read') }),
    ]
    for (const { key } of [first, second, third, fourth]) expect(await there(key)).toBe(200)
    expect((await asPerson.call('PATCH', `api-keys/${first.id}/deactivate`, {})).status).toBe(200)
    expect((await asPerson.call('DELETE', `api-keys/${second.id}`)).status).toBe(204)
    const rotated = await asPerson.call('POST', `api-keys/${third.id}/rotate`, { overlap_seconds: 0 })
    expect(rotated.status, rotated.body).toBe(201)
    await house.sql`update api_keys set expires_at = now() where id = ${fourth.id}`
    for (const { key } of [first, second, third, fourth])
      await expect.poll(async () => await there(key), { timeout: 2000 }).toBe(401)
    expect(await there(rotated.json<Key>().key)).toBe(200)
    expect((await asPerson.call('POST', `api-keys/${first.id}/activate`, {})).json<Key>().status).toBe('active')
    await expect.poll(async () => await there(first.key), { timeout: 2000 }).toBe(200)
    const gone = await house.person({ roles: ['helper'] })
    const orphan = await make(await callerOf(house, gone), { permission_ids: idsOf('users:read') })
    expect(await there(orphan.key)).toBe(200)
    expect((await asAdmin.call('POST', `users/${gone.user_id}/disable`, {})).status).toBe(200)
    await expect.poll(async () => await there(orphan.key), { timeout: 2000 }).toBe(401)
  })

  it('works on while it is rotated, both secrets, and the third ends the first', async () => {
    const made = await make(asPerson, { permission_ids: idsOf('users:read') })
    const next = (await asPerson.call('POST', `api-keys/${made.id}/rotate`, {})).json<Key>()
    for (const key of [made.key, next.key]) expect((await asKey(key)).status).toBe(200)
    const last = (await asPerson.call('POST', `api-keys/${made.id}/rotate`, {})).json<Key>()
    await expect.poll(async () => (await asKey(made.key)).status, { timeout: 2000 }).toBe(401)
    for (const key of [next.key, last.key]) expect((await asKey(key)).status).toBe(200)
  })

  it('lives 90 days when nobody says, never longer than the setting, and never in the past', async () => {
    const made = (await asPerson.call('POST', 'api-keys', { name: 'x' })).json<{
      expires_at: string
      created_at: string
    }>()
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(90 * 86_400_000)
    for (const days of [-1, 367]) {
      const expires_at = new Date(Date.now() + days * 86_400_000).toISOString()
      expect((await asPerson.call('POST', 'api-keys', { name: 'x', expires_at })).status, String(days)).toBe(400)
    }
  })

  it('comes in a header only, one proof at a time, and garbage costs no query', async () => {
    const { key } = await make(asPerson, { permission_ids: idsOf('users:read') })
    const client = house.server.client()
    expect((await client.get(`/api/v1/users?api_key=${key}`)).status).toBe(401)
    const both = await client.get('/api/v1/users', { 'x-api-key': key, authorization: `Bearer ${key}` })
    expect(both.status).toBe(400)
    for (const wrong of [`kw_ak_${encode62(Buffer.alloc(36))}`, `${key}x`, `${key.slice(0, -1)}!`, 'kw_ak_', 'x']) {
      const reply = await asKey(wrong)
      expect(reply.status, wrong).toBe(401)
      expect(reply.headers['www-authenticate']).toContain('error="invalid_token"')
    }
  })

  it('notes when and from where it was used', async () => {
    const made = await make(asPerson, { permission_ids: idsOf('users:read') })
    expect(made).toMatchObject({ last_used_at: null, last_used_ip: null })
    await asKey(made.key)
    const used = async () => (await asPerson.call('GET', `api-keys/${made.id}`)).json<Key>()
    await expect.poll(async () => (await used()).last_used_at, { timeout: 12_000 }).not.toBeNull()
    expect((await used()).last_used_ip).toMatch(/127\.0\.0\.1|::1/)
  })
})

describe('AK-1: whose it is', () => {
  it('is said by the session, never by a body', async () => {
    const forged = await asPerson.call('POST', 'api-keys', { name: 'x', owner_id: admin.user_id })
    expect(forged.status).toBe(400)
  })

  it('decides who sees and changes it', async () => {
    const own = await make(asAdmin)
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/activate'],
      ['POST', '/deactivate'],
      ['POST', '/rotate'],
    ] as const)
      expect(
        (await asPerson.call(method, `api-keys/${own.id}${path}`, method === 'POST' ? {} : undefined)).status,
      ).toBe(404)
    expect((await asPerson.call('GET', `api-keys?owner_id=${admin.user_id}`)).status).toBe(403)
    const listed = (await asPerson.call('GET', 'api-keys?limit=200')).json<{ api_keys: { owner_id: string }[] }>()
    expect(new Set(listed.api_keys.map(({ owner_id }) => owner_id))).toEqual(new Set([person.user_id]))
  })

  it('AD-2: who may administer keys switches off those of people with fewer rights, and is shown none', async () => {
    const made = await make(asPerson, { permission_ids: idsOf('users:read') })
    expect((await asAdmin.call('POST', `api-keys/${made.id}/rotate`, {})).status).toBe(403)
    const later = new Date(Date.now() + 200 * 86_400_000).toISOString()
    for (const more of [{ permission_ids: idsOf('users:read', 'users:write') }, { expires_at: later }])
      expect((await asAdmin.call('PATCH', `api-keys/${made.id}`, more)).status).toBe(403)
    expect((await asAdmin.call('PATCH', `api-keys/${made.id}`, { description: 'Whose is this?' })).status).toBe(200)
    expect((await asAdmin.call('POST', `api-keys/${made.id}/deactivate`, {})).status).toBe(200)
    await house.sql`insert into roles (name) values ('keeper')`
    await house.sql`
      insert into role_permissions (role_id, permission_id)
      select r.id, p.id from roles r, permissions p where r.name = 'keeper' and p.name in ('api-keys:read', 'api-keys:write')`
    const keeper = await callerOf(house, await house.person({ roles: ['keeper'] }))
    const [strong, seen] = [await make(asAdmin), await keeper.call('GET', 'api-keys?owner_id=*&limit=200')]
    expect(seen.body).toContain(strong.id)
    expect((await keeper.call('DELETE', `api-keys/${strong.id}`)).json<Problem>().code).toBe('beyond_ceiling')
  })
})

describe('LI-4, AD-4: a key', () => {
  it('is made and rotated by who has proved themselves just now, and they are told by mail', async () => {
    const someone = await house.person()
    const caller = await callerOf(house, someone)
    const made = await make(caller)
    const letter = await inboxOf(house.server).letter(someone.email, { kind: 'api_key_added' })
    expect(letter.text).toContain('A key')
    await house.sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${someone.user_id}`
    for (const path of ['api-keys', `api-keys/${made.id}/rotate`]) {
      const body = path === 'api-keys' ? { name: 'x' } : {}
      const stale = async () => (await caller.call('POST', path, body)).json<Problem>().code
      await expect.poll(stale, { timeout: 3000 }).toBe('reauthentication_required')
    }
  })

  it('makes no further keys, and does nothing that wants a fresh proof of a person', async () => {
    const { key } = await make(asAdmin, { permission_ids: idsOf('users:read', 'users:write', 'roles:assign') })
    const client = house.server.client()
    const headers = { 'x-api-key': key }
    const another = await client.request('/api/v1/api-keys', { method: 'POST', headers, json: { name: 'x' } })
    expect([another.status, another.json<Problem>().code]).toEqual([403, 'access_denied'])
    const target = await house.person()
    const gone = await client.request(`/api/v1/users/${target.user_id}`, { method: 'DELETE', headers })
    expect([gone.status, gone.json<Problem>().code]).toEqual([403, 'access_denied'])
    expect((await client.get('/api/v1/users/me', headers)).status).toBe(403)
  })
})

describe('what calls have in common', () => {
  it('a creation is repeated by its Idempotency-Key: same key, nothing made twice', async () => {
    const call = async (name: string) =>
      await asPerson.call('POST', 'api-keys', { name }, { 'idempotency-key': 'once-and-again' })
    const [first, again] = [await call('Twice'), await call('Twice')]
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.json()).toEqual(first.json())
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect(await house.sql`select 1 from api_keys where name = 'Twice'`).toHaveLength(1)
    const other = await call('Another')
    expect([other.status, other.json<Problem>().code]).toEqual([422, 'idempotency_key_reused'])
    const foreign = await asAdmin.call('POST', 'api-keys', { name: 'Twice' }, { 'idempotency-key': 'once-and-again' })
    expect(foreign.json<Key>().id).not.toBe(first.json<Key>().id)
    expect(await house.sql`select 1 from idempotent_calls where answer_sealed like '%kw_ak_%'`).toHaveLength(0)
  })

  it('G-2: of fifty at once with one Idempotency-Key exactly one is made', async () => {
    const all = await Promise.all(
      Array.from({ length: 50 }, async () =>
        asPerson.call('POST', 'api-keys', { name: 'Fifty' }, { 'idempotency-key': 'fifty' }),
      ),
    )
    expect(await house.sql`select 1 from api_keys where name = 'Fifty'`).toHaveLength(1)
    for (const { status } of all) expect([201, 409]).toContain(status)
  })

  it('RFC 9110 §13.1.1: a change of what was changed meanwhile is refused', async () => {
    const made = await make(asPerson)
    const read = await asPerson.call('GET', `api-keys/${made.id}`)
    const etag = read.headers.etag ?? ''
    expect((await asPerson.call('GET', `api-keys/${made.id}`, undefined, { 'if-none-match': etag })).status).toBe(304)
    const first = await asPerson.call('PATCH', `api-keys/${made.id}`, { name: 'One' }, { 'if-match': etag })
    expect(first.status).toBe(200)
    const second = await asPerson.call('PATCH', `api-keys/${made.id}`, { name: 'Two' }, { 'if-match': etag })
    expect([second.status, second.json<Problem>().code]).toEqual([412, 'precondition_failed'])
    const third = await asPerson.call(
      'PATCH',
      `api-keys/${made.id}`,
      { name: 'Two' },
      { 'if-match': first.headers.etag },
    )
    expect(third.status).toBe(200)
  })

  it('a query is read exactly', async () => {
    for (const query of ['limit=0', 'limit=201', 'limit=x', 'cursor=x', 'nothing=1', 'limit=1&limit=2'])
      expect((await asPerson.call('GET', `api-keys?${query}`)).status, query).toBe(400)
  })
})

it('AK-1: what a key may do is what it was given, out of what its owner holds', () => {
  const given = {
    roles: [
      { name: 'a', permissions: ['x:1', 'x:2'] },
      { name: 'b', permissions: ['y:1'] },
    ],
    permissions: ['z:1'],
  }
  expect(rightsOf(given, { roles: ['a'], permissions: ['x:1', 'y:1', 'z:1', 'q:1'] })).toEqual({
    roles: ['a'],
    permissions: ['x:1', 'z:1'],
  })
  expect(rightsOf(given, { roles: [], permissions: [] })).toEqual({ roles: [], permissions: [] })
})
