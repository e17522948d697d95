/**
 * Owns the life of groups: a tree, each with roles that its members and those of the groups below it hold. Whoever moves one keeps
 * the ancestors of all below it right. Each is one change of rights (change.ts). Start reading at `createGroup`.
 */
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation } from '../db/connect.ts'
import { uuidv7 } from '../io/ids.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { type Change, changeAccess, type Doer } from './change.ts'
import { groupOf, groupWithRights, heldBy, nameTaken, notHeld, roleOf } from './facts.ts'
import {
  deleteGroupRole,
  endGroup,
  type Group,
  hasGroupsBelow,
  heightOf,
  insertGroup,
  insertGroupRole,
  moveGroup,
  rightsOfGroup,
  rightsOfTree,
  updateGroup,
} from './group-store.ts'
import type { Check } from './role-admin.ts'

export { findGroupsByName, type Group, listGroups } from './group-store.ts'
export { groupOf } from './facts.ts'

/** How many groups may stand above each other. */
const mostLevels = 20

/** What is said of a group. `parent_id` null puts it at the top. */
export type GroupWish = {
  name?: string | undefined
  description?: string | null | undefined
  parent_id?: string | null | undefined
}

type Rights = { roles: string[]; permissions: string[] }
type Parent = { id: string | null; above: readonly string[]; rights: Rights }

const top: Parent = { id: null, above: [], rights: { roles: [], permissions: [] } }

/** Makes a group. Refusals: `unknown_group`, `group_too_deep`, `invalid_name` (422), `already_exists` (409), and those of change.ts. */
export const createGroup = async (ctx: Ctx, wish: GroupWish & { name: string }, doer: Doer): Promise<Group | Denial> =>
  await unique(
    wish.name,
    async () =>
      await changeAccess(ctx, doer, async (change) => {
        const { tx, now, may, tell } = change
        const parent = await parentOf(change, wish.parent_id ?? null)
        if (isDenial(parent)) return parent
        const refused =
          checkName(wish.name) ??
          checkDepth(parent.above.length + 1) ??
          may({ do: 'create a group', under: parent.rights })
        if (refused) return refused
        const id = uuidv7(now)
        const { name, description = null } = wish
        await insertGroup(tx, { id, name, description, parent_id: parent.id, ancestors: [...parent.above, id] }, now)
        await tell({ type: 'group.created', data: { group: id, name, parent: parent.id } })
        return await groupOf(tx, id)
      }),
  )

/**
 * Changes what is named of a group. Under another parent its members, and those below it, hold that one's roles in place of the former
 * one's. Refusals: as for a new group, `not_found`, `group_cycle` (409), and what `check` refuses.
 */
export const changeGroup = async (
  ctx: Ctx,
  { id, wish, check }: { id: string; wish: GroupWish; check?: Check<Group> | undefined },
  doer: Doer,
): Promise<Group | Denial> =>
  await unique(
    wish.name,
    async () =>
      await changeAccess(ctx, doer, async (change) => {
        const found = await groupWithRights(change.tx, id)
        if (isDenial(found)) return found
        const { group, rights } = found
        const refused =
          check?.(group) ??
          (wish.name === undefined ? undefined : checkName(wish.name)) ??
          change.may({ do: 'change a group', group: rights }) ??
          (await move(change, group, wish.parent_id))
        if (refused) return refused
        await describe(change, group, wish)
        return await groupOf(change.tx, id)
      }),
  )

const describe = async ({ tx, now, tell }: Change, group: Group, { name, description }: GroupWish): Promise<void> => {
  const values = { ...(name !== undefined && { name }), ...(description !== undefined && { description }) }
  const changed = Object.entries(values).filter(([member, value]) => group[member as 'name'] !== value)
  if (changed.length === 0) return
  await updateGroup(tx, group.id, { ...values, now })
  await tell({ type: 'group.updated', data: { group: group.id, ...Object.fromEntries(changed) } })
}

const move = async (
  change: Change,
  group: Group,
  parent_id: string | null | undefined,
): Promise<Denial | undefined> => {
  if (parent_id === undefined || parent_id === group.parent_id) return undefined
  const { tx, now, may, tell, lostBy } = change
  const parent = await parentOf(change, parent_id)
  if (isDenial(parent)) return parent
  if (parent.above.includes(group.id)) return circle
  const tree = await rightsOfTree(tx, group.id)
  const refused =
    checkDepth(parent.above.length + (await heightOf(tx, group.id))) ??
    may({ do: 'move a group', group: tree, under: parent.rights })
  if (refused) return refused
  const former = group.parent_id === null ? top.rights : await rightsOfGroup(tx, group.parent_id)
  await moveGroup(tx, group.id, { parent_id: parent.id, above: parent.above, now })
  await tell({ type: 'group.moved', data: { group: group.id, name: group.name, from: group.parent_id, to: parent.id } })
  await lostBy({
    roles: former.roles.filter((role) => !parent.rights.roles.includes(role)),
    permissions: former.permissions.filter((name) => !parent.rights.permissions.includes(name)),
  })
  return undefined
}

/**
 * Deletes a group without groups below it: nobody has anything by it any more. Refusals: `not_found`, `group_not_empty` (409), and
 * those of change.ts.
 */
export const deleteGroup = async (
  ctx: Ctx,
  { id, check }: { id: string; check?: Check<Group> | undefined },
  doer: Doer,
): Promise<Denial | undefined> => {
  const done = await changeAccess(ctx, doer, async ({ tx, now, may, tell, lostBy }) => {
    const found = await groupWithRights(tx, id)
    if (isDenial(found)) return found
    const { group, rights } = found
    const refused = check?.(group) ?? may({ do: 'delete a group', group: rights })
    if (refused) return refused
    if (await hasGroupsBelow(tx, id)) return notEmpty
    await endGroup(tx, id, now)
    await tell({ type: 'group.deleted', data: { group: id, name: group.name } })
    await lostBy(rights)
    return undefined
  })
  return isDenial(done) ? done : undefined
}

/** Gives a group a role, or takes it. Refusals: `not_found`, and those of change.ts. */
export const changeGroupRole = async (
  ctx: Ctx,
  { id, role_id, gives }: { id: string; role_id: string; gives: boolean },
  doer: Doer,
): Promise<Denial | undefined> => {
  const done = await changeAccess(ctx, doer, async ({ tx, now, may, tell, lostBy }) => {
    const found = await groupWithRights(tx, id)
    if (isDenial(found)) return found
    const role = await roleOf(tx, role_id)
    if (isDenial(role)) return role
    const act = gives ? 'give a group a role' : 'take a role from a group'
    const refused = may({ do: act, group: found.rights, role: heldBy(role) })
    if (refused) return refused
    const isDone = gives ? await insertGroupRole(tx, id, role_id, now) : await deleteGroupRole(tx, id, role_id)
    if (!isDone) return gives ? undefined : notHeld('The group does not have this role.')
    await updateGroup(tx, id, { now })
    const data = { group: id, name: found.group.name, [gives ? 'added' : 'removed']: [role.name] }
    await tell({ type: 'group.roles_changed', data })
    if (!gives) await lostBy({ roles: [role.name], permissions: heldBy(role).permissions })
    return undefined
  })
  return isDenial(done) ? done : undefined
}

const parentOf = async ({ tx }: Change, id: string | null): Promise<Parent | Denial> => {
  if (id === null) return top
  const found = await groupWithRights(tx, id)
  return isDenial(found) ? unknownParent(id) : { id, above: found.group.ancestors, rights: found.rights }
}

const checkDepth = (levels: number): Denial | undefined =>
  levels <= mostLevels
    ? undefined
    : deny(
        'group_too_deep',
        `At most ${mostLevels} groups stand above each other.`,
        { rule: 'groups are not too deep', expected: `at most ${mostLevels} levels`, got: String(levels) },
        { status: 422 },
      )

const checkName = (name: string): Denial | undefined =>
  name.trim() === name && name.length >= 1 && name.length <= 100 && !/^deleted /i.test(name)
    ? undefined
    : deny(
        'invalid_name',
        'The name of a group is 1 to 100 characters, without spaces at its ends.',
        { rule: 'groups have names', expected: '1 to 100 characters', got: shown(name) },
        { status: 422 },
      )

const circle: Denial = deny(
  'group_cycle',
  'A group cannot stand below itself.',
  { rule: 'groups are a tree', expected: 'a parent that is not below the group', got: 'the group, or one below it' },
  { status: 409 },
)

const notEmpty: Denial = deny(
  'group_not_empty',
  'There are groups below this one. Move or delete them first.',
  { rule: 'a group is deleted when none is below it', expected: 'no group below it', got: 'some' },
  { status: 409 },
)

const unknownParent = (id: string): Denial =>
  deny(
    'unknown_group',
    `There is no group ${shown(id)}.`,
    { rule: 'the parent exists', expected: 'the id of a group', got: shown(id) },
    { status: 422 },
  )

const unique = async <T>(name: string | undefined, work: () => Promise<T | Denial>): Promise<T | Denial> => {
  try {
    return await work()
  } catch (error) {
    if (!isUniqueViolation(error, 'groups_name')) throw error
    return nameTaken('There is a group of this name beside it already.', name ?? '')
  }
}
