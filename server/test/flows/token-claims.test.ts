/** Custom claims, the budget of bytes, and the preview of tokens: what is previewed is what is issued. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { asApp, codeOf, make } from '../support/applications.ts'
import { type House, openHouse, payloadOf, type Person, tokensOf } from '../support/flow.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let admin: Caller
let person: Person

beforeAll(async () => {
  house = await openHouse()
  admin = await callerOf(house, await house.person({ roles: ['admin'] }))
  person = await house.person({ claims: { department: 'R&D', address: { country: 'DE' } } })
  await house.sql`
    with top as (
      insert into groups (id, name, ancestors) values ('00000000-0000-4000-8000-000000000001', 'Staff', '{00000000-0000-4000-8000-000000000001}') returning id
    ), below as (
      insert into groups (id, name, parent_id, ancestors)
      select '00000000-0000-4000-8000-000000000002', 'Engineering', id, '{00000000-0000-4000-8000-000000000001,00000000-0000-4000-8000-000000000002}' from top returning id
    ) insert into group_members (user_id, group_id) select ${person.user_id}, id from below`
})

type Preview = {
  access_token: { claims: Record<string, unknown>; bytes: number; budget_bytes: number; format: string }
  id_token: { claims: Record<string, unknown> } | null
  userinfo: Record<string, unknown> | null
  warnings: string[]
}
let made = 0
const api = async (more: object = {}): Promise<{ id: string; identifier: string }> => {
  const name = `claims${(made += 1)}`
  const reply = await admin.call('POST', 'resources', { identifier: `https://${name}.example`, name, ...more })
  expect(reply.status, reply.body).toBe(201)
  return reply.json()
}
const soon = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, 1100))
const timely = /^(exp|iat|nbf|jti|auth_time|sid|grant_id|amr|nonce|at_hash)$/
const lasting = (claims: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !timely.test(name)))

describe('custom claims', () => {
  it('stand in the tokens of their API, in ID token and UserInfo of their application; a preview shows the same', async () => {
    const target = await api({
      claim_mapping: [
        { from: 'user.email', to: 'email', into: 'access_token' },
        { from: 'claims.department', to: 'https://example.com/department', into: 'access_token' },
        { from: 'groups', to: 'groups', into: 'access_token' },
        { constant: 'eu-1', to: 'region', into: 'access_token' },
      ],
    })
    const app = await make(admin, {
      resources: [target.identifier],
      claim_mapping: [
        { from: 'claims.address', to: 'addr', into: 'id_token', flatten: true },
        { from: 'client.client_name', to: 'app', into: 'userinfo' },
      ],
    })
    await soon()
    const client = house.server.client()
    const tokens = await tokensOf(client, asApp(app), person, { scope: 'openid roles', resource: target.identifier })
    const access = payloadOf(tokens.access_token)
    expect(access).toMatchObject({
      email: person.email,
      'https://example.com/department': 'R&D',
      groups: ['Engineering', 'Staff'],
      region: 'eu-1',
      sub: person.user_id,
    })
    expect(payloadOf(tokens.id_token)).toMatchObject({ addr_country: 'DE' })
    const plain = await tokensOf(client, asApp(app), person, { scope: 'openid' })
    for (const name of ['email', 'region', 'groups']) expect(payloadOf(plain.access_token)).not.toHaveProperty(name)
    const info = (await client.get('/oauth/userinfo', { authorization: `Bearer ${plain.access_token}` })).json()
    expect(info).toEqual({ sub: person.user_id, app: 'Shop' })

    const body = { user_id: person.user_id, scope: 'openid roles', resource: [target.identifier] }
    const reply = await admin.call('POST', `applications/${app.client_id}/preview`, body)
    expect(reply.status, reply.body).toBe(200)
    const shown = reply.json<Preview>()
    expect(lasting(shown.access_token.claims)).toEqual(lasting(access))
    expect(lasting(shown.id_token?.claims ?? {})).toEqual(lasting(payloadOf(tokens.id_token)))
    expect(shown.userinfo).toEqual({ ...info, roles: [], permissions: [] })
    expect(shown.access_token.bytes).toBeGreaterThan(tokens.access_token.length - 30)
    expect(shown.access_token.bytes).toBeLessThan(tokens.access_token.length + 30)
    expect(shown.warnings).toEqual([])
    const forApi = await admin.call('POST', `resources/${target.id}/preview`, {
      client_id: app.client_id,
      user_id: person.user_id,
      scope: 'openid roles',
    })
    expect(lasting(forApi.json<Preview>().access_token.claims)).toEqual(lasting(access))
  })
})

describe('a preview', () => {
  it('is refused for scopes and resources that the application cannot have, and for what there is not', async () => {
    const app = await make(admin)
    const path = `applications/${app.client_id}/preview`
    const { user_id } = person
    expect(codeOf(await admin.call('POST', path, { user_id, scope: 'openid admin' }))).toEqual([400, 'invalid_scope'])
    expect(codeOf(await admin.call('POST', path, { user_id, resource: ['https://x.example'] }))).toEqual([
      400,
      'invalid_target',
    ])
    expect(codeOf(await admin.call('POST', path, { user_id: 'nobody' }))).toEqual([404, 'not_found'])
    expect((await admin.call('POST', 'applications/app_nobody/preview', { user_id })).status).toBe(404)
    const nowhere = 'resources/00000000-0000-4000-8000-00000000000f/preview'
    expect((await admin.call('POST', nowhere, { client_id: app.client_id })).status).toBe(404)
  })

  it('AD-1: needs both permissions, and an owner has neither', async () => {
    const app = await make(admin)
    const target = await api()
    const calls = [
      [`applications/${app.client_id}/preview`, {}],
      [`resources/${target.id}/preview`, { client_id: app.client_id }],
    ] as const
    for (const [name, ...permissions] of [
      ['apps-only', 'applications:read', 'resources:read'],
      ['users-only', 'users:read', 'resources:read'],
      ['nothing'],
    ]) {
      await house.sql`insert into roles (name) values (${name ?? ''})`
      await house.sql`
        insert into role_permissions (role_id, permission_id)
        select r.id, p.id from roles r, permissions p where r.name = ${name ?? ''} and p.name = any (${permissions})`
      const caller = await callerOf(house, await house.person({ roles: [name ?? ''] }))
      for (const [path, body] of calls)
        expect([name, ...codeOf(await caller.call('POST', path, body))]).toEqual([name, 403, 'permission_denied'])
    }
  })
})

it('a token larger than its budget is issued; the warning names the claim, once an hour, in events, preview and figures', async () => {
  const target = await api({
    token_budget_bytes: 600,
    claim_mapping: [{ constant: 'x'.repeat(500), to: 'blob', into: 'access_token' }],
  })
  const app = await make(admin, { resources: [target.identifier] })
  await soon()
  const client = house.server.client()
  for (let time = 0; time < 2; time += 1)
    await tokensOf(client, asApp(app), person, { scope: 'openid', resource: target.identifier })
  const warned = async () =>
    (await eventsOf(house.sql, { client_id: app.client_id })).filter(({ type }) => type === 'token.too_large')
  expect(await warned()).toHaveLength(1)
  const [event] = await warned()
  expect(event?.data).toMatchObject({ resource: target.identifier, budget_bytes: 600, claim: 'blob' })
  const body = { user_id: person.user_id, resource: [target.identifier] }
  const shown = (await admin.call('POST', `applications/${app.client_id}/preview`, body)).json<Preview>()
  expect(shown.warnings).toEqual([expect.stringMatching(/^access_token has \d+ bytes, its budget is 600: blob takes/)])
  const stats = (await admin.call('GET', `applications/${app.client_id}/stats`)).json<{ large_tokens: object[] }>()
  expect(stats.large_tokens).toEqual([
    expect.objectContaining({ resource: target.identifier, budget_bytes: 600, claim: 'blob' }),
  ])
})
