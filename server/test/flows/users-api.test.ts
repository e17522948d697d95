/** Administrators and the accounts of others: product rows 14 and 19, security rules AD-1 to AD-5 (security.md 1.6). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf, callerWith } from '../support/api.ts'
import { authenticatorOf } from '../support/factors.ts'
import { type App, type House, openHouse, type Person, signIn, tokensOf } from '../support/flow.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let admin: Person
let caller: Caller
/** Somebody who may see and change people, and nothing else. */
let helper: Person

beforeAll(async () => {
  house = await openHouse()
  admin = await house.person({ roles: ['admin'] })
  caller = await callerOf(house, admin)
  await house.sql`insert into roles (name) values ('helper')`
  await house.sql`
    insert into role_permissions (role_id, permission_id)
    select r.id, p.id from roles r, permissions p where r.name = 'helper' and p.name in ('users:read', 'users:write')`
  helper = await house.person({ roles: ['helper'] })
})

type User = { id: string; email: string; status: string; [member: string]: unknown }
const userOf = (reply: { json: <T>() => T }): User => reply.json<{ user: User }>().user
const listOf = (reply: { json: <T>() => T }) => reply.json<{ users: User[]; next: string | null }>()

describe('AD-1: who may call', () => {
  it('nobody: 401; a person without the permission: 403; with it: 200', async () => {
    expect((await house.server.client().get('/api/v1/users')).status).toBe(401)
    const plain = await callerOf(house, await house.person())
    const refused = await plain.call('GET', 'users')
    expect(refused.status).toBe(403)
    expect(refused.json()).toMatchObject({ code: 'permission_denied' })
    expect((await caller.call('GET', 'users')).status).toBe(200)
  })

  it('AD-4: a cookie without the CSRF token, or from another origin, changes nothing', async () => {
    const target = await house.person()
    const path = `/api/v1/users/${target.user_id}/disable`
    const own = { origin: house.server.issuer }
    for (const headers of [own, { ...own, 'x-csrf-token': 'x' }, { origin: 'https://evil.example' }, {}]) {
      expect((await caller.client.request(path, { method: 'POST', headers })).status).toBe(403)
    }
    expect(userOf(await caller.call('GET', `users/${target.user_id}`)).status).toBe('active')
  })

  it('RFC 6750 §3.1: an application needs the scope admin, and its person the permission', async () => {
    const api = `${house.server.issuer}/api/v1`
    const app: App = await house.app({ first_party: true, resources: [api], scope: 'openid account admin' })
    const statusWith = async (person: Person, scope: string): Promise<number> => {
      const { access_token } = await tokensOf(house.server.client(), app, person, { scope, resource: api })
      return (await house.server.client().get('/api/v1/users', { authorization: `Bearer ${access_token}` })).status
    }
    expect(await statusWith(admin, 'openid admin')).toBe(200)
    expect(await statusWith(admin, 'openid account')).toBe(403)
    expect(await statusWith(await house.person(), 'openid admin')).toBe(403)
  })
})

describe('accounts', () => {
  it('are created, read, changed and deleted, and no answer holds a secret', async () => {
    const email = 'grace.hopper@example.com'
    const made = await caller.call('POST', 'users', { email, name: 'Grace Hopper', roles: ['user'] })
    expect(made.status, made.body).toBe(201)
    const { id } = userOf(made)
    expect(made.headers['location']).toBe(`${house.server.issuer}/api/v1/users/${id}`)
    const changed = await caller.call('PATCH', `users/${id}`, { name: 'Rear Admiral Hopper', email_verified: true })
    expect(userOf(changed)).toMatchObject({ name: 'Rear Admiral Hopper', email_verified: true, roles: ['user'] })
    expect(changed.body).not.toMatch(/hash|argon2|secret/)
    expect((await caller.call('DELETE', `users/${id}`)).status).toBe(204)
    expect((await caller.call('GET', `users/${id}`)).status).toBe(404)
  })

  it.each([
    ['an unknown member', { email: 'x@example.com', status: 'active' }, 400, 'invalid_request'],
    ['a bad address', { email: 'not an address' }, 422, 'invalid_email'],
    ['an unknown role', { email: 'y@example.com', roles: ['nobody knows'] }, 422, 'unknown_role'],
    ['AD-6: a password', { email: 'z@example.com', password: 'chosen by somebody else' }, 400, 'invalid_request'],
    ['nothing', {}, 422, 'missing_identifier'],
  ])('%s is refused', async (_, body, status, code) => {
    const reply = await caller.call('POST', 'users', body)
    expect([reply.status, reply.json<{ code: string }>().code]).toEqual([status, code])
  })

  it('a taken address is refused', async () => {
    const reply = await caller.call('POST', 'users', { email: helper.email.toUpperCase() })
    expect([reply.status, reply.json<{ code: string }>().code]).toEqual([422, 'already_exists'])
  })

  it('disable, enable, lock, unlock: the state, the sessions and the event with who did it', async () => {
    const target = await house.person()
    const client = house.server.client()
    for (const [shut, opened, status] of [
      ['disable', 'enable', 'disabled'],
      ['lock', 'unlock', 'locked'],
    ] as const) {
      await signIn(client, target)
      expect(userOf(await caller.call('POST', `users/${target.user_id}/${shut}`)).status).toBe(status)
      expect((await client.get('/account')).location?.pathname).toBe('/login')
      expect(userOf(await caller.call('POST', `users/${target.user_id}/${opened}`)).status).toBe('active')
    }
    const events = (await eventsOf(house.sql, { user_id: target.user_id })).filter(
      ({ type }) => type === 'user.disabled',
    )
    expect(events.map(({ data }) => data)).toEqual([
      { status: 'disabled', by: admin.user_id },
      { status: 'locked', by: admin.user_id },
    ])
  })

  it('end-sessions signs out everywhere; reset-factors takes every second step', async () => {
    const target = await house.person()
    const client = house.server.client()
    await signIn(client, target)
    await authenticatorOf(house.ctx, target.user_id)
    expect(userOf(await caller.call('GET', `users/${target.user_id}`))['factors']).toEqual(['totp', 'password'])
    expect((await caller.call('POST', `users/${target.user_id}/end-sessions`)).status).toBe(200)
    expect((await client.get('/account')).location?.pathname).toBe('/login')
    const reset = await caller.call('POST', `users/${target.user_id}/reset-factors`)
    expect(userOf(reset)['factors']).toEqual(['password'])
  })

  it('require-action is kept, and only what is known', async () => {
    const target = await house.person()
    const path = `users/${target.user_id}/require-action`
    expect(userOf(await caller.call('POST', path, { actions: ['change_password'] }))['required_actions']).toEqual([
      'change_password',
    ])
    expect((await caller.call('POST', path, { actions: ['stand on one leg'] })).status).toBe(400)
    expect(userOf(await caller.call('POST', path, { actions: [] }))['required_actions']).toEqual([])
  })
})

describe('AD-2: the ceiling', () => {
  it('nobody acts on somebody with further rights, or gives rights they do not hold', async () => {
    const limited = await callerOf(house, helper)
    for (const action of ['disable', 'lock', 'end-sessions', 'reset-factors']) {
      const reply = await limited.call('POST', `users/${admin.user_id}/${action}`)
      expect([action, reply.status, reply.json<{ code: string }>().code]).toEqual([action, 403, 'beyond_ceiling'])
    }
    expect((await limited.call('PATCH', `users/${admin.user_id}`, { name: 'x' })).status).toBe(403)
    expect((await limited.call('DELETE', `users/${admin.user_id}`)).status).toBe(403)
    expect((await limited.call('POST', 'users', { email: 'mole@example.com', roles: ['admin'] })).status).toBe(403)
    expect((await limited.call('GET', `users/${admin.user_id}`)).status).toBe(200)
    expect((await caller.call('GET', `users?q=mole@example.com`)).json()).toMatchObject({ users: [] })
  })

  it('nobody shuts themselves out, and the last administrator stays', async () => {
    const own = await caller.call('POST', `users/${admin.user_id}/disable`)
    expect([own.status, own.json<{ code: string }>().code]).toEqual([409, 'own_account'])
    const second = await house.person({ roles: ['admin'] })
    const other = await callerOf(house, second)
    expect((await other.call('POST', `users/${admin.user_id}/require-action`, { actions: [] })).status).toBe(200)
    // Whoever is left alone with the role is not shut out: here the first, while the second one's own is gone.
    await house.sql`
      delete from user_roles where user_id = ${second.user_id} and role_id = (select id from roles where name = 'admin')`
    const rest = `insert into user_roles (user_id, role_id) select '${second.user_id}', id from roles where name = 'copy'`
    await house.sql`insert into roles (name) values ('copy')`
    await house.sql`
      insert into role_permissions (role_id, permission_id)
      select c.id, rp.permission_id from roles c, role_permissions rp join roles a on a.id = rp.role_id where c.name = 'copy' and a.name = 'admin'`
    await house.sql.unsafe(rest)
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const last = await other.call('POST', `users/${admin.user_id}/disable`)
    expect([last.status, last.json<{ code: string }>().code]).toEqual([409, 'last_administrator'])
  })

  it('LI-4: deleting and resetting need a fresh proof', async () => {
    const old = await house.person({ roles: ['admin'] })
    const client = house.server.client()
    await signIn(client, old)
    await house.sql`update sessions set auth_time = auth_time - interval '301 seconds' where user_id = ${old.user_id}`
    const stale = await callerWith(house, client)
    const target = await house.person()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    for (const [method, path] of [
      ['DELETE', ''],
      ['POST', '/reset-factors'],
    ] as const) {
      const reply = await stale.call(method, `users/${target.user_id}${path}`)
      expect(reply.status).toBe(403)
      expect(reply.json()).toMatchObject({ code: 'reauthentication_required' })
    }
    expect((await stale.call('POST', `users/${target.user_id}/lock`)).status).toBe(200)
  })
})

describe('search', () => {
  const names = ['Zoe Quill', 'zoe.alpha', 'zoe.beta@search.example', 'ZOE.gamma@search.example', 'Zo_e%x']
  beforeAll(async () => {
    await house.person({ name: names[0] ?? '', email: 'q1@search.example' })
    await house.person({ username: names[1] ?? '', email: 'q2@search.example' })
    await house.person({ email: names[2] ?? '' })
    await house.person({ email: names[3] ?? '' })
    await house.person({ name: names[4] ?? '', email: 'q5@search.example' })
  })

  it('by the beginning of address, user name and name, in any case, page by page, each once', async () => {
    const found: string[] = []
    let path: string | undefined = 'users?q=ZOE&limit=1'
    while (path !== undefined) {
      const page = listOf(await caller.call('GET', path))
      found.push(...page.users.map(({ email }) => email))
      path = page.next === null ? undefined : `users?q=ZOE&limit=1&cursor=${encodeURIComponent(page.next)}`
    }
    expect(found).toEqual([
      'zoe.beta@search.example',
      'ZOE.gamma@search.example',
      'q2@search.example',
      'q1@search.example',
    ])
  })

  it('what looks like a pattern is none', async () => {
    expect(listOf(await caller.call('GET', 'users?q=%25')).users).toEqual([])
    expect(listOf(await caller.call('GET', 'users?q=zo_e%25')).users.map(({ email }) => email)).toEqual([
      'q5@search.example',
    ])
  })

  it('AD-5: a cursor of another query, altered or made up, is refused', async () => {
    const { next } = listOf(await caller.call('GET', 'users?limit=1'))
    expect((await caller.call('GET', `users?limit=1&cursor=${next ?? ''}`)).status).toBe(200)
    for (const query of [
      `q=zoe&cursor=${next ?? ''}`,
      `cursor=${next ?? ''}x`,
      'cursor=1',
      'limit=0',
      'limit=201',
      'status=dead',
    ]) {
      expect((await caller.call('GET', `users?${query}`)).status, query).toBe(400)
    }
  })

  it('filters by state and role', async () => {
    const target = await house.person()
    await caller.call('POST', `users/${target.user_id}/lock`)
    const locked = listOf(await caller.call('GET', 'users?status=locked&limit=200')).users
    expect(locked.map(({ id }) => id)).toContain(target.user_id)
    expect(new Set(locked.map(({ status }) => status))).toEqual(new Set(['locked']))
    const helpers = listOf(await caller.call('GET', 'users?role=HELPER')).users
    expect(helpers.map(({ id }) => id)).toEqual([helper.user_id])
  })
})
