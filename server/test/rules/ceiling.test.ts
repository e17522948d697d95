/** Nobody gives, by any path, what they do not hold: security rule AD-2 (security.md 1.6), over HTTP and with real rows. */
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { effective, type Model } from '../../src/access/effective.ts'
import type { Caller } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'
import { type House, openHouse, type Person } from '../support/flow.ts'
import { codeOf, type Rights, rightsOf } from '../support/rights.ts'

let house: House
let rights: Rights
/** Holds everything that these acts need, and x:read; not keys:write, which stands for more. */
let weak: { person: Person; caller: Caller }
let strong: { role: string; group: string; person: Person; permission: string }
let plain: { role: string; group: string; person: Person; permission: string }

const needed = [
  'roles:write',
  'roles:assign',
  'groups:write',
  'permissions:write',
  'users:write',
  'users:impersonate',
  'service-accounts:write',
]

beforeAll(async () => {
  house = await openHouse()
  rights = await rightsOf(house)
  const set = async (name: string, permission: string) => {
    const made = {
      role: await rights.role(`role-${name}`, permission),
      group: await rights.group(`group ${name}`),
      person: await house.person(),
      permission: await rights.permission(permission),
    }
    await rights.giveGroup(made.group, made.role)
    await rights.join(made.group, made.person.user_id)
    return made
  }
  plain = await set('plain', 'x:read')
  strong = await set('strong', 'keys:write')
  weak = await rights.somebody(...needed, 'x:read')
})

type Facts = { mine: typeof plain; more: typeof strong; empty: string; self: string }
type Way = [
  what: string,
  method: 'POST' | 'PATCH' | 'DELETE',
  path: (facts: Facts) => string,
  body?: (facts: Facts) => unknown,
]

/** Every path by which more than one holds could be given, or something that holds more be touched. */
const ways: Way[] = [
  ['giving a role to oneself', 'POST', ({ self, more }) => `users/${self}/roles/${more.role}`],
  ['giving a role to somebody', 'POST', ({ mine, more }) => `users/${mine.person.user_id}/roles/${more.role}`],
  ['giving somebody with more a role', 'POST', ({ mine, more }) => `users/${more.person.user_id}/roles/${mine.role}`],
  ['making a role', 'POST', () => 'roles', ({ more }) => ({ name: 'made', permission_ids: [more.permission] })],
  ['composing a role', 'POST', ({ mine, more }) => `roles/${mine.role}/permissions/${more.permission}`],
  [
    'composing a role as a whole',
    'PATCH',
    ({ mine }) => `roles/${mine.role}`,
    ({ mine, more }) => ({ permission_ids: [mine.permission, more.permission] }),
  ],
  ['adding to a role with more', 'POST', ({ mine, more }) => `roles/${more.role}/permissions/${mine.permission}`],
  ['taking out of a role with more', 'DELETE', ({ more }) => `roles/${more.role}/permissions/${more.permission}`],
  ['renaming a role with more', 'PATCH', ({ more }) => `roles/${more.role}`, () => ({ name: 'renamed' })],
  [
    'what a role with more demands',
    'PATCH',
    ({ more }) => `roles/${more.role}`,
    () => ({ acr: null, description: 'x' }),
  ],
  ['deleting a role with more', 'DELETE', ({ more }) => `roles/${more.role}`],
  ['joining a group with more oneself', 'POST', ({ self, more }) => `groups/${more.group}/members/${self}`],
  [
    'putting somebody into a group with more',
    'POST',
    ({ mine, more }) => `groups/${more.group}/members/${mine.person.user_id}`,
  ],
  [
    'taking somebody out of a group with more',
    'DELETE',
    ({ more }) => `groups/${more.group}/members/${more.person.user_id}`,
  ],
  [
    'putting somebody with more into a group',
    'POST',
    ({ mine, more }) => `groups/${mine.group}/members/${more.person.user_id}`,
  ],
  ['giving a group a role', 'POST', ({ mine, more }) => `groups/${mine.group}/roles/${more.role}`],
  ['giving a group with more a role', 'POST', ({ mine, more }) => `groups/${more.group}/roles/${mine.role}`],
  ['taking a role from a group with more', 'DELETE', ({ more }) => `groups/${more.group}/roles/${more.role}`],
  [
    'putting a group under one with more',
    'PATCH',
    ({ mine }) => `groups/${mine.group}`,
    ({ more }) => ({ parent_id: more.group }),
  ],
  [
    'putting a group with more elsewhere',
    'PATCH',
    ({ more }) => `groups/${more.group}`,
    ({ mine }) => ({ parent_id: mine.group }),
  ],
  [
    'making a group under one with more',
    'POST',
    () => 'groups',
    ({ more }) => ({ name: 'below', parent_id: more.group }),
  ],
  ['renaming a group with more', 'PATCH', ({ more }) => `groups/${more.group}`, () => ({ name: 'x' })],
  ['deleting a group with more', 'DELETE', ({ more }) => `groups/${more.group}`],
  ['describing a permission', 'PATCH', ({ more }) => `permissions/${more.permission}`, () => ({ description: 'x' })],
  [
    'making an account with a role',
    'POST',
    () => 'users',
    () => ({ email: 'mole@example.com', roles: ['role-strong'] }),
  ],
  [
    'inviting with a role',
    'POST',
    () => 'users/invitations',
    () => ({ email: 'mole@example.com', roles: ['role-strong'] }),
  ],
  ['changing somebody with more', 'PATCH', ({ more }) => `users/${more.person.user_id}`, () => ({ name: 'x' })],
  ['disabling somebody with more', 'POST', ({ more }) => `users/${more.person.user_id}/disable`],
  [
    'acting as somebody with more',
    'POST',
    ({ more }) => `users/${more.person.user_id}/impersonate`,
    () => ({ reason: 'ticket 1' }),
  ],
]

describe('AD-2: beyond the ceiling', () => {
  it.each(ways)('%s is refused, and changes nothing', async (_, method, path, body) => {
    const facts = { mine: plain, more: strong, empty: '', self: weak.person.user_id }
    const before = await state()
    const reply = await weak.caller.call(method, path(facts), body?.(facts))
    expect(codeOf(reply)).toEqual([403, 'beyond_ceiling'])
    expect(await state()).toEqual(before)
  })

  it('a group above which somebody else holds more is moved with all below it, or not at all', async () => {
    const top = await rights.group('top')
    const below = await rights.group('below', top)
    await rights.giveGroup(below, strong.role)
    const moved = await weak.caller.call('PATCH', `groups/${top}`, { parent_id: plain.group })
    expect(codeOf(moved)).toEqual([403, 'beyond_ceiling'])
  })

  it('a permission that somebody makes is held by administrators, and not by whoever made it', async () => {
    const made = await weak.caller.call('POST', 'permissions', { name: 'fresh:thing' })
    expect(made.status).toBe(201)
    const { id } = made.json<{ id: string }>()
    expect(codeOf(await weak.caller.call('POST', `roles/${plain.role}/permissions/${id}`))).toEqual([
      403,
      'beyond_ceiling',
    ])
    expect((await rights.caller.call('POST', `roles/${plain.role}/permissions/${id}`)).status).toBe(200)
    expect((await rights.caller.call('DELETE', `permissions/${id}`)).status).toBe(204)
  })

  it('within it, all of that is allowed', async () => {
    const facts = { ...plain, user: (await house.person()).user_id }
    for (const [method, path, body] of [
      ['POST', `users/${facts.user}/roles/${facts.role}`, undefined],
      ['DELETE', `users/${facts.user}/roles/${facts.role}`, undefined],
      ['POST', `groups/${facts.group}/members/${facts.user}`, undefined],
      ['DELETE', `groups/${facts.group}/members/${facts.user}`, undefined],
      ['PATCH', `roles/${facts.role}`, { description: 'seen' }],
      ['PATCH', `groups/${facts.group}`, { description: 'seen' }],
    ] as const) {
      const reply = await weak.caller.call(method, path, body)
      expect([path, [200, 204].includes(reply.status)]).toEqual([path, true])
    }
  })
})

/** Everything that decides what anybody holds. */
const state = async (): Promise<unknown> =>
  await house.sql`
    select (select json_agg(r order by r.id) from (select id, name, acr, description from roles) r) as roles,
      (select json_agg(r order by r.role_id, r.permission_id) from role_permissions r) as composition,
      (select json_agg(u order by u.user_id, u.role_id) from (select user_id, role_id from user_roles) u) as given,
      (select json_agg(g order by g.id) from (select id, name, parent_id, ancestors from groups) g) as groups,
      (select json_agg(m order by m.user_id, m.group_id) from (select user_id, group_id from group_members) m) as members,
      (select json_agg(m order by m.group_id, m.role_id) from (select group_id, role_id from group_roles) m) as group_roles,
      (select count(*)::int from users) as users, (select count(*)::int from invitations) as invitations`

describe('what is held', () => {
  it('the database and the pure model agree, whatever is given to whom (roles_of, permissions_of)', async () => {
    const { sql } = await freshDatabase()
    await fc.assert(
      fc.asyncProperty(models, async (model) => {
        await write(sql, model)
        const rows = await sql<{ id: string; roles: string[]; permissions: string[] }[]>`
          select id, roles_of(id) as roles, permissions_of(id) as permissions from users`
        for (const { id, roles, permissions } of rows) {
          const { roles: expected, permissions: all } = effective(model, id)
          expect(roles.toSorted()).toEqual(expected)
          expect(permissions.toSorted()).toEqual(all)
        }
        expect(rows).toHaveLength(people.length)
      }),
      { numRuns: 40 },
    )
  })
})

const people = ['ann', 'ben', 'cyd']
const roleNames = ['r0', 'r1', 'r2', 'r3']
const groupNames = ['g0', 'g1', 'g2', 'g3', 'g4']
const some = (names: readonly string[]) => fc.subarray([...names])
const each = <T>(names: readonly string[], value: fc.Arbitrary<T>) =>
  fc.array(value, { minLength: names.length, maxLength: names.length }).map(
    (values) =>
      new Map(
        names.flatMap((name, index) => {
          const one = values[index]
          return one === undefined ? [] : [[name, one] as const]
        }),
      ),
  )

/** Each group below an earlier one, or at the top. */
const models: fc.Arbitrary<Model> = fc.record({
  roles: each(roleNames, some(['x:1', 'x:2', 'x:3', 'x:4'])),
  groups: each(groupNames, fc.tuple(some(roleNames), fc.option(fc.nat({ max: 4 })))).map(
    (rows) =>
      new Map(
        [...rows].map(([name, [roles, above]]) => {
          const parent = above === null || `g${above}` >= name ? undefined : `g${above}`
          return [name, { roles, parent }] as const
        }),
      ),
  ),
  holders: each(people, fc.record({ roles: some(roleNames), groups: some(groupNames) })),
})

/** Writes a model in place of the one before. */
const write = async (sql: House['sql'], model: Model): Promise<void> => {
  const uuid = (name: string): string =>
    `00000000-0000-7000-8000-0000000000${name.replace('r', 'a').replace('g', 'b').padStart(2, '0')}`
  const line = (group: string): string[] => {
    const parent = model.groups.get(group)?.parent
    return [...(parent === undefined ? [] : line(parent)), uuid(group)]
  }
  await sql`truncate users, roles, permissions, groups cascade`
  for (const one of ['x:1', 'x:2', 'x:3', 'x:4'])
    await sql`insert into permissions (name, resource, action) values (${one}, 'x', ${one.slice(2)})`
  for (const [name, permissions] of model.roles) {
    await sql`insert into roles (id, name) values (${uuid(name)}, ${name})`
    await sql`insert into role_permissions select ${uuid(name)}, id from permissions where name = any(${[...permissions]})`
  }
  for (const [name, { parent, roles }] of model.groups) {
    await sql`insert into groups (id, name, parent_id, ancestors) values (${uuid(name)}, ${name}, ${parent === undefined ? null : uuid(parent)}, ${line(name)}::uuid[])`
    for (const role of roles)
      await sql`insert into group_roles (group_id, role_id) values (${uuid(name)}, ${uuid(role)})`
  }
  for (const [id, { roles, groups }] of model.holders) {
    await sql`insert into users (id, username) values (${id}, ${id})`
    for (const role of roles) await sql`insert into user_roles (user_id, role_id) values (${id}, ${uuid(role)})`
    for (const group of groups) await sql`insert into group_members (user_id, group_id) values (${id}, ${uuid(group)})`
  }
}
