/**
 * Security rule AD-2 as a property: whatever anybody does, in whatever order, nobody ever holds what neither they nor whoever
 * acted held before. The facts of each act are computed from a model as the server reads them from its tables.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Act, can } from './can.ts'
import { effective, effectiveOfGroup, lineage, type Model } from './effective.ts'

const people = ['ann', 'ben', 'cyd', 'dot']
const roleNames = ['r0', 'r1', 'r2', 'r3']
const groupNames = ['g0', 'g1', 'g2', 'g3']
const permissions = ['roles:assign', 'roles:write', 'groups:write', 'permissions:write', 'x:1', 'x:2', 'x:3']

const some = (names: readonly string[]) => fc.subarray([...names])
const mapOf = <T>(names: readonly string[], value: fc.Arbitrary<T>) =>
  fc
    .tuple(...names.map(() => value))
    .map((values) => new Map(names.map((name, index) => [name, values[index] as T] as const)))

/** A group lies below an earlier one, or at the top: no circles to begin with. */
const groups = fc
  .tuple(...groupNames.map((_, index) => fc.tuple(some(roleNames), fc.option(fc.nat({ max: 3 })), fc.constant(index))))
  .map(
    (rows) =>
      new Map(
        rows.map(([roles, parent, index]) => [
          groupNames[index] ?? '',
          { roles, parent: parent !== null && parent < index ? groupNames[parent] : undefined },
        ]),
      ),
  )
const models: fc.Arbitrary<Model> = fc.record({
  roles: mapOf(roleNames, some(permissions)),
  groups,
  holders: mapOf(people, fc.record({ roles: some(roleNames), groups: some(groupNames) })),
})

const step = fc.record({
  actor: fc.constantFrom(...people),
  whom: fc.constantFrom(...people),
  role: fc.constantFrom(...roleNames),
  group: fc.constantFrom(...groupNames),
  under: fc.option(fc.constantFrom(...groupNames), { nil: undefined }),
  permissions: some(permissions),
  what: fc.constantFrom(
    'give',
    'take',
    'create',
    'delete',
    'add',
    'remove',
    'move',
    'join',
    'leave',
    'give group',
    'take group',
    'forget',
  ),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const set = <V>(map: ReadonlyMap<string, V>, key: string, value: V): Map<string, V> => new Map([...map, [key, value]])
const plus = (list: readonly string[], one: string): string[] => [...new Set([...list, one])]
const minus = (list: readonly string[], one: string): string[] => list.filter((other) => other !== one)
const none = { permissions: [] }

/** What a group and those below it give. */
const wholeOf = (model: Model, group: string) => ({
  permissions: [...model.groups.keys()]
    .filter((one) => lineage(model, one).includes(group))
    .flatMap((one) => effectiveOfGroup(model, one).permissions),
})

/** The act of a step, and the model after it. */
const next = (model: Model, { what, ...s }: Step): { act: Act; after: Model } => {
  const role = { permissions: model.roles.get(s.role) ?? [] }
  const whom = effective(model, s.whom)
  const of = model.holders.get(s.whom) ?? { roles: [], groups: [] }
  const group = effectiveOfGroup(model, s.group)
  const row = model.groups.get(s.group) ?? { parent: undefined, roles: [] }
  const holder = (change: Partial<typeof of>) => ({
    ...model,
    holders: set(model.holders, s.whom, { ...of, ...change }),
  })
  const ofRole = (list: readonly string[]) => ({ ...model, roles: set(model.roles, s.role, list) })
  const ofGroup = (change: Partial<typeof row>) => ({
    ...model,
    groups: set(model.groups, s.group, { ...row, ...change }),
  })
  const isCircle = s.under !== undefined && lineage(model, s.under).includes(s.group)
  const steps: Record<typeof what, () => { act: Act; after: Model }> = {
    give: () => ({ act: { do: 'give a role', role, to: whom }, after: holder({ roles: plus(of.roles, s.role) }) }),
    take: () => ({ act: { do: 'take a role', role, from: whom }, after: holder({ roles: minus(of.roles, s.role) }) }),
    create: () => ({
      act: { do: 'create a role', role: { permissions: s.permissions } },
      after: { ...model, roles: set(model.roles, `new ${model.roles.size}`, s.permissions) },
    }),
    delete: () => ({ act: { do: 'delete a role', role }, after: ofRole([]) }),
    add: () => ({
      act: { do: 'add permissions', role, permissions: s.permissions },
      after: ofRole([...new Set([...role.permissions, ...s.permissions])]),
    }),
    remove: () => ({
      act: { do: 'remove permissions', role, permissions: s.permissions },
      after: ofRole(role.permissions.filter((one) => !s.permissions.includes(one))),
    }),
    move: () => ({
      act: {
        do: 'move a group',
        group: wholeOf(model, s.group),
        under: s.under === undefined ? none : effectiveOfGroup(model, s.under),
      },
      after: isCircle ? model : ofGroup({ parent: s.under }),
    }),
    join: () => ({
      act: { do: 'join a group', group, member: whom },
      after: holder({ groups: plus(of.groups, s.group) }),
    }),
    leave: () => ({
      act: { do: 'leave a group', group, member: whom },
      after: holder({ groups: minus(of.groups, s.group) }),
    }),
    'give group': () => ({
      act: { do: 'give a group a role', group, role },
      after: ofGroup({ roles: plus(row.roles, s.role) }),
    }),
    'take group': () => ({
      act: { do: 'take a role from a group', group, role },
      after: ofGroup({ roles: minus(row.roles, s.role) }),
    }),
    forget: () => ({
      act: { do: 'delete a permission', permission: s.permissions[0] ?? 'x:1' },
      after: {
        ...model,
        roles: new Map([...model.roles].map(([name, list]) => [name, minus(list, s.permissions[0] ?? 'x:1')])),
      },
    }),
  }
  return steps[what]()
}

describe('AD-2', () => {
  it('no sequence of acts raises anybody above what they and whoever acted held before', () => {
    let done = 0
    fc.assert(
      fc.property(models, fc.array(step, { minLength: 1, maxLength: 40 }), (first, steps) => {
        const all = (model: Model) => new Map(people.map((one) => [one, new Set(effective(model, one).permissions)]))
        let model = first
        for (const one of steps) {
          const { act, after } = next(model, one)
          const held = all(model)
          const actor = { id: one.actor, permissions: [...(held.get(one.actor) ?? [])] }
          if (can(actor, act) !== undefined) continue
          done += 1
          for (const [person, now] of all(after)) {
            const bound = new Set([...(held.get(person) ?? []), ...actor.permissions])
            expect([...now].filter((permission) => !bound.has(permission))).toEqual([])
          }
          model = after
        }
      }),
      { numRuns: 500 },
    )
    // The steps are such that many of them are allowed, or this proves nothing.
    expect(done).toBeGreaterThan(500)
  })

  it('and nobody comes by a permission that nobody held, whoever works together', () => {
    fc.assert(
      fc.property(models, fc.array(step, { maxLength: 40 }), (first, steps) => {
        const union = (model: Model) => new Set(people.flatMap((one) => effective(model, one).permissions))
        let model = first
        for (const one of steps) {
          const { act, after } = next(model, one)
          const actor = { id: one.actor, permissions: effective(model, one.actor).permissions }
          if (can(actor, act) === undefined) model = after
        }
        expect([...union(model)].filter((one) => !union(first).has(one))).toEqual([])
      }),
    )
  })
})
