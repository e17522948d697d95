/** Roles, permissions and groups over the API: product row 19, security rules AD-1, AD-4, AD-5 (security.md 1.6), api.md. */
import { beforeAll, describe, expect, it } from 'vitest'
import { callerOf, callerWith, type Caller } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'
import { type House, openHouse, signIn } from '../support/flow.ts'
import { codeOf, idOf, type Rights, rightsOf } from '../support/rights.ts'

let house: House
let rights: Rights
let caller: Caller

beforeAll(async () => {
  house = await openHouse()
  rights = await rightsOf(house)
  caller = rights.caller
})

const eventsBy = async (type: string): Promise<Record<string, unknown>[]> =>
  (
    await house.sql<{ data: Record<string, unknown> }[]>`select data from all_events where type = ${type} order by at, id`
  ).map(({ data }) => data)

describe('AD-1: who may call', () => {
  const ghost = '00000000-0000-7000-8000-000000000000'
  const calls = [
    ['GET', 'roles', 'roles:read'],
    ['POST', 'roles', 'roles:write'],
    ['GET', `roles/${ghost}`, 'roles:read'],
    ['PATCH', `roles/${ghost}`, 'roles:write'],
    ['DELETE', `roles/${ghost}`, 'roles:write'],
    ['POST', `roles/${ghost}/permissions/${ghost}`, 'roles:write'],
    ['DELETE', `roles/${ghost}/permissions/${ghost}`, 'roles:write'],
    ['GET', 'permissions', 'permissions:read'],
    ['POST', 'permissions', 'permissions:write'],
    ['GET', `permissions/${ghost}`, 'permissions:read'],
    ['PATCH', `permissions/${ghost}`, 'permissions:write'],
    ['DELETE', `permissions/${ghost}`, 'permissions:write'],
    ['GET', 'groups', 'groups:read'],
    ['POST', 'groups', 'groups:write'],
    ['GET', `groups/${ghost}`, 'groups:read'],
    ['PATCH', `groups/${ghost}`, 'groups:write'],
    ['DELETE', `groups/${ghost}`, 'groups:write'],
    ['GET', `groups/${ghost}/members`, 'groups:read'],
    ['POST', `groups/${ghost}/members/${ghost}`, 'roles:assign'],
    ['DELETE', `groups/${ghost}/members/${ghost}`, 'roles:assign'],
    ['POST', `groups/${ghost}/roles/${ghost}`, 'roles:assign'],
    ['DELETE', `groups/${ghost}/roles/${ghost}`, 'roles:assign'],
    ['GET', `users/${ghost}/roles`, 'users:read'],
    ['GET', `users/${ghost}/groups`, 'users:read'],
    ['POST', `users/${ghost}/roles/${ghost}`, 'roles:assign'],
    ['DELETE', `users/${ghost}/roles/${ghost}`, 'roles:assign'],
  ] as const
  const bodyOf = (method: string, path: string): Record<string, string> | undefined => {
    if (path.startsWith('permissions/')) return method === 'PATCH' ? { description: 'x' } : undefined
    if (path === 'permissions') return { name: 'books:read' }
    return path.includes('/') ? (method === 'PATCH' ? { description: 'x' } : undefined) : { name: 'x' }
  }

  it('401 for nobody; 403 without the permission, whatever else is held; beyond that the call itself answers', async () => {
    const all = [...new Set(calls.map(([, , needs]) => needs))]
    for (const needs of all) {
      const others = (await rights.somebody(...all.filter((one) => one !== needs))).caller
      const holder = (await rights.somebody(needs)).caller
      for (const [method, path] of calls.filter(([, , permission]) => permission === needs)) {
        const body = method === 'GET' || method === 'DELETE' ? undefined : bodyOf(method, path)
        const anonymous = await house.server
          .client()
          .request(`/api/v1/${path}`, { method, ...(body && { json: body }) })
        expect([method, path, anonymous.status]).toEqual([method, path, 401])
        const refused = await others.call(method, path, body)
        expect([method, path, ...codeOf(refused)]).toEqual([method, path, 403, 'permission_denied'])
        const answer = await holder.call(method, path, body)
        const expected = path.includes('/') ? [404] : [200, 201]
        expect(expected, `${method} ${path} ${answer.body}`).toContain(answer.status)
      }
    }
  })

  it('AD-4: every change wants a fresh proof, no reading does', async () => {
    const admin = await house.person({ roles: ['admin'] })
    const client = house.server.client()
    await signIn(client, admin)
    await house.sql`update sessions set auth_time = auth_time - interval '301 seconds' where user_id = ${admin.user_id}`
    const stale = await callerWith(house, client)
    await new Promise((resolve) => setTimeout(resolve, 1100))
    for (const [method, path] of calls) {
      const body = method === 'GET' || method === 'DELETE' ? undefined : bodyOf(method, path)
      const reply = await stale.call(method, path, body)
      const expected = method === 'GET' ? [path.includes('/') ? 404 : 200] : [403]
      expect([method, path, expected.includes(reply.status)]).toEqual([method, path, true])
      if (method !== 'GET') expect(codeOf(reply)).toEqual([403, 'reauthentication_required'])
    }
  })
})

describe('roles', () => {
  it('are made with their permissions, read, changed, composed and deleted; each step is recorded with who did it', async () => {
    const [read, write] = [await rights.permission('invoices:read'), await rights.permission('invoices:write')]
    const wish = { name: 'Accountant', description: 'Looks at invoices', acr: 'aal2', permission_ids: [read] }
    const made = await caller.call('POST', 'roles', wish)
    const id = idOf(made)
    expect(made.headers.location).toBe(`${house.server.issuer}/api/v1/roles/${id}`)
    const shown = await caller.call('GET', `roles/${id}`)
    expect(shown.headers.etag).toBe(made.headers.etag)
    expect(shown.json()).toMatchObject({
      ...{ name: 'Accountant', acr: 'aal2' },
      permissions: [{ id: read, name: 'invoices:read' }],
    })
    const changed = await caller.call('PATCH', `roles/${id}`, {
      name: 'bookkeeper',
      permission_ids: [write],
      acr: null,
    })
    expect(changed.json()).toMatchObject({ name: 'bookkeeper', acr: null, permissions: [{ name: 'invoices:write' }] })
    const added = await caller.call('POST', `roles/${id}/permissions/${read}`)
    expect(added.json<{ permissions: unknown[] }>().permissions).toHaveLength(2)
    expect((await caller.call('POST', `roles/${id}/permissions/${read}`)).status).toBe(200)
    const taken = await caller.call('DELETE', `roles/${id}/permissions/${write}`)
    expect(taken.json()).toMatchObject({ permissions: [{ name: 'invoices:read' }] })
    expect((await caller.call('DELETE', `roles/${id}`)).status).toBe(204)
    expect((await caller.call('GET', `roles/${id}`)).status).toBe(404)
    const by = rights.admin.user_id
    expect(await eventsBy('role.created')).toContainEqual({ role: 'Accountant', permissions: ['invoices:read'], by })
    expect(await eventsBy('role.updated')).toContainEqual({ role: 'bookkeeper', removed: ['invoices:write'], by })
    expect(await eventsBy('role.deleted')).toContainEqual({ role: 'bookkeeper', by })
  })

  it('names are unique without regard to case, also when two are made at once; a deleted one is free again', async () => {
    const replies = await Promise.all(
      ['Twin', 'tWIN', 'TWIN'].map(async (name) => await caller.call('POST', 'roles', { name })),
    )
    expect(replies.map(({ status }) => status).toSorted()).toEqual([201, 409, 409])
    const other = idOf(await caller.call('POST', 'roles', { name: 'other' }))
    expect(codeOf(await caller.call('PATCH', `roles/${other}`, { name: 'twiN' }))).toEqual([409, 'already_exists'])
    expect((await caller.call('DELETE', `roles/${other}`)).status).toBe(204)
    expect((await caller.call('POST', 'roles', { name: 'OTHER' })).status).toBe(201)
  })

  it.each([
    ['an unknown member', { name: 'a', colour: 'red' }, 400],
    ['a name with spaces', { name: 'two words' }, 422],
    ['a name that deleted roles have', { name: 'deleted.x' }, 422],
    ['an unknown permission', { name: 'b', permission_ids: ['00000000-0000-7000-8000-000000000000'] }, 422],
    ['an unknown level', { name: 'c', acr: 'aal9' }, 400],
  ])('%s is refused', async (_, body, status) => {
    expect((await caller.call('POST', 'roles', body)).status).toBe(status)
  })

  it('RFC 9110 §13.1.1: what somebody else has changed meanwhile is not written over', async () => {
    const id = await rights.role('matched')
    const { etag } = (await caller.call('GET', `roles/${id}`)).headers
    const match = { 'if-match': String(etag) }
    expect((await caller.call('PATCH', `roles/${id}`, { description: 'first' }, match)).status).toBe(200)
    expect(codeOf(await caller.call('PATCH', `roles/${id}`, { description: 'second' }, match))).toEqual([
      412,
      'precondition_failed',
    ])
    expect(codeOf(await caller.call('DELETE', `roles/${id}`, undefined, match))).toEqual([412, 'precondition_failed'])
  })

  it('a creation that is repeated with its Idempotency-Key makes one', async () => {
    const key = { 'idempotency-key': 'role-once' }
    const [first, second] = [
      await caller.call('POST', 'roles', { name: 'once' }, key),
      await caller.call('POST', 'roles', { name: 'once' }, key),
    ]
    expect([first.status, second.status, idOf(first)]).toEqual([201, 201, idOf(second)])
  })

  it('the role admin can be neither deleted, renamed nor emptied; further permissions can be taken out of it', async () => {
    const list = await caller.call('GET', 'roles?q=admin')
    const [admin] = list.json<{ roles: { id: string; permissions: { id: string; name: string }[] }[] }>().roles
    const { id = '', permissions = [] } = admin ?? {}
    const own = permissions.find(({ name }) => name === 'keys:write')?.id ?? ''
    const rest = permissions.filter((one) => one.id !== own).map((one) => one.id)
    expect(codeOf(await caller.call('DELETE', `roles/${id}`))).toEqual([409, 'built_in'])
    expect(codeOf(await caller.call('PATCH', `roles/${id}`, { name: 'root' }))).toEqual([409, 'built_in'])
    expect(codeOf(await caller.call('PATCH', `roles/${id}`, { permission_ids: [] }))).toEqual([409, 'built_in'])
    expect(codeOf(await caller.call('PATCH', `roles/${id}`, { permission_ids: rest }))).toEqual([409, 'built_in'])
    expect(codeOf(await caller.call('DELETE', `roles/${id}/permissions/${own}`))).toEqual([409, 'built_in'])
    const extra = await rights.permission('extra:read')
    expect((await caller.call('DELETE', `roles/${id}/permissions/${extra}`)).status).toBe(200)
  })
})

describe('permissions', () => {
  it('are made, described and deleted; the role admin holds a new one at once', async () => {
    const made = await caller.call('POST', 'permissions', { resource: 'parcels', action: 'send', description: 'Sends' })
    const id = idOf(made)
    expect(made.json()).toMatchObject({
      name: 'parcels:send',
      resource: 'parcels',
      builtin: false,
      resource_server_id: null,
    })
    expect(codeOf(await caller.call('POST', 'permissions', { name: 'parcels:send' }))).toEqual([409, 'already_exists'])
    expect((await caller.call('PATCH', `permissions/${id}`, { description: null })).json()).toMatchObject({
      description: null,
    })
    const own = await caller.call('GET', `users/${rights.admin.user_id}`)
    expect(own.json<{ user: { permissions: string[] } }>().user.permissions).toContain('parcels:send')
    expect((await caller.call('DELETE', `permissions/${id}`)).status).toBe(204)
    const after = await caller.call('GET', `users/${rights.admin.user_id}`)
    expect(after.json<{ user: { permissions: string[] } }>().user.permissions).not.toContain('parcels:send')
  })

  it.each([
    ['no action', { name: 'parcels' }],
    ['three parts', { name: 'a:b:c' }],
    ['capitals', { name: 'Parcels:send' }],
    ['a wildcard', { name: 'parcels:*' }],
    ['two names', { name: 'a:b', resource: 'c' }],
    ['nothing', {}],
    ["a resource of this server's own", { name: 'users:annihilate' }],
  ])('%s is refused', async (_, body) => {
    expect(codeOf(await caller.call('POST', 'permissions', body))).toEqual([422, 'invalid_permission'])
  })

  it('those of this server stay', async () => {
    const id = await rights.permission('users:read')
    expect(codeOf(await caller.call('DELETE', `permissions/${id}`))).toEqual([409, 'built_in'])
  })

  it('AD-5: lists go on page by page, each once; a cursor of another question is refused', async () => {
    type Page = { permissions: { name: string }[]; next: string | null }
    const seen: string[] = []
    let path: string | undefined = 'permissions?limit=7'
    while (path !== undefined) {
      const page: Page = (await caller.call('GET', path)).json()
      seen.push(...page.permissions.map(({ name }) => name))
      path = page.next === null ? undefined : `permissions?limit=7&cursor=${encodeURIComponent(page.next)}`
    }
    const [count] = await house.sql<{ count: number }[]>`select count(*)::int as count from permissions`
    expect([seen.length, new Set(seen).size]).toEqual([count?.count, count?.count])
    const { next } = (await caller.call('GET', 'permissions?limit=1')).json<{ next: string }>()
    expect((await caller.call('GET', `permissions?limit=1&q=read&cursor=${next}`)).status).toBe(400)
    expect((await caller.call('GET', `roles?limit=1&cursor=${next}`)).status).toBe(400)
    expect((await caller.call('GET', 'roles?colour=red')).status).toBe(400)
  })
})

describe('groups', () => {
  it('carry roles to their members and to those of the groups below them', async () => {
    const role = await rights.role('reader', 'shelf:read')
    const company = await rights.group('Company')
    const team = await rights.group('Team', company)
    const person = await house.person()
    await rights.join(team, person.user_id)
    await rights.giveGroup(company, role)
    const held = await caller.call('GET', `users/${person.user_id}/roles`)
    expect(held.json()).toMatchObject({
      roles: [{ name: 'reader', granted_at: null, groups: [{ id: company, name: 'Company' }] }],
    })
    expect((await caller.call('GET', `users/${person.user_id}/groups`)).json()).toMatchObject({
      groups: [{ id: team, name: 'Team' }],
    })
    expect((await caller.call('GET', `groups/${team}/members`)).json()).toMatchObject({
      members: [{ id: person.user_id, kind: 'person', email: person.email }],
    })
    expect((await caller.call('GET', `groups/${team}`)).json()).toMatchObject({
      parent_id: company,
      ancestors: [company],
      roles: [],
    })
    const found = await caller.call('GET', 'users?role=READER')
    expect(found.json<{ users: { id: string }[] }>().users.map(({ id }) => id)).toEqual([person.user_id])
    expect((await caller.call('PATCH', `groups/${team}`, { parent_id: null })).json()).toMatchObject({ ancestors: [] })
    expect((await caller.call('GET', `users/${person.user_id}/roles`)).json()).toEqual({ roles: [] })
    expect((await caller.call('DELETE', `groups/${company}`)).status).toBe(204)
    expect((await caller.call('DELETE', `groups/${team}/members/${person.user_id}`)).status).toBe(204)
    expect((await caller.call('DELETE', `groups/${team}/members/${person.user_id}`)).status).toBe(404)
    const by = rights.admin.user_id
    expect(await eventsBy('group.moved')).toContainEqual({ group: team, name: 'Team', from: company, to: null, by })
    expect(await eventsBy('group.member_removed')).toContainEqual({ group: team, name: 'Team', by })
  })

  it('stand in no circle, not deeper than 20, and are deleted from below', async () => {
    const chain: string[] = []
    for (let level = 0; level < 20; level += 1) chain.push(await rights.group(`level ${level}`, chain.at(-1)))
    const [first = '', second = ''] = chain
    expect(codeOf(await caller.call('POST', 'groups', { name: 'x', parent_id: chain.at(-1) }))).toEqual([
      422,
      'group_too_deep',
    ])
    for (const parent_id of [first, second, chain.at(-1)])
      expect(codeOf(await caller.call('PATCH', `groups/${first}`, { parent_id }))).toEqual([409, 'group_cycle'])
    const top = await rights.group('above all')
    expect(codeOf(await caller.call('PATCH', `groups/${first}`, { parent_id: top }))).toEqual([422, 'group_too_deep'])
    expect((await caller.call('PATCH', `groups/${second}`, { parent_id: top })).status).toBe(200)
    const { ancestors } = (await caller.call('GET', `groups/${chain.at(-1)}`)).json<{ ancestors: string[] }>()
    expect(ancestors).toEqual([top, ...chain.slice(1, -1)])
    expect(codeOf(await caller.call('DELETE', `groups/${top}`))).toEqual([409, 'group_not_empty'])
    expect((await caller.call('DELETE', `groups/${first}`)).status).toBe(204)
    expect(codeOf(await caller.call('POST', 'groups', { name: 'y', parent_id: first }))).toEqual([422, 'unknown_group'])
  })

  it('two that are put under each other at once end in no circle', async () => {
    for (let round = 0; round < 3; round += 1) {
      const [one, other] = [await rights.group(`one ${round}`), await rights.group(`other ${round}`)]
      const replies = await Promise.all([
        caller.call('PATCH', `groups/${one}`, { parent_id: other }),
        caller.call('PATCH', `groups/${other}`, { parent_id: one }),
      ])
      expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 409])
    }
  })

  it('have names of their own beside each other', async () => {
    const [left, right] = [await rights.group('left'), await rights.group('right')]
    await rights.group('same', left)
    const other = await rights.group('same', right)
    expect(codeOf(await caller.call('POST', 'groups', { name: 'SAME', parent_id: left }))).toEqual([
      409,
      'already_exists',
    ])
    expect(codeOf(await caller.call('PATCH', `groups/${other}`, { parent_id: left }))).toEqual([409, 'already_exists'])
    expect(codeOf(await caller.call('POST', 'groups', { name: ' x ' }))).toEqual([422, 'invalid_name'])
  })
})

describe('an account', () => {
  it('gets and loses a role; only what was given to it itself is taken from it', async () => {
    const [role, group] = [await rights.role('given', 'gifts:read'), await rights.group('givers')]
    const person = await house.person()
    await rights.give(person.user_id, role)
    await rights.give(person.user_id, role)
    expect((await caller.call('DELETE', `users/${person.user_id}/roles/${role}`)).status).toBe(204)
    await rights.giveGroup(group, role)
    await rights.join(group, person.user_id)
    expect(codeOf(await caller.call('DELETE', `users/${person.user_id}/roles/${role}`))).toEqual([404, 'not_found'])
    const told = await house.sql<{ data: unknown }[]>`
      select data from all_events where type = 'user.roles_changed' and user_id = ${person.user_id} order by at, id`
    const by = rights.admin.user_id
    expect(told.map(({ data }) => data)).toEqual([
      { added: ['given'], removed: [], by },
      { added: [], removed: ['given'], by },
    ])
  })

  it.each(['users/nobody/roles', 'users/nobody/groups', 'groups/none/members', 'roles/none'])(
    '%s: 404',
    async (path) => {
      expect(codeOf(await caller.call('GET', path))).toEqual([404, 'not_found'])
    },
  )

  it('an administrator stays: the last one keeps the role, directly or by a group', async () => {
    const own = await openHouse({ database: await freshDatabase() })
    const only = await rightsOf(own)
    const { admin } = only
    const [role] = (await only.caller.call('GET', 'roles?q=admin')).json<{ roles: { id: string }[] }>().roles
    const taken = await only.caller.call('DELETE', `users/${admin.user_id}/roles/${role?.id ?? ''}`)
    expect(codeOf(taken)).toEqual([409, 'last_administrator'])
    const group = await only.group('Administrators')
    await only.giveGroup(group, role?.id ?? '')
    await only.join(group, admin.user_id)
    expect((await only.caller.call('DELETE', `users/${admin.user_id}/roles/${role?.id ?? ''}`)).status).toBe(204)
    for (const path of [
      `groups/${group}/members/${admin.user_id}`,
      `groups/${group}/roles/${role?.id ?? ''}`,
      `groups/${group}`,
    ])
      expect(codeOf(await only.caller.call('DELETE', path))).toEqual([409, 'last_administrator'])
    const second = await callerOf(own, await own.person({ roles: ['admin'] }))
    expect((await second.call('DELETE', `groups/${group}`)).status).toBe(204)
  })
})
