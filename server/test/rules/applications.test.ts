/** What an owner may give an application, and who has a hand in one that may do more than they (security rules RG-1, RG-2, AD-2). */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { codeOf, make, read, shop, tokenStatus } from '../support/applications.ts'
import { type House, openHouse, payloadOf, type Person } from '../support/flow.ts'
import { startServer } from '../support/server.ts'

let house: House
let owner: Person
let own: Caller
let admin: Caller
/** Holds applications:read and applications:write, and nothing else. */
let keeper: Caller
let api: string

/** A role with some permissions. */
const role = async (name: string, ...permissions: string[]): Promise<string> => {
  await house.sql`insert into roles (name) values (${name})`
  await house.sql`
    insert into role_permissions (role_id, permission_id)
    select r.id, p.id from roles r, permissions p where r.name = ${name} and p.name = any (${permissions})`
  return name
}

/** A service account with some roles. */
const serviceAccount = async (...roles: string[]): Promise<string> => {
  const id = randomUUID()
  await house.sql`insert into users (id, kind, username) values (${id}, 'service', ${`svc-${id.slice(0, 8)}`})`
  await house.sql`insert into user_roles (user_id, role_id) select ${id}, id from roles where name = any (${roles})`
  return id
}

const machine = (more: object) => ({ client_name: 'Job', type: 'machine', redirect_uris: [], ...more })

beforeAll(async () => {
  house = await openHouse()
  api = `${house.server.issuer}/api/v1`
  owner = await house.person()
  await role('keeper', 'applications:read', 'applications:write', 'service-accounts:write')
  await role('reader', 'users:read')
  own = await callerOf(house, owner)
  admin = await callerOf(house, await house.person({ roles: ['admin'] }))
  keeper = await callerOf(house, await house.person({ roles: ['keeper'] }))
  await house.sql`
    insert into resource_servers (identifier, name, open) values ('https://open.example', 'Open', true), ('https://closed.example', 'Closed', false)`
  await house.sql`
    insert into resource_servers (identifier, name, owner_id) values ('https://mine.example', 'Mine', ${owner.user_id})`
  await house.sql`
    insert into permissions (name, resource, action, resource_server_id)
    select 'tickets:' || s.word, 'tickets', s.word, r.id from resource_servers r
    join (values ('https://open.example', 'open'), ('https://closed.example', 'closed'), ('https://mine.example', 'mine')) s (uri, word) on s.uri = r.identifier`
  await new Promise((resolve) => setTimeout(resolve, 1100))
})

describe('RG-1: only applications:write gives', () => {
  const privileged: [string, () => object][] = [
    ['first_party', () => ({ first_party: true })],
    ['managed_name', () => ({ managed_name: 'shop' })],
    ['claim_mapping', () => ({ claim_mapping: [{ from: 'user.email', to: 'email', into: 'id_token' }] })],
    ['scope', () => ({ scope: 'openid admin' })],
    ['scope', () => ({ scope: 'openid account' })],
    ['scope', () => ({ scope: 'openid tickets:closed' })],
    ['resources', () => ({ resources: [api] })],
    ['resources', () => ({ resources: ['https://closed.example'] })],
    ['resources', () => ({ resources: ['https://nobody.example'] })],
    ['audiences', () => ({ audiences: ['https://open.example'] })],
    ['audiences', () => ({ audiences: [api] })],
  ]
  it.each(privileged)('%s (%#), neither at creation nor later, in part or as a whole', async (member, more) => {
    const refused = await own.call('POST', 'applications', { ...shop, ...more() })
    expect(codeOf(refused)).toEqual([403, 'permission_denied'])
    expect(refused.body).toContain(member)
    const made = await make(own)
    for (const [method, body] of [
      ['PATCH', more()],
      ['PUT', { ...shop, ...more() }],
    ] as const)
      expect(codeOf(await own.call(method, `applications/${made.client_id}`, body))).toEqual([403, 'permission_denied'])
    expect((await admin.call('PATCH', `applications/${made.client_id}`, more())).status).toBe(200)
    expect((await own.call('DELETE', `applications/${made.client_id}`)).status).toBe(204)
  })

  it('a service account', async () => {
    const body = machine({ service_account_id: await serviceAccount() })
    expect(codeOf(await own.call('POST', 'applications', body))).toEqual([403, 'permission_denied'])
    const made = await admin.call('POST', 'applications', body)
    expect(made.status).toBe(201)
    // Somebody's own account is none, and neither is nobody's.
    for (const id of [owner.user_id, 'nobody'])
      expect(codeOf(await admin.call('POST', 'applications', machine({ service_account_id: id })))).toEqual([
        400,
        'invalid_client_metadata',
      ])
  })

  it('APIs that are open to everybody or one’s own are for every owner', async () => {
    const made = await make(own, {
      resources: ['https://open.example', 'https://mine.example'],
      audiences: ['https://mine.example'],
      scope: 'openid profile tickets:open tickets:mine',
    })
    expect(made).toMatchObject({ audiences: ['https://mine.example'] })
  })

  it('what an administrator gave may stay when its owner changes the rest', async () => {
    const made = await make(own)
    const path = `applications/${made.client_id}`
    await admin.call('PATCH', path, { scope: 'openid read', resources: ['https://closed.example'] })
    const changed = await own.call('PATCH', path, { redirect_uris: ['https://app.example/other'] })
    expect(changed.json()).toMatchObject({ scope: 'openid read', resources: ['https://closed.example'] })
    expect((await own.call('PATCH', path, { scope: 'openid read admin' })).status).toBe(403)
  })
})

describe('AD-2: client edit', () => {
  it('a trusted application cannot be led elsewhere by its owner', async () => {
    const made = await make(own)
    const path = `applications/${made.client_id}`
    await admin.call('PATCH', path, { first_party: true })
    for (const change of [
      { redirect_uris: ['https://elsewhere.example/cb'] },
      { allowed_origins: ['https://elsewhere.example'] },
      { token_endpoint_auth_method: 'none' },
      { type: 'native' },
    ])
      expect(codeOf(await own.call('PATCH', path, change))).toEqual([403, 'permission_denied'])
    expect((await own.call('PATCH', path, { description: 'Words may change' })).status).toBe(200)
    expect((await own.call('PATCH', path, { first_party: false })).status).toBe(200)
    expect((await own.call('PATCH', path, { redirect_uris: ['https://elsewhere.example/cb'] })).status).toBe(200)
  })

  it('a client of a service account is made, changed and given a secret by those only who hold as much', async () => {
    const account = await serviceAccount('reader')
    const body = machine({ service_account_id: account, scope: 'roles' })
    expect(codeOf(await keeper.call('POST', 'applications', body))).toEqual([403, 'beyond_ceiling'])
    const made = await make(admin, body)
    const path = `applications/${made.client_id}`
    for (const [method, sub, json] of [
      ['POST', '/regenerate-secret', undefined],
      ['DELETE', '/secrets/00000000-0000-4000-8000-000000000000', undefined],
      ['PATCH', '', { scope: '' }],
      ['PATCH', '', { service_account_id: null }],
      ['PUT', '', machine({ scope: '' })],
    ] as const)
      expect([method, sub, ...codeOf(await keeper.call(method, `${path}${sub}`, json))]).toEqual([
        method,
        sub,
        403,
        'beyond_ceiling',
      ])
    expect((await keeper.call('PATCH', path, { description: 'Words may change' })).status).toBe(200)
    // Its owner has no way round: whoever has the secret has what the account holds.
    const { user_id } = owner
    expect((await admin.call('POST', `${path}/transfer`, { user_id })).status).toBe(200)
    expect(codeOf(await own.call('POST', `${path}/regenerate-secret`))).toEqual([403, 'beyond_ceiling'])
    expect((await admin.call('POST', `${path}/regenerate-secret`, { overlap_seconds: 0 })).status).toBe(201)
    expect(await tokenStatus(house, made)).toBe(401)
  })

  it('an application that administers for whoever signs in, unasked, is for those only who may do everything', async () => {
    const body = { ...shop, first_party: true, scope: 'openid admin', resources: [api] }
    expect(codeOf(await keeper.call('POST', 'applications', body))).toEqual([403, 'beyond_ceiling'])
    const made = await make(admin, body)
    const path = `applications/${made.client_id}`
    const elsewhere = { redirect_uris: ['https://elsewhere.example/cb'] }
    expect(codeOf(await keeper.call('PATCH', path, elsewhere))).toEqual([403, 'beyond_ceiling'])
    expect((await admin.call('PATCH', path, elsewhere)).status).toBe(200)
    // Nor does it become one in two steps.
    const innocent = await make(keeper, { first_party: true, scope: 'openid admin' })
    const second = await keeper.call('PATCH', `applications/${innocent.client_id}`, { resources: [api] })
    expect(codeOf(second)).toEqual([403, 'beyond_ceiling'])
    expect((await read(keeper, innocent.client_id)).json()).toMatchObject({ resources: [] })
  })
})

describe('a client of a service account', () => {
  const tokenOf = async (made: { client_id: string; client_secret?: string }, form: Record<string, string> = {}) => {
    const authorization = `Basic ${Buffer.from(`${made.client_id}:${made.client_secret ?? ''}`).toString('base64')}`
    const client = house.server.client()
    return await client.post('/oauth/token', { grant_type: 'client_credentials', ...form }, { authorization })
  }

  it('has its roles in tokens, and the permissions of the API they are for; the JSON API knows it by them', async () => {
    const account = await serviceAccount('reader')
    const made = await make(admin, machine({ service_account_id: account, scope: 'roles', resources: [api] }))
    const plain = (await tokenOf(made)).json<{ access_token: string; scope: string }>()
    expect(plain.scope).toBe('roles')
    expect(payloadOf(plain.access_token)).toMatchObject({ sub: made.client_id, roles: ['reader'], permissions: [] })
    const meant = (await tokenOf(made, { resource: api })).json<{ access_token: string }>()
    expect(payloadOf(meant.access_token)).toMatchObject({ roles: ['reader'], permissions: ['users:read'] })
    const headers = { authorization: `Bearer ${meant.access_token}` }
    expect((await house.server.client().get('/api/v1/users?limit=1', headers)).status).toBe(200)
    expect((await house.server.client().get('/api/v1/applications?limit=1', headers)).status).toBe(200)
    const without = (await tokenOf(await make(admin, machine({ scope: 'roles' })))).json<{ access_token: string }>()
    expect(payloadOf(without.access_token)).not.toHaveProperty('roles')
  })

  it('G-3: is refused with its account, and its tokens die with it', async () => {
    const account = await serviceAccount('reader')
    const made = await make(admin, machine({ service_account_id: account, scope: 'roles', resources: [api] }))
    const { access_token } = (await tokenOf(made, { resource: api })).json<{ access_token: string }>()
    await house.sql`update users set status = 'disabled' where id = ${account}`
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect((await tokenOf(made)).json()).toMatchObject({ error: 'invalid_grant' })
    const headers = { authorization: `Bearer ${access_token}` }
    expect((await house.server.client().get('/api/v1/users?limit=1', headers)).status).toBe(401)
  })

  it('its tokens die when it is tied to it no more', async () => {
    const account = await serviceAccount('reader')
    const made = await make(admin, machine({ service_account_id: account, scope: 'roles', resources: [api] }))
    const { access_token } = (await tokenOf(made, { resource: api })).json<{ access_token: string }>()
    const freed = await admin.call('PATCH', `applications/${made.client_id}`, { service_account_id: null })
    expect(freed.status, freed.body).toBe(200)
    const authorization = `Basic ${Buffer.from(`${made.client_id}:${made.client_secret ?? ''}`).toString('base64')}`
    const seen = await house.server.client().post('/oauth/introspect', { token: access_token }, { authorization })
    expect(seen.json()).toEqual({ active: false })
  })
})

describe('how many, and who', () => {
  it('KEYWRIGHT_APPLICATIONS_PER_PERSON: no more than that, also at the same moment; administrators are not counted', async () => {
    const server = await startServer({ env: { KEYWRIGHT_APPLICATIONS_PER_PERSON: '2' } })
    const small = { ...house, server }
    const caller = await callerOf(small, await house.person())
    const made = await Promise.all(
      Array.from({ length: 4 }, async () => (await caller.call('POST', 'applications', shop)).status),
    )
    expect(made.toSorted((one, other) => one - other)).toEqual([201, 201, 409, 409])
    expect(codeOf(await caller.call('POST', 'applications', shop))).toEqual([409, 'too_many_applications'])
  })

  it('KEYWRIGHT_APPLICATIONS=permitted: those only who hold applications:write', async () => {
    const server = await startServer({ env: { KEYWRIGHT_APPLICATIONS: 'permitted' } })
    const closed = { ...house, server }
    const person = await house.person()
    expect(codeOf(await (await callerOf(closed, person)).call('POST', 'applications', shop))).toEqual([
      403,
      'permission_denied',
    ])
    const permitted = await callerOf(closed, await house.person({ roles: ['keeper'] }))
    expect((await permitted.call('POST', 'applications', shop)).status).toBe(201)
  })
})

it('RG-2: what is wrong with an address is said, and nothing is stored', async () => {
  const made = await make(own)
  const bad = [
    'https://app.example/#x',
    ['javascript', 'alert(1)'].join(':'),
    'https://a@app.example/',
    'http://app.example/',
  ]
  for (const uri of bad) {
    expect(codeOf(await own.call('PATCH', `applications/${made.client_id}`, { redirect_uris: [uri] }))).toEqual([
      400,
      'invalid_redirect_uri',
    ])
    expect(codeOf(await own.call('PATCH', `applications/${made.client_id}`, { logo_uri: uri }))).toEqual([
      400,
      'invalid_client_metadata',
    ])
  }
  expect((await read(own, made.client_id)).json()).toMatchObject({ redirect_uris: shop.redirect_uris, logo_uri: null })
})
