/** Owns how commands find the role, the permissions and the group that they are about, by what people call them. */
import type { Ctx } from '../ctx.ts'
import { StartError } from '../config/start-error.ts'
import type { Group } from '../access/groups.ts'
import type { Role } from '../access/role-admin.ts'
import { isUuid } from '../io/ids.ts'

export const groupArgument = 'a group: its name, or its id where several have that name'

/** A role by its name. */
export const requireRole = async (ctx: Ctx, name: string): Promise<Role> => {
  const { findRoleByName } = await import('../access/role-admin.ts')
  const role = await findRoleByName(ctx.db, name)
  if (role === undefined) throw new StartError(`There is no role ${name}.`)
  return role
}

/** The ids of permissions by their names. */
export const permissionIds = async (ctx: Ctx, names: readonly string[]): Promise<string[]> => {
  const { findPermissionByName } = await import('../access/permission-admin.ts')
  const ids: string[] = []
  for (const name of names) {
    const found = await findPermissionByName(ctx.db, name)
    if (found === undefined) throw new StartError(`There is no permission ${name}.`)
    ids.push(found.id)
  }
  return ids
}

/** A group by its name, or by its id. */
export const requireGroup = async (ctx: Ctx, key: string): Promise<Group> => {
  const { findGroupsByName, groupOf } = await import('../access/groups.ts')
  const byId = isUuid(key) ? await groupOf(ctx.db, key) : undefined
  if (byId !== undefined && !('denied' in byId)) return byId
  const [group, ...others] = await findGroupsByName(ctx.db, key)
  if (group === undefined) throw new StartError(`There is no group ${key}.`)
  if (others.length > 0) throw new StartError(`Several groups are called ${key}: name one by its id.`)
  return group
}
