/** System C's calls of API keys, as it documented them (api.md). */
import { beforeAll, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { type House, openHouse } from '../support/flow.ts'

type Key = { id: string; key: string; name: string; is_active: boolean; expires_at: string }
let house: House
let caller: Caller
/** A call of the older path, with what a browser needs of ours. */
const call = async (method: string, path: string, json?: unknown) => {
  const { csrf_token } = (await caller.client.get('/api/v1/auth/session')).json<{ csrf_token: string }>()
  const headers = { origin: house.server.issuer, 'x-csrf-token': csrf_token }
  return await caller.client.request(path, { method, headers, ...(json !== undefined && { json }) })
}

beforeAll(async () => {
  house = await openHouse()
  caller = await callerOf(house, await house.person({ roles: ['admin'] }))
})

it.each(['', '/'])('are made, listed, switched, rotated and deleted (closing %j)', async (slash) => {
  const [role] = await house.sql<{ id: string }[]>`select id from roles where name = 'admin'`
  const body = {
    name: 'Old',
    description: 'd',
    expires_at: new Date(Date.now() + 1e9).toISOString(),
    role_ids: [role?.id],
    permission_ids: [],
  }
  const made = await call('POST', `/api-keys${slash}`, body)
  expect(made.status, made.body).toBe(201)
  const { id, key, ...rest } = made.json<Key>()
  expect(rest).toMatchObject({ name: 'Old', is_active: true, expires_at: body.expires_at })
  expect(made.headers['deprecation']).toBeDefined()
  expect(made.headers['link']).toContain('rel="successor-version"')
  const list = (await call('GET', `/api-keys${slash}`)).json<Key[]>()
  expect(list.map((one) => one.id)).toContain(id)
  expect((await call('GET', `/api-keys/${id}${slash}`)).json<Key>()).toMatchObject({ id, is_active: true })
  const used = async (shown: string) =>
    (await house.server.client().get('/examples/admin-only', { 'x-api-key': shown })).status
  expect(await used(key)).toBe(200)
  expect((await call('PATCH', `/api-keys/${id}/deactivate${slash}`)).json<Key>().is_active).toBe(false)
  await expect.poll(async () => await used(key), { timeout: 2000 }).toBe(401)
  expect((await call('PATCH', `/api-keys/${id}/activate${slash}`)).json<Key>().is_active).toBe(true)
  const rotated = (await call('POST', `/api-keys/${id}/rotate${slash}`, {})).json<Key>()
  expect(await used(rotated.key)).toBe(200)
  expect((await call('DELETE', `/api-keys/${id}${slash}`)).status).toBe(204)
  await expect.poll(async () => await used(rotated.key), { timeout: 2000 }).toBe(401)
})

it('skip no check', async () => {
  expect((await house.server.client().get('/api-keys')).status).toBe(401)
  const forged = await caller.client.request('/api-keys', { method: 'POST', json: { name: 'x' } })
  expect(forged.status).toBe(403)
})
