/**
 * Owns the life of permissions that are not this server's own: made for APIs, given to the role admin at once, described, deleted.
 * A permission keeps its name: other programs know it by that. Start reading at `createPermission`.
 */
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation } from '../db/connect.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { type Change, changeAccess, type Doer } from './change.ts'
import { builtIn, nameTaken, permissionOf } from './facts.ts'
import {
  deletePermission as removePermission,
  describePermission,
  insertPermission,
  type Permission,
  resourceServerExists,
  rolesWith,
} from './permission-store.ts'
import { permissions as own } from './permissions.ts'
import type { Check } from './role-admin.ts'

export { findPermissionByName, listPermissions, type Permission } from './permission-store.ts'
export { permissionOf } from './facts.ts'

/** What is said of a permission: `resource` and `action`, or the name that is both. Without an API it is general. */
export type PermissionWish = {
  name?: string | undefined
  resource?: string | undefined
  action?: string | undefined
  description?: string | null | undefined
  resource_server_id?: string | null | undefined
}

/** Makes a permission. Refusals: `invalid_permission`, `unknown_resource` (422), `already_exists` (409), and those of change.ts. */
export const createPermission = async (ctx: Ctx, wish: PermissionWish, doer: Doer): Promise<Permission | Denial> => {
  try {
    return await changeAccess(ctx, doer, async (change) => {
      const refused = change.may({ do: 'create a permission' })
      return refused ?? (await addPermission(change, wish))
    })
  } catch (error) {
    if (!isUniqueViolation(error, 'permissions_name_key')) throw error
    return nameTaken('There is a permission of this name already.', wish.name ?? `${wish.resource}:${wish.action}`)
  }
}

/** The same within a change of rights, for who has asked already whether that may be: the owner of an API makes its permissions. */
export const addPermission = async ({ tx, now, tell }: Change, wish: PermissionWish): Promise<Permission | Denial> => {
  const named = partsOf(wish)
  if (isDenial(named)) return named
  const { description = null, resource_server_id = null } = wish
  const isKnown = async (api: string): Promise<boolean> => isUuid(api) && (await resourceServerExists(tx, api))
  if (resource_server_id !== null && !(await isKnown(resource_server_id))) return unknownResource(resource_server_id)
  const id = uuidv7(now)
  await insertPermission(tx, { id, ...named, description, resource_server_id }, now)
  await tell({ type: 'permission.created', data: { permission: named.name, resource_server: resource_server_id } })
  return await permissionOf(tx, id)
}

/** Takes permissions away within a change of rights; tokens of everybody who held one by a role die. */
export const endPermissions = async (
  { tx, tell, lostBy }: Change,
  permissions: readonly { id: string; name: string }[],
): Promise<void> => {
  for (const { id, name } of permissions) {
    const roles = await rolesWith(tx, id)
    await removePermission(tx, id)
    await tell({ type: 'permission.deleted', data: { permission: name, roles } })
    await lostBy({ roles, permissions: [name] })
  }
}

/** Describes a permission anew. Refusals: `not_found`, what `check` refuses, and those of change.ts. */
export const changePermission = async (
  ctx: Ctx,
  { id, description, check }: { id: string; description: string | null; check?: Check<Permission> | undefined },
  doer: Doer,
): Promise<Permission | Denial> =>
  await changeAccess(ctx, doer, async ({ tx, now, may, tell }) => {
    const permission = await permissionOf(tx, id)
    if (isDenial(permission)) return permission
    const { name } = permission
    const refused = check?.(permission) ?? may({ do: 'change a permission', permission: name })
    if (refused) return refused
    await describePermission(tx, id, { description, now })
    await tell({ type: 'permission.updated', data: { permission: name, description } })
    return await permissionOf(tx, id)
  })

/** Deletes a permission; tokens of everybody who held it by a role die. Refusals: `not_found`, `built_in` (409), and those of change.ts. */
export const deletePermission = async (
  ctx: Ctx,
  { id, check }: { id: string; check?: Check<Permission> | undefined },
  doer: Doer,
): Promise<Denial | undefined> => {
  const done = await changeAccess(ctx, doer, async (change) => {
    const permission = await permissionOf(change.tx, id)
    if (isDenial(permission)) return permission
    const { name, builtin } = permission
    const kept = builtin ? builtIn('This server itself asks for this permission.') : undefined
    const refused = check?.(permission) ?? kept ?? change.may({ do: 'delete a permission', permission: name })
    if (refused) return refused
    await endPermissions(change, [permission])
    return undefined
  })
  return isDenial(done) ? done : undefined
}

type Parts = { name: string; resource: string; action: string }

const part = /^[a-z0-9][a-z0-9._-]{0,49}$/

const partsOf = ({ name, resource, action }: PermissionWish): Parts | Denial => {
  const [first = '', second = '', ...rest] = name?.split(':') ?? [resource ?? '', action ?? '']
  const agree = (resource ?? first) === first && (action ?? second) === second && rest.length === 0
  if (!agree || !part.test(first) || !part.test(second)) return badName(name ?? `${first}:${second}`)
  // What this server asks for today, and may ask for tomorrow, is nobody else's to name.
  if (own.some(([known]) => known === first)) return ownResource(first)
  return { name: `${first}:${second}`, resource: first, action: second }
}

const badName = (got: string): Denial =>
  deny(
    'invalid_permission',
    'A permission is resource:action, each 1 to 50 small letters, digits, dots, dashes or underscores.',
    { rule: 'permissions are resource:action', expected: 'reports:read', got: shown(got) },
    { status: 422 },
  )

const ownResource = (resource: string): Denial =>
  deny(
    'invalid_permission',
    `Permissions of the resource ${resource} are this server's own.`,
    { rule: 'permissions of this server are its own', expected: 'another resource', got: resource },
    { status: 422 },
  )

const unknownResource = (id: string): Denial =>
  deny(
    'unknown_resource',
    `There is no API ${shown(id)}.`,
    { rule: 'the API exists', expected: 'the id of an API', got: shown(id) },
    { status: 422 },
  )
