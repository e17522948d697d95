/** System C's calls of accounts, roles and permissions, as it documented them (api.md): each leads to our route and skips no check. */
import { beforeAll, describe, expect, it } from 'vitest'
import { accessRows } from '../../src/compat-access.ts'
import { rows } from '../../src/compat.ts'
import type { Caller } from '../support/api.ts'
import { type House, openHouse } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'
import { type Rights, rightsOf } from '../support/rights.ts'

let house: House
let rights: Rights
let caller: Caller
let made = 0

beforeAll(async () => {
  house = await openHouse()
  rights = await rightsOf(house)
  caller = rights.caller
})

/** A call of an older path by an administrator in a browser. */
const call = async (method: string, path: string, json?: unknown): Promise<Reply> => {
  const { csrf_token } = (await caller.client.get('/api/v1/auth/session')).json<{ csrf_token: string }>()
  const headers = { origin: house.server.issuer, 'x-csrf-token': csrf_token }
  return await caller.client.request(path, { method, headers, ...(json !== undefined && { json }) })
}

type Sent = { reply: Reply; expected: unknown }
type Send = (slash: string) => Promise<Sent>
const name = (): string => `c${(made += 1)}`
const role = async (): Promise<string> => await rights.role(name())

const permissions = (path: string): Record<string, Send> => ({
  [`GET ${path}`]: async (slash) => ({
    reply: await call('GET', `${path}${slash}?limit=200`),
    expected: expect.arrayContaining([
      expect.objectContaining({ name: 'users:read', resource: 'users', action: 'read' }),
    ]),
  }),
  [`POST ${path}`]: async (slash) => {
    const action = name()
    const reply = await call('POST', `${path}${slash}`, {
      name: `old:${action}`,
      resource: 'old',
      action,
      description: 'd',
    })
    return { reply, expected: expect.objectContaining({ name: `old:${action}`, resource: 'old', action }) }
  },
})

const changeRole =
  (method: string): Send =>
  async (slash) => {
    const reply = await call(method, `/roles/${await role()}${slash}`, { description: 'new', permission_ids: [] })
    return { reply, expected: expect.objectContaining({ description: 'new', permissions: [] }) }
  }

/** Every row by its method and path; the test below fails when one is missing or too many. */
const calls: Record<string, Send> = {
  'GET /users': async (slash) => ({
    reply: await call('GET', `/users${slash}?limit=200`),
    expected: expect.arrayContaining([
      expect.objectContaining({
        id: rights.admin.user_id,
        full_name: rights.admin.name,
        is_active: true,
        is_superuser: true,
      }),
    ]),
  }),
  'POST /users': async (slash) => {
    const email = `${name()}@old.example`
    const reply = await call('POST', `/users${slash}`, { email, full_name: 'Ada Lovelace' })
    return {
      reply,
      expected: expect.objectContaining({ email, full_name: 'Ada Lovelace', is_active: true, is_superuser: false }),
    }
  },
  'POST /users/:id/roles/:role_id': async (slash) => {
    const { user_id } = await house.person()
    return { reply: await call('POST', `/users/${user_id}/roles/${await role()}${slash}`), expected: '' }
  },
  'DELETE /users/:id/roles/:role_id': async (slash) => {
    const [{ user_id }, id] = [await house.person(), await role()]
    await rights.give(user_id, id)
    return { reply: await call('DELETE', `/users/${user_id}/roles/${id}${slash}`), expected: '' }
  },
  ...permissions('/roles/permissions'),
  ...permissions('/api/v1/roles/permissions'),
  'GET /roles': async (slash) => ({
    reply: await call('GET', `/roles${slash}`),
    expected: expect.arrayContaining([expect.objectContaining({ name: 'admin' })]),
  }),
  'POST /roles': async (slash) => {
    const wish = { name: name(), description: 'd', permission_ids: [await rights.permission('users:read')] }
    const reply = await call('POST', `/roles${slash}`, wish)
    return { reply, expected: expect.objectContaining({ name: wish.name, description: 'd' }) }
  },
  'GET /roles/:id': async (slash) => {
    const id = await role()
    return { reply: await call('GET', `/roles/${id}${slash}`), expected: expect.objectContaining({ id }) }
  },
  'PUT /roles/:id': changeRole('PUT'),
  'PATCH /roles/:id': changeRole('PATCH'),
  'DELETE /roles/:id': async (slash) => ({
    reply: await call('DELETE', `/roles/${await role()}${slash}`),
    expected: '',
  }),
  'POST /roles/:id/permissions/:permission_id': async (slash) => {
    const id = await rights.permission('users:read')
    const reply = await call('POST', `/roles/${await role()}/permissions/${id}${slash}`)
    return { reply, expected: expect.objectContaining({ permissions: [{ id, name: 'users:read' }] }) }
  },
  'DELETE /roles/:id/permissions/:permission_id': async (slash) => {
    const id = await rights.permission('users:read')
    const reply = await call('DELETE', `/roles/${await rights.role(name(), 'users:read')}/permissions/${id}${slash}`)
    return { reply, expected: expect.objectContaining({ permissions: [] }) }
  },
}

it('the calls below are those of the table, every one, and the table has them', () => {
  expect(accessRows.map((row) => `${row.method} ${row.path}`).toSorted()).toEqual(Object.keys(calls).toSorted())
  for (const row of accessRows) expect(rows).toContain(row)
})

describe.each(accessRows.map((row) => [`${row.method} ${row.path}`, row] as const))('%s', (key, row) => {
  it.each(['', '/'])('works, and says what replaces it; path with %j at its end', async (slash) => {
    const sent = await calls[key]?.(slash)
    expect([200, 201, 204], sent?.reply.body).toContain(sent?.reply.status)
    expect(sent?.reply.body === '' ? '' : sent?.reply.json()).toEqual(sent?.expected)
    expect(sent?.reply.headers.deprecation).toBeDefined()
    expect(sent?.reply.headers.link).toContain(`<${house.server.issuer}${row.to}>; rel="successor-version"`)
  })

  it('skips no check: nobody gets 401', async () => {
    const path = row.path.replace(/:\w+/g, 'x')
    const reply = await house.server.client().request(path, { method: row.method })
    expect(reply.status).toBe(401)
  })
})

it('AD-6: an administrator chooses no password there either', async () => {
  const reply = await call('POST', '/users', { email: 'x@old.example', password: 'chosen by somebody else' })
  expect(reply.status).toBe(400)
})
