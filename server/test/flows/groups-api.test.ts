/** Groups, and roles of one account, over the API: product row 19, api.md. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'
import { type House, openHouse } from '../support/flow.ts'
import { codeOf, type Rights, rightsOf } from '../support/rights.ts'
import { eventsBy } from '../support/written.ts'

let house: House
let rights: Rights
let caller: Caller

beforeAll(async () => {
  house = await openHouse()
  rights = await rightsOf(house)
  caller = rights.caller
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
    expect(await eventsBy(house.sql, 'group.moved')).toContainEqual({
      group: team,
      name: 'Team',
      from: company,
      to: null,
      by,
    })
    expect(await eventsBy(house.sql, 'group.member_removed')).toContainEqual({ group: team, name: 'Team', by })
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
      expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
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
