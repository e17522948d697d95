/** Owns the way from what callers name, ids or names, to roles and permissions that exist. */
import type { Query } from '../db/connect.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { type NamedPermission, type NamedRole, permissionsBy, rolesBy } from './named-store.ts'

export type { NamedPermission, NamedRole } from './named-store.ts'

/** What is asked for: the API has ids, the command line has names. */
export type Asked = { by: 'id' | 'name'; roles: readonly string[]; permissions: readonly string[] }
export type Rights = { roles: NamedRole[]; permissions: NamedPermission[] }

/** Finds them all. Refuses with `unknown_role` or `unknown_permission` (422) when one does not exist. */
export const findRights = async (tx: Query, { by, roles, permissions }: Asked): Promise<Rights | Denial> => {
  const foundRoles = roles.length === 0 ? [] : await rolesBy(tx, by, roles)
  const foundPermissions = permissions.length === 0 ? [] : await permissionsBy(tx, by, permissions)
  const unknown =
    missing(
      'role',
      roles,
      foundRoles.map((role) => role[by]),
    ) ??
    missing(
      'permission',
      permissions,
      foundPermissions.map((permission) => permission[by]),
    )
  return isDenial(unknown) ? unknown : { roles: foundRoles, permissions: foundPermissions }
}

/** Every permission that these rights hold together. */
export const permissionsIn = ({ roles, permissions }: Rights): string[] => [
  ...new Set([...permissions.map(({ name }) => name), ...roles.flatMap((role) => role.permissions)]),
]

const missing = (
  kind: 'role' | 'permission',
  asked: readonly string[],
  found: readonly string[],
): Denial | undefined => {
  const known = new Set(found.map((key) => key.toLowerCase()))
  const key = asked.find((one) => !known.has(one.toLowerCase()))
  if (key === undefined) return undefined
  return deny(
    `unknown_${kind}`,
    `There is no ${kind} ${shown(key)}.`,
    {
      rule: `${kind}s exist`,
      expected: `a ${kind} of this deployment`,
      got: shown(key),
      remedy: `Create the ${kind} first.`,
    },
    { status: 422 },
  )
}
