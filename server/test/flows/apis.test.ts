/** APIs (resource servers) over the API, and what tokens for them say (RFC 8707, RFC 9068; security rules AD-1, AD-2). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { codeOf, make, shop } from '../support/applications.ts'
import { answerOf, type App, ask, type House, openHouse, payloadOf, type Person, tokensOf } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'

let house: House
let admin: Caller
let person: Person

type Api = { id: string; identifier: string; permissions: { id: string; name: string }[]; [member: string]: unknown }
let made = 0
const register = async (more: object = {}): Promise<Api> => {
  const name = `api${(made += 1)}`
  const reply = await admin.call('POST', 'resources', { identifier: `https://${name}.example`, name, ...more })
  expect(reply.status, reply.body).toBe(201)
  return reply.json<Api>()
}
/** A copy is a second old at most. */
const soon = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, 1100))
/** A role that holds some permissions. */
const role = async (name: string, ...permissions: string[]): Promise<string> => {
  await house.sql`insert into roles (name) values (${name})`
  await house.sql`
    insert into role_permissions (role_id, permission_id)
    select r.id, p.id from roles r, permissions p where r.name = ${name} and p.name = any (${permissions})`
  return name
}
const headerOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as Record<string, unknown>

beforeAll(async () => {
  house = await openHouse()
  admin = await callerOf(house, await house.person({ roles: ['admin'] }))
  person = await house.person()
})

describe('an API', () => {
  it('is registered with its permissions, read, changed and deleted', async () => {
    const body = {
      identifier: 'https://tickets.example/v1',
      name: 'Tickets',
      description: 'All about tickets',
      access_token_ttl_seconds: 120,
      access_token_format: 'jwt',
      access_token_signed_response_alg: 'ES256',
      token_roles: 'own',
      token_budget_bytes: 2048,
      permissions: [{ name: 'tickets:read', description: 'See tickets' }, { name: 'tickets:write' }],
    }
    const reply = await admin.call('POST', 'resources', body, { 'idempotency-key': 'one-api' })
    expect(reply.status, reply.body).toBe(201)
    const api = reply.json<Api>()
    expect(api).toMatchObject({
      ...body,
      builtin: false,
      open: false,
      permissions: [
        { name: 'tickets:read', description: 'See tickets' },
        { name: 'tickets:write', description: null },
      ],
    })
    expect(reply.headers['location']).toBe(`${house.server.issuer}/api/v1/resources/${api.id}`)
    expect((await admin.call('POST', 'resources', body, { 'idempotency-key': 'one-api' })).json()).toEqual(api)
    expect(codeOf(await admin.call('POST', 'resources', body))).toEqual([409, 'already_exists'])
    const path = `resources/${api.id}`
    const read = await admin.call('GET', path)
    expect([read.json(), read.headers['etag']]).toEqual([api, reply.headers['etag']])
    const etag = read.headers['etag'] ?? ''
    const changed = await admin.call('PATCH', path, { name: 'Other', token_budget_bytes: null }, { 'if-match': etag })
    expect(changed.json()).toMatchObject({ name: 'Other', token_budget_bytes: null, token_roles: 'own' })
    for (const [method, json] of [
      ['PATCH', { name: 'Third' }],
      ['DELETE', undefined],
    ] as const)
      expect(codeOf(await admin.call(method, path, json, { 'if-match': etag }))).toEqual([412, 'precondition_failed'])
    const more = await admin.call('POST', `${path}/permissions`, { name: 'tickets:close' })
    expect(more.json<Api>().permissions.map(({ name }) => name)).toEqual([
      'tickets:close',
      'tickets:read',
      'tickets:write',
    ])
    const gone = more.json<Api>().permissions[0]?.id ?? ''
    expect((await admin.call('DELETE', `${path}/permissions/${gone}`)).status).toBe(204)
    expect((await admin.call('DELETE', `${path}/permissions/${gone}`)).status).toBe(404)
    expect((await admin.call('DELETE', path)).status).toBe(204)
    expect((await admin.call('GET', path)).status).toBe(404)
    expect(await house.sql`select 1 from permissions where resource = 'tickets'`).toHaveLength(0)
  })

  it.each([
    ['a relative identifier', { identifier: '/api' }, 400],
    ['one with a fragment', { identifier: 'https://x.example/#y' }, 400],
    ['an algorithm that nobody has', { access_token_signed_response_alg: 'none' }, 400],
    ['a life that is too long', { access_token_ttl_seconds: 3601 }, 400],
    ['a budget that is too small', { token_budget_bytes: 511 }, 400],
    ['a permission without action', { permissions: [{ name: 'tickets' }] }, 422],
    ['a permission of this server', { permissions: [{ name: 'users:read' }] }, 422],
    ['a permission twice', { permissions: [{ name: 'twice:read' }, { name: 'twice:read' }] }, 409],
    ['a claim of an ID token', { claim_mapping: [{ from: 'user.email', to: 'mail', into: 'id_token' }] }, 400],
    [
      'a claim that the server speaks for',
      { claim_mapping: [{ from: 'user.email', to: 'sub', into: 'access_token' }] },
      400,
    ],
    ['an owner that is nobody', { owner_id: 'nobody' }, 422],
  ])('with %s is refused, and nothing of it stays', async (_what, more, status) => {
    const body = { identifier: 'https://bad.example', name: 'Bad', ...more }
    expect((await admin.call('POST', 'resources', body)).status).toBe(status)
    expect(await house.sql`select 1 from resource_servers where name = 'Bad'`).toHaveLength(0)
  })

  it('of this server itself is listed, and stays', async () => {
    const { issuer } = house.server
    for (const identifier of [issuer, `${issuer}/api/v1`, `${issuer}/oauth/userinfo`])
      expect(codeOf(await admin.call('POST', 'resources', { identifier, name: 'x' }))).toEqual([400, 'invalid_request'])
    const { resources } = (await admin.call('GET', 'resources?limit=200')).json<{ resources: Api[] }>()
    const builtin = resources.find((api) => api['builtin'])
    expect(builtin).toMatchObject({ identifier: `${issuer}/api/v1` })
    expect(builtin?.permissions.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['users:read', 'resources:write']),
    )
    const path = `resources/${builtin?.id ?? ''}`
    expect(codeOf(await admin.call('DELETE', path))).toEqual([409, 'built_in'])
    expect(codeOf(await admin.call('PATCH', path, { open: true }))).toEqual([409, 'built_in'])
    expect(codeOf(await admin.call('POST', `${path}/permissions`, { name: 'x:y' }))).toEqual([409, 'built_in'])
    const first = builtin?.permissions[0]?.id ?? ''
    expect(codeOf(await admin.call('DELETE', `${path}/permissions/${first}`))).toEqual([409, 'built_in'])
  })

  it('AD-1: is its owner’s and the administrators’; to others it is not there', async () => {
    const api = await register({ owner_id: person.user_id, permissions: [{ name: 'mine:read' }] })
    const own = await callerOf(house, person)
    const stranger = await callerOf(house, await house.person())
    const path = `resources/${api.id}`
    expect((await own.call('GET', 'resources')).json<{ resources: Api[] }>().resources.map(({ id }) => id)).toEqual([
      api.id,
    ])
    expect((await stranger.call('GET', 'resources')).json()).toEqual({ resources: [], next: null })
    const calls: [Parameters<Caller['call']>[0], string, unknown?][] = [
      ['GET', path],
      ['PATCH', path, { name: 'x' }],
      ['DELETE', path],
      ['POST', `${path}/permissions`, { name: 'mine:write' }],
      ['DELETE', `${path}/permissions/${api.permissions[0]?.id ?? ''}`],
    ]
    for (const [method, where, json] of calls) expect((await stranger.call(method, where, json)).status).toBe(404)
    expect(codeOf(await own.call('POST', 'resources', { identifier: 'https://a.example', name: 'x' }))).toEqual([
      403,
      'permission_denied',
    ])
    // AD-2: what tells more of people, and whose it is, is not for the owner.
    const rule = { from: 'user.email', to: 'email', into: 'access_token' }
    for (const change of [{ claim_mapping: [rule] }, { owner_id: null }])
      expect(codeOf(await own.call('PATCH', path, change))).toEqual([403, 'permission_denied'])
    expect((await own.call('PATCH', path, { name: 'Ours', open: true })).json()).toMatchObject({ name: 'Ours' })
    const withMore = await own.call('POST', `${path}/permissions`, { name: 'mine:write' })
    expect(withMore.status, withMore.body).toBe(201)
    // AD-2: whoever made a permission does not hold it by that.
    expect(await house.sql`select 1 from user_roles where user_id = ${person.user_id}`).toHaveLength(0)
    expect((await own.call('DELETE', path)).status).toBe(204)
  })
})

describe('a token', () => {
  let app: App
  const tokenFor = async (who: Person, resource: string[] | undefined, scope = 'openid roles') =>
    await tokensOf(house.server.client(), app, who, { scope, resource })

  it('carries the general permissions and those of its audience, and no others', async () => {
    const [one, two] = [
      await register({ permissions: [{ name: 'one:read' }] }),
      await register({ permissions: [{ name: 'two:read' }] }),
    ]
    await house.sql`insert into permissions (name, resource, action) values ('general:read', 'general', 'read')`
    const holder = await house.person({
      roles: [await role('mixed', 'one:read', 'two:read', 'general:read', 'users:read')],
    })
    app = await house.app({
      first_party: true,
      resources: [one.identifier, two.identifier, 'https://unregistered.example', `${house.server.issuer}/api/v1`],
      scope: 'openid roles admin',
    })
    await soon()
    const permissionsFor = async (...resource: string[]): Promise<unknown> =>
      payloadOf((await tokenFor(holder, resource.length > 0 ? resource : undefined)).access_token)['permissions']
    expect(await permissionsFor()).toEqual(['general:read'])
    expect(await permissionsFor(one.identifier)).toEqual(['general:read', 'one:read'])
    expect(await permissionsFor(one.identifier, two.identifier)).toEqual(['general:read', 'one:read', 'two:read'])
    expect(await permissionsFor('https://unregistered.example')).toEqual(['general:read'])
    expect(await permissionsFor(`${house.server.issuer}/api/v1`)).toEqual(['general:read', 'users:read'])
    const { id_token, access_token } = await tokenFor(holder, [one.identifier], 'openid')
    expect(payloadOf(access_token)).not.toHaveProperty('permissions')
    expect(payloadOf(id_token)).not.toHaveProperty('permissions')
  })

  it('names all roles, those of the API, or none, as the API wants; of several the strictest', async () => {
    const [all, own, none] = [
      await register(),
      await register({ token_roles: 'own', permissions: [{ name: 'own:read' }] }),
      await register({ token_roles: 'none' }),
    ]
    const holder = await house.person({ roles: [await role('owns', 'own:read'), await role('other')] })
    app = await house.app({ first_party: true, resources: [all, own, none].map((api) => api.identifier) })
    await soon()
    const rolesFor = async (...apis: Api[]): Promise<unknown> =>
      payloadOf(
        (
          await tokenFor(
            holder,
            apis.map((api) => api.identifier),
          )
        ).access_token,
      )['roles']
    expect(await rolesFor(all)).toEqual(['other', 'owns'])
    expect(await rolesFor(own)).toEqual(['owns'])
    expect(await rolesFor(none)).toEqual([])
    expect(await rolesFor(all, own)).toEqual(['owns'])
    expect(await rolesFor(own, none)).toEqual([])
  })

  it('lives as briefly, is as opaque and is signed as its APIs want; what they exclude is invalid_target', async () => {
    const brief = await register({ access_token_ttl_seconds: 60, access_token_signed_response_alg: 'ES256' })
    const opaque = await register({ access_token_format: 'opaque' })
    const other = await register({ access_token_signed_response_alg: 'PS256' })
    app = await house.app({
      first_party: true,
      resources: [brief, opaque, other].map((api) => api.identifier),
      access_token_ttl_seconds: 90,
    })
    await soon()
    const tokens = async (...apis: Api[]) => {
      const all = await tokenFor(person, apis.length > 0 ? apis.map((api) => api.identifier) : undefined)
      return all as typeof all & { expires_in: number }
    }
    const [plain, one, two, both] = [
      await tokens(),
      await tokens(brief),
      await tokens(other),
      await tokens(brief, opaque),
    ]
    expect([plain.expires_in, one.expires_in, two.expires_in, both.expires_in]).toEqual([90, 60, 90, 60])
    expect([plain, one, two].map(({ access_token }) => headerOf(access_token)['alg'])).toEqual([
      'RS256',
      'ES256',
      'PS256',
    ])
    expect(both.access_token).toMatch(/^kw_at_/)
    const resource = [brief.identifier, other.identifier]
    const refused: Reply = await ask(house.server.client(), app, { resource })
    expect(answerOf(refused)).toMatchObject({ error: 'invalid_target', state: 'state of the app' })
    const machine = await make(admin, { type: 'machine', redirect_uris: [], resources: resource })
    const authorization = `Basic ${Buffer.from(`${machine.client_id}:${machine.client_secret ?? ''}`).toString('base64')}`
    const form: [string, string][] = [
      ['grant_type', 'client_credentials'],
      ...resource.map((uri): [string, string] => ['resource', uri]),
    ]
    const answer = await house.server.client().post('/oauth/token', form, { authorization })
    expect([answer.status, answer.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_target' })])
    // Both for refresh and code: what they were granted for may exclude each other only later.
    await admin.call('PATCH', `resources/${opaque.id}`, { access_token_signed_response_alg: 'PS256' })
    await soon()
    const basic = `Basic ${Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')}`
    const refresh = { grant_type: 'refresh_token', refresh_token: both.refresh_token }
    const late = await house.server.client().post('/oauth/token', refresh, { authorization: basic })
    expect([late.status, late.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_target' })])
    const narrower = { ...refresh, resource: brief.identifier }
    expect((await house.server.client().post('/oauth/token', narrower, { authorization: basic })).status).toBe(200)
  })

  it('dies when a permission of its API that a role of it held is deleted', async () => {
    const api = await register({ permissions: [{ name: 'gone:read' }] })
    const holder = await house.person({ roles: [await role('loser', 'gone:read')] })
    app = await house.app({ first_party: true, resources: [api.identifier] })
    await soon()
    const { access_token } = await tokenFor(holder, undefined)
    const alive = async (): Promise<number> =>
      (await house.server.client().get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })).status
    expect(await alive()).toBe(200)
    expect((await admin.call('DELETE', `resources/${api.id}`)).status).toBe(204)
    await expect.poll(alive, { timeout: 2000 }).toBe(401)
  })
})

it('an application of anybody may name an API that was opened', async () => {
  const own = await callerOf(house, person)
  const api = await register()
  const body = { ...shop, resources: [api.identifier] }
  expect(codeOf(await own.call('POST', 'applications', body))).toEqual([403, 'permission_denied'])
  await admin.call('PATCH', `resources/${api.id}`, { open: true })
  expect((await own.call('POST', 'applications', body)).status).toBe(201)
})
