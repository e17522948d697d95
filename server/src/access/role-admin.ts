/**
 * Owns the life of roles and what they contain, whoever asks: API and command line. Each is one change of rights (change.ts).
 * Start reading at `createRole`.
 */
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation } from '../db/connect.ts'
import { uuidv7 } from '../io/ids.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { type Change, changeAccess, type Doer } from './change.ts'
import { builtIn, heldBy, nameTaken, permissionOf, roleOf } from './facts.ts'
import { findPermissions, type Permission } from './permission-store.ts'
import { adminRole } from './permissions.ts'
import {
  deleteRolePermissions,
  endRole,
  insertRole,
  insertRolePermissions,
  type Role,
  type RoleValues,
  updateRole,
} from './role-store.ts'

export { findRoleByName, listRoles, type Role } from './role-store.ts'
export { roleOf } from './facts.ts'

/** What is said of a role. `permission_ids` are all that it holds. */
export type RoleWish = {
  name?: string | undefined
  description?: string | null | undefined
  acr?: string | null | undefined
  permission_ids?: readonly string[] | undefined
}

/** Looks at a row once it is held; refuses what was meant for another state of it (etag.ts). */
export type Check<T> = (found: T) => Denial | undefined

/** Makes a role. Refusals: `invalid_name`, `unknown_permission` (422), `already_exists` (409), and those of change.ts. */
export const createRole = async (ctx: Ctx, wish: RoleWish & { name: string }, doer: Doer): Promise<Role | Denial> =>
  await unique(
    wish.name,
    async () =>
      await changeAccess(ctx, doer, async (change) => {
        const { tx, now, may, tell } = change
        const permissions = await known(change, wish.permission_ids ?? [])
        if (isDenial(permissions)) return permissions
        const refused = checkName(wish.name) ?? may({ do: 'create a role', role: heldBy({ permissions }) })
        if (refused) return refused
        const id = uuidv7(now)
        await insertRole(tx, { id, ...valuesOf(wish), now })
        await insertRolePermissions(tx, id, idsOf(permissions))
        await tell({ type: 'role.created', data: { role: wish.name, permissions: namesOf(permissions) } })
        return await roleOf(tx, id)
      }),
  )

/**
 * Changes what is named of a role. Another name, and permissions that it loses, kill the tokens that name it. Refusals: as for a new
 * role, `not_found`, `built_in` (409), and what `check` refuses.
 */
export const changeRole = async (
  ctx: Ctx,
  { id, wish, check }: { id: string; wish: RoleWish; check?: Check<Role> | undefined },
  doer: Doer,
): Promise<Role | Denial> =>
  await unique(
    wish.name,
    async () =>
      await changeAccess(ctx, doer, async (change) => {
        const role = await roleOf(change.tx, id)
        if (isDenial(role)) return role
        const refused =
          check?.(role) ??
          (wish.name === undefined ? undefined : (checkName(wish.name) ?? keepsName(role, wish.name))) ??
          change.may({ do: 'change a role', role: heldBy(role) }) ??
          (await contain(change, role, wish.permission_ids))
        if (refused) return refused
        await describe(change, role, wish)
        return await roleOf(change.tx, id)
      }),
  )

/** What a role is called, says and demands. */
const describe = async ({ tx, now, tell, lostBy }: Change, role: Role, wish: RoleWish): Promise<void> => {
  const values = valuesOf(wish)
  const changed = Object.entries(values).filter(([name, value]) => role[name as keyof RoleValues] !== value)
  if (changed.length === 0) return
  await updateRole(tx, role.id, { ...values, now })
  await tell({ type: 'role.updated', data: { role: role.name, ...Object.fromEntries(changed) } })
  if (wish.name !== undefined && wish.name !== role.name) await lostBy({ roles: [role.name], permissions: [] })
}

/** Makes a role hold these permissions and no others; undefined leaves it as it is. */
const contain = async (
  change: Change,
  role: Role,
  permission_ids: readonly string[] | undefined,
): Promise<Denial | undefined> => {
  if (permission_ids === undefined) return undefined
  const wanted = await known(change, permission_ids)
  if (isDenial(wanted)) return wanted
  const added = wanted.filter(({ id }) => !role.permissions.some((one) => one.id === id))
  const removed = role.permissions.filter(({ id }) => !wanted.some((one) => one.id === id))
  return (await fill(change, role, added)) ?? (await empty(change, role, removed))
}

type Named = { id: string; name: string }

const fill = async (change: Change, role: Role, added: readonly Named[]): Promise<Denial | undefined> => {
  if (added.length === 0) return undefined
  const { tx, now, may, tell } = change
  const refused = may({ do: 'add permissions', role: heldBy(role), permissions: namesOf(added) })
  if (refused) return refused
  await insertRolePermissions(tx, role.id, idsOf(added))
  await updateRole(tx, role.id, { now })
  await tell({ type: 'role.updated', data: { role: role.name, added: namesOf(added) } })
  return undefined
}

const empty = async (change: Change, role: Role, removed: readonly Named[]): Promise<Denial | undefined> => {
  if (removed.length === 0) return undefined
  const { tx, now, may, tell, lostBy } = change
  const refused =
    (await keepsBuiltIn(change, role, removed)) ??
    may({ do: 'remove permissions', role: heldBy(role), permissions: namesOf(removed) })
  if (refused) return refused
  await deleteRolePermissions(tx, role.id, idsOf(removed))
  await updateRole(tx, role.id, { now })
  await tell({ type: 'role.updated', data: { role: role.name, removed: namesOf(removed) } })
  await lostBy({ roles: [role.name], permissions: namesOf(removed) })
  return undefined
}

/** Adds a permission to a role, or takes it out. Refusals: `not_found`, `built_in` (409), and those of change.ts. */
export const composeRole = async (
  ctx: Ctx,
  { id, permission_id, adds }: { id: string; permission_id: string; adds: boolean },
  doer: Doer,
): Promise<Role | Denial> =>
  await changeAccess(ctx, doer, async (change) => {
    const role = await roleOf(change.tx, id)
    if (isDenial(role)) return role
    const permission = await permissionOf(change.tx, permission_id)
    if (isDenial(permission)) return permission
    const has = role.permissions.some((one) => one.id === permission_id)
    const work = adds ? fill : empty
    const refused =
      has === adds ? change.may({ do: 'change a role', role: heldBy(role) }) : await work(change, role, [permission])
    return refused ?? (await roleOf(change.tx, id))
  })

/** Deletes a role: nobody holds it any more, and tokens that name it die. Refusals: `not_found`, `built_in` (409), and those of change.ts. */
export const deleteRole = async (
  ctx: Ctx,
  { id, check }: { id: string; check?: Check<Role> | undefined },
  doer: Doer,
): Promise<Denial | undefined> => {
  const done = await changeAccess(ctx, doer, async ({ tx, now, may, tell, lostBy }) => {
    const role = await roleOf(tx, id)
    if (isDenial(role)) return role
    const kept = isAdmin(role) ? builtIn('The role admin cannot be deleted.') : undefined
    const refused = check?.(role) ?? kept ?? may({ do: 'delete a role', role: heldBy(role) })
    if (refused) return refused
    await endRole(tx, id, now)
    await tell({ type: 'role.deleted', data: { role: role.name } })
    await lostBy({ roles: [role.name], permissions: heldBy(role).permissions })
    return undefined
  })
  return isDenial(done) ? done : undefined
}

const known = async ({ tx }: Change, ids: readonly string[]): Promise<Permission[] | Denial> => {
  const found = await findPermissions(tx, ids)
  const missing = ids.find((id) => !found.some((one) => one.id === id))
  return missing === undefined ? found : unknownPermission(missing)
}

const isAdmin = ({ name }: Pick<Role, 'name'>): boolean => name.toLowerCase() === adminRole

const keepsName = (role: Role, name: string): Denial | undefined =>
  isAdmin(role) && name !== role.name ? builtIn('The role admin cannot be renamed.') : undefined

/** Whoever is administrator must be able to administer. */
const keepsBuiltIn = async ({ tx }: Change, role: Role, removed: readonly Named[]): Promise<Denial | undefined> => {
  if (!isAdmin(role)) return undefined
  const found = await findPermissions(tx, idsOf(removed))
  return found.some(({ builtin }) => builtin)
    ? builtIn("The role admin keeps the permissions of this server's own API.")
    : undefined
}

const checkName = (name: string): Denial | undefined =>
  /^[a-zA-Z0-9][a-zA-Z0-9:._-]{0,99}$/.test(name) && !/^deleted\./i.test(name)
    ? undefined
    : deny(
        'invalid_name',
        'The name of a role is 1 to 100 letters, digits, dots, dashes, colons or underscores.',
        { rule: 'roles have names that fit into tokens', expected: 'letters, digits, . - : _', got: shown(name) },
        { status: 422 },
      )

const unknownPermission = (id: string): Denial =>
  deny(
    'unknown_permission',
    `There is no permission ${shown(id)}.`,
    { rule: 'permissions exist', expected: 'the id of a permission', got: shown(id) },
    { status: 422 },
  )

const unique = async <T>(name: string | undefined, work: () => Promise<T | Denial>): Promise<T | Denial> => {
  try {
    return await work()
  } catch (error) {
    if (!isUniqueViolation(error, 'roles_name')) throw error
    return nameTaken('There is a role of this name already.', name ?? '')
  }
}

const valuesOf = ({ name, description, acr }: RoleWish): RoleValues => ({
  ...(name !== undefined && { name }),
  ...(description !== undefined && { description }),
  ...(acr !== undefined && { acr }),
})

const idsOf = (list: readonly Named[]): string[] => list.map(({ id }) => id)
const namesOf = (list: readonly Named[]): string[] => list.map(({ name }) => name)
