/** Who may call what changes rights, and permissions over the API: product row 19, security rules AD-1, AD-4, AD-5 (security.md 1.6), api.md. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerWith } from '../support/api.ts'
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
    if (method === 'PATCH') return { description: 'x' }
    if (path === 'permissions') return { name: 'books:read' }
    return path.includes('/') ? undefined : { name: 'x' }
  }

  it('401 for nobody; 403 without the permission, whatever else is held; beyond that the call itself answers', async () => {
    const all = [...new Set(calls.map(([, , needs]) => needs))]
    const [others, holder] = [await rights.somebody(), await rights.somebody()]
    for (const needs of all) {
      await rights.hold(others.role, ...all.filter((one) => one !== needs))
      await rights.hold(holder.role, needs)
      for (const [method, path] of calls.filter(([, , permission]) => permission === needs)) {
        const body = method === 'GET' || method === 'DELETE' ? undefined : bodyOf(method, path)
        const anonymous = await house.server
          .client()
          .request(`/api/v1/${path}`, { method, ...(body && { json: body }) })
        expect([method, path, anonymous.status]).toEqual([method, path, 401])
        const refused = await others.caller.call(method, path, body)
        expect([method, path, ...codeOf(refused)]).toEqual([method, path, 403, 'permission_denied'])
        const answer = await holder.caller.call(method, path, body)
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
      const isStale = codeOf(reply)[1] === 'reauthentication_required'
      expect([method, path, isStale]).toEqual([method, path, method !== 'GET'])
    }
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
