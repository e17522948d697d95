/** Service accounts: they act by keys and applications, and nobody ever signs in as one (product row 19, security rules AD-2, G-3). */
import { beforeAll, describe, expect, it } from 'vitest'
import { httpClient } from '../support/http.ts'
import { type Caller, callerOf } from '../support/api.ts'
import { type House, openHouse } from '../support/flow.ts'
import { codeOf, idOf, type Rights, rightsOf } from '../support/rights.ts'
import { cli } from '../support/server.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let rights: Rights
let caller: Caller
let made = 0

beforeAll(async () => {
  house = await openHouse()
  rights = await rightsOf(house)
  caller = rights.caller
})

const service = async (): Promise<string> => {
  made += 1
  return idOf(await caller.call('POST', 'service-accounts', { username: `robot-${made}`, description: 'Moves boxes' }))
}

describe('service accounts', () => {
  it('are made, listed, read, changed, switched off and on, and deleted', async () => {
    const id = await service()
    const shown = await caller.call('GET', `service-accounts/${id}`)
    expect(shown.json()).toMatchObject({
      username: `robot-${made}`,
      description: 'Moves boxes',
      status: 'active',
      client_ids: [],
    })
    const changed = await caller.call(
      'PATCH',
      `service-accounts/${id}`,
      { name: 'Robot' },
      { 'if-match': String(shown.headers.etag) },
    )
    expect(changed.json()).toMatchObject({ name: 'Robot' })
    const late = await caller.call(
      'PATCH',
      `service-accounts/${id}`,
      { name: 'x' },
      { 'if-match': String(shown.headers.etag) },
    )
    expect(codeOf(late)).toEqual([412, 'precondition_failed'])
    expect((await caller.call('POST', `service-accounts/${id}/disable`)).json()).toMatchObject({ status: 'disabled' })
    expect((await caller.call('POST', `service-accounts/${id}/enable`)).json()).toMatchObject({ status: 'active' })
    const list = await caller.call('GET', `service-accounts?q=robot-${made}`)
    expect(list.json<{ service_accounts: { id: string }[] }>().service_accounts.map((one) => one.id)).toEqual([id])
    expect((await caller.call('DELETE', `service-accounts/${id}`)).status).toBe(204)
    expect((await caller.call('GET', `service-accounts/${id}`)).status).toBe(404)
    const types = (await eventsOf(house.sql, { user_id: id })).map(({ type }) => type)
    expect(types).toContain('user.erased')
  })

  it('have names of their own, and no address', async () => {
    const name = `taken-${made}`
    expect((await caller.call('POST', 'service-accounts', { username: name })).status).toBe(201)
    expect(codeOf(await caller.call('POST', 'service-accounts', { username: name.toUpperCase() }))).toEqual([
      409,
      'already_exists',
    ])
    expect(codeOf(await caller.call('POST', 'service-accounts', { username: 'a@b' }))).toEqual([
      422,
      'invalid_username',
    ])
    expect((await caller.call('POST', 'service-accounts', { username: 'x', email: 'x@example.com' })).status).toBe(400)
  })

  it('AD-1: 401 for nobody, 403 without the permission; people are none', async () => {
    const id = await service()
    const { caller: reader } = await rights.somebody('service-accounts:read', 'users:write', 'users:read')
    expect((await httpClient(house.server.issuer).get('/api/v1/service-accounts')).status).toBe(401)
    expect((await reader.call('GET', 'service-accounts')).status).toBe(200)
    for (const [method, path] of [
      ['POST', ''],
      ['PATCH', `/${id}`],
      ['POST', `/${id}/disable`],
      ['POST', `/${id}/enable`],
      ['DELETE', `/${id}`],
    ] as const)
      expect(
        codeOf(
          await reader.call(
            method,
            `service-accounts${path}`,
            method === 'DELETE' || path.includes('able') ? undefined : { username: 'y' },
          ),
        ),
      ).toEqual([403, 'permission_denied'])
    for (const path of ['', '/disable', '/enable'])
      expect(
        (await caller.call(path === '' ? 'GET' : 'POST', `service-accounts/${rights.admin.user_id}${path}`)).status,
      ).toBe(404)
    expect((await caller.call('DELETE', `service-accounts/${rights.admin.user_id}`)).status).toBe(404)
  })

  it('AD-2: nobody changes one that holds more than they do', async () => {
    const id = await service()
    await rights.give(id, await rights.role(`strong-${made}`, 'keys:write'))
    const { caller: weak } = await rights.somebody('service-accounts:write', 'roles:assign')
    for (const [method, path, body] of [
      ['PATCH', '', { name: 'x' }],
      ['POST', '/disable', undefined],
      ['DELETE', '', undefined],
    ] as const)
      expect(codeOf(await weak.call(method, `service-accounts/${id}${path}`, body))).toEqual([403, 'beyond_ceiling'])
  })

  it('are not among people unless they are asked for', async () => {
    const id = await service()
    const idsOf = async (query: string): Promise<string[]> =>
      (await caller.call('GET', `users?limit=200${query}`))
        .json<{ users: { id: string }[] }>()
        .users.map((user) => user.id)
    expect(await idsOf('')).not.toContain(id)
    expect(await idsOf(`&q=robot-${made}`)).toEqual([])
    expect(await idsOf(`&q=robot-${made}&kind=service`)).toEqual([id])
    expect(await idsOf('&kind=all')).toContain(id)
    expect(await idsOf('&kind=service')).not.toContain(rights.admin.user_id)
    expect((await caller.call('GET', 'users?kind=robot')).status).toBe(400)
    const { users } = (await cli(['user', 'list', '--limit', '1000', '--json'], { env: house.server.env })).json as {
      users: { id: string }[]
    }
    expect(users.map((user) => user.id)).not.toContain(id)
  })
})

describe('nobody signs in as one', () => {
  it('nothing that only people have is given to it', async () => {
    const id = await service()
    const acting = await callerOf(house, await house.person({ roles: ['admin'] }))
    for (const [method, path, body] of [
      ['POST', '/impersonate', { reason: 'ticket 4711' }],
      ['POST', '/send-reset', undefined],
      ['POST', '/reset-factors', undefined],
      ['POST', '/require-action', { actions: ['change_password'] }],
      ['PATCH', '', { email: 'robot@example.com' }],
      ['POST', '/disable', undefined],
      ['DELETE', '', undefined],
    ] as const)
      expect([path, ...codeOf(await acting.call(method, `users/${id}${path}`, body))]).toEqual([
        path,
        409,
        'service_account',
      ])
    const { env } = house.server
    const set = await cli(['user', 'set-password', id, '--password-stdin'], { env, input: 'four calm green boats' })
    expect([set.code, set.stderr]).toEqual([
      1,
      'keywright: This is a service account. It has its own addresses and commands.\n',
    ])
    const [row] = await house.sql<{ status: string; kinds: string[]; email: string | null }[]>`
      select status, factor_kinds_of(id) as kinds, email from users where id = ${id}`
    expect(row).toEqual({ status: 'active', kinds: [], email: null })
  })

  it.each([
    ['password_credentials', "(user_id, password_hash, changed_at) values ($1, 'x', now())"],
    [
      'sessions',
      "(id, token_hash, browser_id, user_id, auth_time, amr, acr, created_at, last_seen_at, idle_expires_at, expires_at) values (gen_random_uuid(), '\\x00', gen_random_uuid(), $1, now(), '{pwd}', 'aal1', now(), now(), now(), now())",
    ],
  ])('the database itself refuses a row of %s', async (table, values) => {
    const id = await service()
    await expect(house.sql.unsafe(`insert into ${table} ${values}`, [id])).rejects.toThrow(
      'a service account has no sessions and no credentials',
    )
  })

  it('a session is refused where it would begin', async () => {
    const id = await service()
    const { startSession } = await import('../../src/sessions/start.ts')
    const signIn = {
      user_id: id,
      amr: ['pwd'],
      acr: 'aal1',
      device_trusted: false,
      steps_up: false,
      ip: '127.0.0.1',
      user_agent: undefined,
      now: new Date(),
    }
    const browser = {
      browser: 'x',
      isNew: true,
      device: undefined,
      session: undefined,
      token_hash: undefined,
      subject: undefined,
    }
    const begun = await house.sql.begin(async (tx) => await startSession(house.ctx, tx, { browser, signIn }))
    expect(begun).toMatchObject({ denied: true, error: 'service_account' })
  })
})

describe('what acts by one ends with its rights', () => {
  /** An API key and the token of an application, both of one account with a role. */
  const acting = async () => {
    const id = await service()
    const role = await rights.role(`acting-${made}`, 'users:read')
    await rights.give(id, role)
    const wish = { name: 'key', role_ids: [role] }
    const key = (await caller.call('POST', `service-accounts/${id}/api-keys`, wish)).json<{ key: string }>().key
    const app = await house.app({ type: 'machine', scope: 'roles', resources: [`${house.server.issuer}/api/v1`] })
    await house.sql`update clients set service_account_id = ${id} where client_id = ${app.client_id}`
    return { id, role, key, app }
  }
  type Acting = Awaited<ReturnType<typeof acting>>

  const tokenOf = async ({ app }: Acting): Promise<{ access_token?: string }> => {
    const form = { grant_type: 'client_credentials', scope: 'roles', resource: `${house.server.issuer}/api/v1` }
    const authorization = `Basic ${Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')}`
    return (await house.server.client().post('/oauth/token', form, { authorization })).json()
  }
  const statusOf = async (headers: Record<string, string>): Promise<number> =>
    (await house.server.client().get('/api/v1/users?limit=1', headers)).status
  const statuses = async (key: string, token: string): Promise<number[]> => [
    await statusOf({ 'x-api-key': key }),
    await statusOf({ authorization: `Bearer ${token}` }),
  ]

  it.each([
    ['its role is taken', ({ id, role }) => ['DELETE', `users/${id}/roles/${role}`], [403, 401]],
    ['it is switched off', ({ id }) => ['POST', `service-accounts/${id}/disable`], [401, 401]],
    ['it is deleted', ({ id }) => ['DELETE', `service-accounts/${id}`], [401, 401]],
  ] as [string, (one: Acting) => ['POST' | 'DELETE', string], number[]][])('%s', async (_, end, expected) => {
    const one = await acting()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const { access_token = '' } = await tokenOf(one)
    expect(await statuses(one.key, access_token)).toEqual([200, 200])
    expect([200, 204]).toContain((await caller.call(...end(one))).status)
    await expect.poll(async () => await statuses(one.key, access_token), { timeout: 2000 }).toEqual(expected)
  })
})
