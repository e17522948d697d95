/** System A's calls of applications, as it documented them (api.md). */
import { beforeAll, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { tokenStatus } from '../support/applications.ts'
import { type House, openHouse } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'

type Old = {
  id: string
  client_id: string
  client_secret: string
  name: string
  is_active: boolean
  created_at: string
}
let house: House
let caller: Caller
/** A call of the older path, with what a browser needs of ours. */
const callAs = async (who: Caller, method: string, path: string, json?: unknown): Promise<Reply> => {
  const { csrf_token } = (await who.client.get('/api/v1/auth/session')).json<{ csrf_token: string }>()
  const headers = { origin: house.server.issuer, 'x-csrf-token': csrf_token }
  return await who.client.request(path, { method, headers, ...(json !== undefined && { json }) })
}

beforeAll(async () => {
  house = await openHouse()
  caller = await callerOf(house, await house.person())
})

it.each(['', '/'])('are made, listed, read, changed, given a new secret and deleted (closing %j)', async (slash) => {
  const call = async (method: string, path: string, json?: unknown) =>
    await callAs(caller, method, `/api/applications${path}${slash}`, json)
  const body = { name: 'Old app', description: 'd', redirect_uris: ['https://old.example/cb'] }
  const made = await call('POST', '', body)
  expect(made.status, made.body).toBe(201)
  expect(made.headers['deprecation']).toBeDefined()
  expect(made.headers['link']).toContain('rel="successor-version"')
  const { client_id, client_secret, ...rest } = made.json<Old>()
  expect(rest).toMatchObject({ ...body, is_active: true, created_at: expect.any(String) as unknown })
  expect(await tokenStatus(house, { client_id, client_secret })).toBe(400)
  const list = (await call('GET', '')).json<{ applications: Old[] }>().applications
  expect(list.find((one) => one.client_id === client_id)).toMatchObject({ name: 'Old app', is_active: true })
  const read = await call('GET', `/${client_id}`)
  expect(read.json()).toMatchObject({ id: client_id, name: 'Old app' })
  expect(read.body).not.toContain(client_secret)
  // What is left out stays, as in the older system.
  const changed = await call('PUT', `/${client_id}`, { name: 'New name', website_url: 'https://old.example/' })
  expect(changed.json()).toMatchObject({
    name: 'New name',
    description: 'd',
    redirect_uris: body.redirect_uris,
    website_url: 'https://old.example/',
  })
  const fresh = (await call('POST', `/${client_id}/regenerate-secret`)).json<Old>()
  expect(await tokenStatus(house, { client_id, client_secret: fresh.client_secret })).toBe(400)
  expect((await call('DELETE', `/${client_id}`)).status).toBe(204)
  expect((await call('GET', `/${client_id}`)).status).toBe(404)
})

it('skip no check', async () => {
  const made = (
    await callAs(caller, 'POST', '/api/applications', { name: 'Mine', redirect_uris: ['https://a.example/'] })
  ).json<Old>()
  expect((await house.server.client().get('/api/applications')).status).toBe(401)
  const forged = await caller.client.request('/api/applications', { method: 'POST', json: { name: 'x' } })
  expect(forged.status).toBe(403)
  const stranger = await callerOf(house, await house.person())
  expect((await callAs(stranger, 'GET', `/api/applications/${made.client_id}`)).status).toBe(404)
  expect((await callAs(stranger, 'PUT', `/api/applications/${made.client_id}`, { name: 'Theirs' })).status).toBe(404)
  const bad = await callAs(caller, 'POST', '/api/applications', { name: 'x', redirect_uris: ['http://a.example/'] })
  expect(bad.json()).toMatchObject({ status: 400, code: 'invalid_redirect_uri' })
  for (const body of [[], 'x', { name: 'x', secret: 'y', redirect_uris: ['https://a.example/'] }])
    expect((await callAs(caller, 'POST', '/api/applications', body)).status).toBe(400)
})
