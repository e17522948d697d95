/** Applications over the API: product row 18; whose they are, what is shown, what is asked twice (security rules AD-1 to AD-5). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { type Application, asApp, codeOf, make, read, shop, tokenStatus } from '../support/applications.ts'
import { type House, openHouse, payloadOf, type Person, tokensOf } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'

let house: House
let owner: Person
let own: Caller
let admin: Caller
let stranger: Caller
let strange: Person

beforeAll(async () => {
  house = await openHouse()
  owner = await house.person()
  strange = await house.person()
  ;[own, admin, stranger] = await Promise.all([
    callerOf(house, owner),
    house.person({ roles: ['admin'] }).then(async (person) => await callerOf(house, person)),
    callerOf(house, strange),
  ])
})

describe('an application', () => {
  it('is registered by anybody, with safe defaults; its secret is shown once, and it works', async () => {
    const reply = await own.call('POST', 'applications', shop)
    expect(reply.status, reply.body).toBe(201)
    const made = reply.json<Application>()
    expect(made).toMatchObject({
      id: made.client_id,
      client_id: expect.stringMatching(/^app_[0-9A-Za-z]+$/) as unknown,
      client_secret: expect.stringMatching(/^kw_cs_/) as unknown,
      owner_id: owner.user_id,
      type: 'web',
      status: 'enabled',
      grant_types: ['authorization_code', 'refresh_token'],
      require_pkce: true,
      first_party: false,
      consent: 'remember',
      notes: [],
    })
    expect(reply.headers['location']).toBe(`${house.server.issuer}/api/v1/applications/${made.client_id}`)
    const again = await read(own, made.client_id)
    expect(again.json()).toEqual({ ...made, client_secret: undefined })
    expect(again.headers['etag']).toBe(reply.headers['etag'])
    expect(again.body).not.toContain(made.client_secret)
    const tokens = await tokensOf(house.server.client(), asApp(made), strange)
    expect(payloadOf(tokens.access_token)).toMatchObject({ client_id: made.client_id, sub: strange.user_id })
  })

  it.each([
    ['spa', { token_endpoint_auth_method: 'none', allowed_origins: ['https://app.example'] }],
    ['native', { token_endpoint_auth_method: 'none', allowed_origins: [] }],
    ['machine', { token_endpoint_auth_method: 'client_secret_basic', grant_types: ['client_credentials'], scope: '' }],
  ])('of type %s has the defaults of its kind', async (type, expected) => {
    const made = await make(own, { type, ...(type === 'machine' && { redirect_uris: [] }) })
    expect(made).toMatchObject(expected)
    expect(made.client_secret === undefined).toBe(expected.token_endpoint_auth_method === 'none')
    await admin.call('DELETE', `applications/${made.client_id}`)
  })

  it('of type device says clearly what does not work yet, and a grant that is not there cannot be named', async () => {
    const device = 'urn:ietf:params:oauth:grant-type:device_code'
    const made = await make(own, { type: 'device', redirect_uris: [] })
    const isOn = house.ctx.grantTypes.includes(device)
    expect(made).toMatchObject({ grant_types: isOn ? [device, 'refresh_token'] : ['refresh_token'] })
    expect(JSON.stringify(made['notes']).includes('RFC 8628')).toBe(!isOn)
    const named = await own.call('POST', 'applications', { ...shop, grant_types: [device] })
    expect(named.status).toBe(isOn ? 201 : 400)
  })

  it('is changed in part or as a whole; null takes back, and nothing of it is lost otherwise', async () => {
    const { client_id } = await make(own)
    const change = {
      description: 'Sells things',
      access_token_ttl_seconds: 60,
      id_token_ttl_seconds: 120,
      refresh_idle_seconds: 600,
      refresh_ttl_seconds: 3600,
      refresh_grace_seconds: 5,
      default_max_age: 300,
      default_acr_values: ['aal2'],
      consent: 'always',
      access_token_format: 'opaque',
      id_token_signed_response_alg: 'ES256',
      access_token_signed_response_alg: 'ES256',
      contacts: ['ops@example.com'],
      client_uri: 'https://shop.example/',
      logo_uri: 'https://shop.example/logo.png',
      policy_uri: 'https://shop.example/policy',
      tos_uri: 'https://shop.example/terms',
      post_logout_redirect_uris: ['https://app.example/'],
      allowed_origins: ['https://app.example'],
    }
    const changed = await own.call('PATCH', `applications/${client_id}`, change)
    expect([changed.status, changed.json()]).toEqual([200, expect.objectContaining(change)])
    const less = await own.call('PATCH', `applications/${client_id}`, {
      description: null,
      access_token_ttl_seconds: null,
    })
    expect(less.json()).toMatchObject({ ...change, description: null, access_token_ttl_seconds: null })
    const whole = await own.call('PUT', `applications/${client_id}`, { ...shop, client_name: 'Other' })
    expect(whole.json()).toMatchObject({
      client_name: 'Other',
      consent: 'remember',
      refresh_ttl_seconds: null,
      contacts: [],
      owner_id: owner.user_id,
    })
    expect(codeOf(await own.call('PUT', `applications/${client_id}`, { client_name: 'x' }))).toEqual([
      400,
      'invalid_request',
    ])
    expect(codeOf(await own.call('PATCH', `applications/${client_id}`, { status: 'disabled' }))).toEqual([
      400,
      'invalid_request',
    ])
  })

  it('that becomes confidential gets its first secret; one that becomes public loses all', async () => {
    const { client_id } = await make(own, { type: 'spa' })
    const changed = await own.call('PATCH', `applications/${client_id}`, {
      token_endpoint_auth_method: 'client_secret_basic',
    })
    const { client_secret } = changed.json<Application>()
    expect(client_secret).toMatch(/^kw_cs_/)
    expect(await tokenStatus(house, { client_id, client_secret: client_secret ?? '' })).toBe(400)
    await own.call('PATCH', `applications/${client_id}`, { token_endpoint_auth_method: 'none' })
    const secrets = await own.call('GET', `applications/${client_id}/secrets`)
    expect(secrets.json()).toEqual({ secrets: [] })
    expect(codeOf(await own.call('POST', `applications/${client_id}/regenerate-secret`))).toEqual([
      400,
      'invalid_request',
    ])
    await own.call('DELETE', `applications/${client_id}`)
  })

  it('RFC 9110 §13.1.1: If-Match of another state changes nothing, GET knows If-None-Match', async () => {
    const { client_id } = await make(admin)
    const etag = (await read(admin, client_id)).headers['etag'] ?? ''
    expect((await admin.call('GET', `applications/${client_id}`, undefined, { 'if-none-match': etag })).status).toBe(
      304,
    )
    const path = `applications/${client_id}`
    expect((await admin.call('PATCH', path, { description: 'one' }, { 'if-match': etag })).status).toBe(200)
    for (const [method, sub, json] of [
      ['PATCH', '', { description: 'two' }],
      ['PUT', '', shop],
      ['DELETE', '', undefined],
      ['POST', '/disable', undefined],
      ['POST', '/regenerate-secret', undefined],
    ] as const)
      expect(codeOf(await admin.call(method, `${path}${sub}`, json, { 'if-match': etag }))).toEqual([
        412,
        'precondition_failed',
      ])
    expect((await read(admin, client_id)).json()).toMatchObject({ description: 'one', status: 'enabled' })
  })

  it('made twice with one Idempotency-Key is made once, and the secret is in both answers', async () => {
    const headers = { 'idempotency-key': 'once and only once'.replaceAll(' ', '-') }
    const [first, second] = [
      await admin.call('POST', 'applications', shop, headers),
      await admin.call('POST', 'applications', shop, headers),
    ]
    expect(second.json()).toEqual(first.json())
    expect([second.status, second.headers['idempotency-replayed']]).toEqual([201, 'true'])
  })
})

describe('lists', () => {
  it('show one’s own, page by page and filtered; all to who may read all', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const ids: string[] = []
    for (const type of ['web', 'spa', 'web'])
      ids.push((await make(caller, { type, client_name: `${type} of ${person.name}` })).client_id)
    type Page = { applications: Application[]; next: string | null }
    const page = (await caller.call('GET', 'applications?limit=2')).json<Page>()
    const rest = (
      await caller.call('GET', `applications?limit=2&cursor=${encodeURIComponent(page.next ?? '')}`)
    ).json<Page>()
    expect([...page.applications, ...rest.applications].map((one) => one.client_id)).toEqual(ids.toReversed())
    expect(rest.next).toBeNull()
    const spas = (await caller.call('GET', 'applications?type=spa')).json<Page>()
    expect(spas.applications.map((one) => one.client_id)).toEqual([ids[1]])
    const all = (await admin.call('GET', 'applications?limit=200')).json<Page>()
    expect(all.applications.map((one) => one.client_id)).toEqual(expect.arrayContaining(ids))
    const theirs = (await admin.call('GET', `applications?owner_id=${person.user_id}`)).json<Page>()
    expect(theirs.applications).toHaveLength(3)
    expect(codeOf(await caller.call('GET', `applications?owner_id=${owner.user_id}`))).toEqual([
      403,
      'permission_denied',
    ])
    expect((await caller.call('GET', 'applications?nonsense=1')).status).toBe(400)
    // AD-5: a cursor belongs to its question.
    expect(
      (await caller.call('GET', `applications?type=web&cursor=${encodeURIComponent(page.next ?? '')}`)).status,
    ).toBe(400)
  })
})

describe('AD-1: somebody else’s application', () => {
  it('is not there: each address answers 404, and nothing changes', async () => {
    const made = await make(own)
    const path = `applications/${made.client_id}`
    const before = (await read(own, made.client_id)).body
    const calls: [Parameters<Caller['call']>[0], string, unknown?][] = [
      ['GET', path],
      ['PUT', path, shop],
      ['PATCH', path, { client_name: 'Mine' }],
      ['DELETE', path],
      ['POST', `${path}/disable`],
      ['POST', `${path}/enable`],
      ['POST', `${path}/regenerate-secret`],
      ['GET', `${path}/secrets`],
      ['DELETE', `${path}/secrets/00000000-0000-4000-8000-000000000000`],
      ['GET', `${path}/owners`],
      ['POST', `${path}/owners/${strange.user_id}`],
      ['DELETE', `${path}/owners/${owner.user_id}`],
      ['POST', `${path}/transfer`, { user_id: strange.user_id }],
    ]
    const answers = await Promise.all(
      calls.map(async ([method, where, json]) => [method, where, (await stranger.call(method, where, json)).status]),
    )
    expect(answers).toEqual(calls.map(([method, where]) => [method, where, 404]))
    expect((await read(own, made.client_id)).body).toBe(before)
    // An id that nobody has answers the same, word for word.
    const [theirs, none] = [await read(stranger, made.client_id), await read(stranger, 'app_nobody')]
    const said = (reply: Reply) => reply.json<{ code: string; title: string }>()
    expect([said(theirs).code, said(theirs).title]).toEqual([said(none).code, said(none).title])
    const nobody = await house.server.client().get(`/api/v1/${path}`)
    expect(nobody.status).toBe(401)
  })

  it('is everybody’s who holds applications:read to see, applications:write to change', async () => {
    const made = await make(own)
    expect((await read(admin, made.client_id)).status).toBe(200)
    const renamed = await admin.call('PATCH', `applications/${made.client_id}`, {
      client_name: 'Renamed',
      first_party: true,
    })
    expect(renamed.json()).toMatchObject({ client_name: 'Renamed', first_party: true, owner_id: owner.user_id })
    await house.sql`insert into roles (name) values ('viewer-of-apps')`
    await house.sql`
      insert into role_permissions (role_id, permission_id)
      select r.id, p.id from roles r, permissions p where r.name = 'viewer-of-apps' and p.name = 'applications:read'`
    const viewer = await callerOf(house, await house.person({ roles: ['viewer-of-apps'] }))
    expect((await read(viewer, made.client_id)).status).toBe(200)
    // Changing needs the other one: to this person it is not theirs.
    expect((await viewer.call('PATCH', `applications/${made.client_id}`, { client_name: 'x' })).status).toBe(404)
  })
})
