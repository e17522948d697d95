/**
 * A permission that a token carries without the role it came by dies with that role too: where an API wants no roles in its tokens,
 * and where an API key was given the permission by itself (product row 12, security rule AK-1, promise I2).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { createVerifier } from '../../../sdk/src/index.ts'
import { type Caller, callerOf } from '../support/api.ts'
import type { TestClient } from '../support/fixtures.ts'
import { type App, type House, openHouse, payloadOf, type Person, tokensOf } from '../support/flow.ts'

const shop = 'https://shop.example/api'
const within = { timeout: 2000, interval: 50 }
let house: House
let admin: Caller
let app: App
let api: TestClient
let permission_id: string
let role_id: string
let holder: Person

beforeAll(async () => {
  house = await openHouse()
  admin = await callerOf(house, await house.person({ roles: ['admin'] }))
  const made = await admin.call('POST', 'resources', {
    identifier: shop,
    name: 'Shop',
    token_roles: 'none',
    permissions: [{ name: 'orders:read' }],
  })
  expect(made.status, made.body).toBe(201)
  const [row] = await house.sql<{ id: string }[]>`select id from permissions where name = 'orders:read'`
  permission_id = row?.id ?? ''
  const role = await admin.call('POST', 'roles', { name: 'clerk', permission_ids: [permission_id] })
  role_id = role.json<{ id: string }>().id
  holder = await house.person({ roles: ['clerk'] })
  app = await house.app({ first_party: true, resources: [shop], scope: 'openid roles' })
  api = await house.app({
    type: 'machine',
    audiences: [shop],
    scope: 'revocations:read',
    resources: [`${house.server.issuer}/api/v1`],
  })
})

const introspect = async (token: string): Promise<boolean> => {
  const basic = Buffer.from(`${api.client_id}:${api.client_secret}`).toString('base64')
  const reply = await house.server
    .client()
    .post('/oauth/introspect', new URLSearchParams({ token }), { authorization: `Basic ${basic}` })
  return reply.json<{ active: boolean }>().active
}

const takeOut = async () => await admin.call('DELETE', `roles/${role_id}/permissions/${permission_id}`)
/** And waits: a token that is stamped within half a second of a loss is dead on arrival (access/change.ts). */
const putBack = async (): Promise<void> => {
  await admin.call('POST', `roles/${role_id}/permissions/${permission_id}`, {})
  await sleep(700)
}

describe('a permission taken out of a role', () => {
  it('is dead in a token that names no roles: at the server, and at an API that follows the feed', async () => {
    const { access_token } = await tokensOf(house.server.client(), app, holder, {
      scope: 'openid roles',
      resource: shop,
    })
    expect(payloadOf(access_token)).toMatchObject({ roles: [], permissions: ['orders:read'] })
    const credentials = { client_id: api.client_id, client_secret: api.client_secret ?? '' }
    const verifier = createVerifier({ issuer: house.server.issuer, audience: shop, credentials })
    const verified = async (): Promise<boolean> =>
      await verifier.verify(access_token).then(
        () => true,
        () => false,
      )
    try {
      await expect.poll(verified, within).toBe(true)
      expect(await introspect(access_token)).toBe(true)
      expect((await takeOut()).status).toBeLessThan(300)
      await expect.poll(async () => await introspect(access_token), within).toBe(false)
      await expect.poll(verified, within).toBe(false)
    } finally {
      verifier.close()
      await putBack()
    }
  })

  it('is dead in a token that a key was exchanged for, which was given it by itself', async () => {
    const made = await (await callerOf(house, holder)).call('POST', 'api-keys', {
      name: 'x',
      permission_ids: [permission_id],
    })
    const headers = { 'x-api-key': made.json<{ key: string }>().key }
    const token = await house.server
      .client()
      .request('/api/v1/api-keys/token', { method: 'POST', headers, json: { resource: shop } })
    const { access_token } = token.json<{ access_token: string }>()
    expect(payloadOf(access_token)).toMatchObject({ permissions: ['orders:read'], roles: [] })
    expect(await introspect(access_token)).toBe(true)
    await takeOut()
    await expect.poll(async () => await introspect(access_token), within).toBe(false)
    await putBack()
  })
})
