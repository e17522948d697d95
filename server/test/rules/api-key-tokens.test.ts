/** What an API key is worth elsewhere: exchanged for a token, introspected; keys of service accounts (AK-1, IN-1, AD-2, G-3). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import type { TestClient } from '../support/fixtures.ts'
import { type House, openHouse, type Person } from '../support/flow.ts'

type Key = { id: string; key: string }
type Token = { access_token: string; expires_in: number; scope: string }
type Claims = {
  sub: string
  client_id: string
  aud: string
  roles: string[]
  permissions: string[]
  exp: number
  iat: number
}
type Problem = { code: string }

const shop = 'https://shop.example/api'
let house: House
let admin: Person
let asAdmin: Caller
let api: TestClient
let permission: Map<string, string>

const makeKey = async (caller: Caller, body: Record<string, unknown>, path = 'api-keys'): Promise<Key> => {
  const made = await caller.call('POST', path, { name: 'x', ...body })
  expect(made.status, made.body).toBe(201)
  return made.json()
}
const exchange = async (key: string, body: Record<string, unknown> = {}) =>
  await house.server
    .client()
    .request('/api/v1/api-keys/token', { method: 'POST', headers: { 'x-api-key': key }, json: body })
const claimsOf = (token: string): Claims =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims
const statusWith = async (token: string, path = 'users?limit=1', method = 'GET', json?: unknown) =>
  await house.server.client().request(`/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(json !== undefined && { json }),
  })
const introspect = async (token: string, client = api) => {
  const basic = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')
  const reply = await house.server
    .client()
    .post('/oauth/introspect', new URLSearchParams({ token }), { authorization: `Basic ${basic}` })
  return reply.json()
}
const idsOf = (...names: string[]) => names.map((name) => permission.get(name))

beforeAll(async () => {
  house = await openHouse()
  admin = await house.person({ roles: ['admin'] })
  asAdmin = await callerOf(house, admin)
  const made = await asAdmin.call('POST', 'resources', {
    identifier: shop,
    name: 'Shop',
    permissions: [{ name: 'orders:read' }],
  })
  expect(made.status, made.body).toBe(201)
  const rows = await house.sql<{ id: string; name: string }[]>`select id, name from permissions`
  permission = new Map(rows.map(({ id, name }) => [name, id]))
  await house.sql`insert into roles (name) values ('clerk')`
  await house.sql`
    insert into role_permissions (role_id, permission_id)
    select r.id, p.id from roles r, permissions p where r.name = 'clerk' and p.name in ('orders:read', 'users:read')`
  await house.sql`insert into user_roles (user_id, role_id) select ${admin.user_id}, id from roles where name = 'clerk'`
  api = await house.app({ type: 'machine', audiences: [shop] })
})

describe('AK-1: a token for a key', () => {
  it('names the key as its client, lives five minutes, and opens what the key opens and no more', async () => {
    const { id, key } = await makeKey(asAdmin, { permission_ids: idsOf('users:read') })
    const { access_token, expires_in } = (await exchange(key)).json<Token>()
    const claims = claimsOf(access_token)
    expect(claims).toMatchObject({ sub: admin.user_id, client_id: `key_${id}`, aud: `${house.server.issuer}/api/v1` })
    expect([expires_in, claims.permissions, claims.roles]).toEqual([300, ['users:read'], []])
    expect((await statusWith(access_token)).status).toBe(200)
    const beyond = await statusWith(access_token, 'users', 'POST', { email: 'x@example.com' })
    expect([beyond.status, beyond.json<Problem>().code]).toEqual([403, 'permission_denied'])
    const self = await statusWith(access_token, 'users/me')
    expect([self.status, self.json<Problem>().code]).toEqual([403, 'access_denied'])
  })

  it('does nothing that wants a fresh proof of its person', async () => {
    const { key } = await makeKey(asAdmin, { permission_ids: idsOf('users:write') })
    const { access_token } = (await exchange(key)).json<Token>()
    const target = await house.person()
    expect((await statusWith(access_token, `users/${target.user_id}`, 'DELETE')).status).toBe(403)
    const another = await statusWith(access_token, 'api-keys', 'POST', { name: 'x' })
    expect(another.status).toBe(403)
  })

  it('is cut to the API it is for, which has to be registered', async () => {
    const { key } = await makeKey(asAdmin, { permission_ids: idsOf('users:read', 'orders:read') })
    const { access_token } = (await exchange(key, { resource: shop })).json<Token>()
    expect(claimsOf(access_token)).toMatchObject({ aud: shop, permissions: ['orders:read'] })
    expect((await statusWith(access_token)).status).toBe(401)
    const unknown = await exchange(key, { resource: 'https://nowhere.example' })
    expect([unknown.status, unknown.json<Problem>().code]).toEqual([400, 'invalid_target'])
  })

  it('G-3: ends with its key, and does not come back with it', async () => {
    const { id, key } = await makeKey(asAdmin, { permission_ids: idsOf('users:read') })
    const { access_token } = (await exchange(key)).json<Token>()
    expect((await asAdmin.call('POST', `api-keys/${id}/deactivate`, {})).status).toBe(200)
    expect((await statusWith(access_token)).status).toBe(401)
    expect((await asAdmin.call('POST', `api-keys/${id}/activate`, {})).status).toBe(200)
    expect((await statusWith(access_token)).status).toBe(401)
    const again = (await exchange(key)).json<Token>()
    expect((await statusWith(again.access_token)).status).toBe(200)
    expect((await asAdmin.call('PATCH', `api-keys/${id}`, { permission_ids: [] })).status).toBe(200)
    expect((await statusWith(again.access_token)).status).toBe(401)
  })

  it('is given to API keys alone', async () => {
    expect((await asAdmin.call('POST', 'api-keys/token', {})).status).toBe(401)
    expect((await house.server.client().request('/api/v1/api-keys/token', { method: 'POST', json: {} })).status).toBe(
      401,
    )
  })
})

describe('IN-1: introspection of a key', () => {
  it('tells an API what the key is worth there', async () => {
    const { id, key } = await makeKey(asAdmin, { permission_ids: idsOf('users:read', 'orders:read') })
    expect(await introspect(key)).toMatchObject({
      active: true,
      token_type: 'api_key',
      sub: admin.user_id,
      client_id: `key_${id}`,
      aud: shop,
      permissions: ['orders:read'],
    })
    await asAdmin.call('POST', `api-keys/${id}/deactivate`, {})
    await expect.poll(async () => await introspect(key), { timeout: 2000 }).toEqual({ active: false })
  })

  it('tells nobody else anything', async () => {
    const { key } = await makeKey(asAdmin, { permission_ids: idsOf('users:read') })
    const other = await house.app({ type: 'machine' })
    expect(await introspect(key, other)).toEqual({ active: false })
    expect(await introspect(`${key.slice(0, -1)}!`)).toEqual({ active: false })
  })

  it('tells what a token of a key says', async () => {
    const { key } = await makeKey(asAdmin, { permission_ids: idsOf('orders:read') })
    const { access_token } = (await exchange(key, { resource: shop })).json<Token>()
    expect(await introspect(access_token)).toMatchObject({
      active: true,
      sub: admin.user_id,
      permissions: ['orders:read'],
    })
  })
})

describe('a service account', () => {
  const account = async (...roles: string[]): Promise<string> => {
    const made = await asAdmin.call('POST', 'service-accounts', {
      username: `robot-${Math.random().toString(36).slice(2)}`,
    })
    expect(made.status, made.body).toBe(201)
    const { id } = made.json<{ id: string }>()
    await house.sql`insert into user_roles (user_id, role_id) select ${id}, id from roles where name = any(${roles})`
    return id
  }

  it('has keys that stand for themselves: what wants a fresh proof too', async () => {
    const id = await account('admin')
    const { key, id: key_id } = await makeKey(
      asAdmin,
      { permission_ids: idsOf('users:write', 'users:read') },
      `service-accounts/${id}/api-keys`,
    )
    const target = await house.person()
    const gone = await house.server
      .client()
      .request(`/api/v1/users/${target.user_id}`, { method: 'DELETE', headers: { 'x-api-key': key } })
    expect(gone.status, gone.body).toBe(204)
    const listed = await asAdmin.call('GET', `service-accounts/${id}/api-keys`)
    expect(listed.body).toContain(key_id)
    const next = await asAdmin.call('POST', `service-accounts/${id}/api-keys/${key_id}/rotate`, { overlap_seconds: 0 })
    expect(next.status, next.body).toBe(201)
    await expect.poll(async () => (await exchange(key)).status, { timeout: 2000 }).toBe(401)
  })

  it('AD-2: gets keys from nobody who holds less than it', async () => {
    await house.sql`insert into roles (name) values ('robot-keeper')`
    await house.sql`
      insert into role_permissions (role_id, permission_id)
      select r.id, p.id from roles r, permissions p
      where r.name = 'robot-keeper' and p.name in ('service-accounts:read', 'service-accounts:write')`
    const keeper = await callerOf(house, await house.person({ roles: ['robot-keeper'] }))
    const [strong, weak] = [await account('admin'), await account()]
    const refused = await keeper.call('POST', `service-accounts/${strong}/api-keys`, { name: 'x' })
    expect([refused.status, refused.json<Problem>().code]).toEqual([403, 'beyond_ceiling'])
    await makeKey(keeper, {}, `service-accounts/${weak}/api-keys`)
    const key = await makeKey(asAdmin, {}, `service-accounts/${strong}/api-keys`)
    expect((await keeper.call('POST', `service-accounts/${strong}/api-keys/${key.id}/rotate`, {})).status).toBe(403)
    expect((await keeper.call('POST', `service-accounts/${weak}/api-keys/${key.id}/rotate`, {})).status).toBe(404)
    const person = await house.person()
    expect((await asAdmin.call('POST', `service-accounts/${person.user_id}/api-keys`, { name: 'x' })).status).toBe(404)
  })
})
