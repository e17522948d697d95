/** Owns the table permissions, for those who look after them. */
import type { Query } from '../db/connect.ts'
import type { PermissionsRow } from '../db/tables.gen.ts'
import type { Page } from './role-store.ts'

/** A permission; `builtin`: this server itself asks for it. */
export type Permission = PermissionsRow & { builtin: boolean }

const whole = (tx: Query) => tx`
  p.id, p.name, p.resource, p.action, p.description, p.resource_server_id, p.created_at, p.updated_at, coalesce(rs.builtin, false) as builtin`
const joined = (tx: Query) => tx`permissions p left join resource_servers rs on rs.id = p.resource_server_id`

export const findPermission = async (tx: Query, id: string): Promise<Permission | undefined> => {
  const rows = await tx<Permission[]>`select ${whole(tx)} from ${joined(tx)} where p.id = ${id}`
  return rows[0]
}

export const findPermissionByName = async (tx: Query, name: string): Promise<Permission | undefined> => {
  const rows = await tx<Permission[]>`select ${whole(tx)} from ${joined(tx)} where p.name = ${name}`
  return rows[0]
}

export const findPermissions = async (tx: Query, ids: readonly string[]): Promise<Permission[]> =>
  await tx<Permission[]>`select ${whole(tx)} from ${joined(tx)} where p.id = any(${[...ids]}::uuid[]) order by p.name`

/** Permissions, oldest first; `q` stands somewhere in the name. */
export const listPermissions = async (
  tx: Query,
  { limit, after, q = '', resource_server_id }: Page & { resource_server_id?: string | undefined },
): Promise<Permission[]> =>
  await tx<Permission[]>`
    select ${whole(tx)} from ${joined(tx)} where position(lower(${q}) in p.name) > 0
      ${resource_server_id === undefined ? tx`` : tx`and p.resource_server_id = ${resource_server_id}`}
      ${after === undefined ? tx`` : tx`and (p.created_at, p.id) > (${after.at}, ${after.id})`}
    order by p.created_at, p.id limit ${limit}`

export type NewPermission = Pick<
  PermissionsRow,
  'id' | 'name' | 'resource' | 'action' | 'description' | 'resource_server_id'
>

/** Writes a permission and gives it to the role admin, which holds every one there is. */
export const insertPermission = async (tx: Query, values: NewPermission, now: Date): Promise<void> => {
  await tx`insert into permissions ${tx({ ...values, created_at: now, updated_at: now })}`
  await tx`
    insert into role_permissions (role_id, permission_id) select id, ${values.id} from roles where lower(name) = 'admin'`
}

export const describePermission = async (
  tx: Query,
  id: string,
  { description, now }: { description: string | null; now: Date },
): Promise<void> => {
  await tx`update permissions set description = ${description}, updated_at = ${now} where id = ${id}`
}

/** The names of the roles that hold a permission. */
export const rolesWith = async (tx: Query, permission_id: string): Promise<string[]> => {
  const rows = await tx<{ name: string }[]>`
    select r.name from role_permissions rp join roles r on r.id = rp.role_id where rp.permission_id = ${permission_id}`
  return rows.map(({ name }) => name)
}

export const deletePermission = async (tx: Query, id: string): Promise<void> => {
  await tx`delete from permissions where id = ${id}`
}

export const resourceServerExists = async (tx: Query, id: string): Promise<boolean> =>
  (await tx`select 1 from resource_servers where id = ${id} and not builtin for share`).length === 1
