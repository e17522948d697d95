/** Roles over the API: product row 19, api.md. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../support/api.ts'
import { type House, openHouse } from '../support/flow.ts'
import { codeOf, idOf, type Rights, rightsOf } from '../support/rights.ts'
import { eventsBy } from '../support/written.ts'

let house: House
let rights: Rights
let caller: Caller

beforeAll(async () => {
  house = await openHouse()
  rights = await rightsOf(house)
  caller = rights.caller
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
      name: 'Accountant',
      acr: 'aal2',
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
    expect(await eventsBy(house.sql, 'role.created')).toContainEqual({
      role: 'Accountant',
      permissions: ['invoices:read'],
      by,
    })
    expect(await eventsBy(house.sql, 'role.updated')).toContainEqual({
      role: 'bookkeeper',
      removed: ['invoices:write'],
      by,
    })
    expect(await eventsBy(house.sql, 'role.deleted')).toContainEqual({ role: 'bookkeeper', by })
  })

  it('names are unique without regard to case, also when two are made at once; a deleted one is free again', async () => {
    const replies = await Promise.all(
      ['Twin', 'tWIN', 'TWIN'].map(async (name) => await caller.call('POST', 'roles', { name })),
    )
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409])
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
