/** Owns the table roles and what they contain, for those who look after roles. */
import type { Query } from '../db/connect.ts'
import type { RolesRow } from '../db/tables.gen.ts'

/** A role with the permissions in it, by name. */
export type Role = Pick<RolesRow, 'id' | 'name' | 'description' | 'acr' | 'created_at' | 'updated_at'> & {
  permissions: { id: string; name: string }[]
}

const whole = (tx: Query) => tx`
  r.id, r.name, r.description, r.acr, r.created_at, r.updated_at,
  coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name) order by p.name)
    from role_permissions rp join permissions p on p.id = rp.permission_id where rp.role_id = r.id), '[]') as permissions`

export const findRole = async (tx: Query, id: string): Promise<Role | undefined> => {
  const rows = await tx<Role[]>`select ${whole(tx)} from roles r where r.id = ${id} and r.deleted_at is null`
  return rows[0]
}

export const findRoleByName = async (tx: Query, name: string): Promise<Role | undefined> => {
  const rows = await tx<
    Role[]
  >`select ${whole(tx)} from roles r where lower(r.name) = lower(${name}) and r.deleted_at is null`
  return rows[0]
}

export type Page = { limit: number; after?: { at: Date; id: string } | undefined; q?: string | undefined }

/** Roles, oldest first; `q` stands somewhere in the name. There are few of them: a search may read them all. */
export const listRoles = async (tx: Query, { limit, after, q = '' }: Page): Promise<Role[]> =>
  await tx<Role[]>`
    select ${whole(tx)} from roles r where r.deleted_at is null and position(lower(${q}) in lower(r.name)) > 0
      ${after === undefined ? tx`` : tx`and (r.created_at, r.id) > (${after.at}, ${after.id})`}
    order by r.created_at, r.id limit ${limit}`

export type RoleValues = Partial<Pick<RolesRow, 'name' | 'description' | 'acr'>>

export const insertRole = async (tx: Query, values: RoleValues & { id: string; now: Date }): Promise<void> => {
  const { now, ...role } = values
  await tx`insert into roles ${tx({ ...role, created_at: now, updated_at: now } as never)}`
}

export const updateRole = async (tx: Query, id: string, values: RoleValues & { now: Date }): Promise<void> => {
  const { now, ...role } = values
  await tx`update roles set ${tx({ ...role, updated_at: now } as never)} where id = ${id}`
}

export const insertRolePermissions = async (tx: Query, role_id: string, ids: readonly string[]): Promise<void> => {
  await tx`
    insert into role_permissions (role_id, permission_id) select ${role_id}, unnest(${[...ids]}::uuid[]) on conflict do nothing`
}

export const deleteRolePermissions = async (tx: Query, role_id: string, ids: readonly string[]): Promise<void> => {
  await tx`delete from role_permissions where role_id = ${role_id} and permission_id = any(${[...ids]}::uuid[])`
}

/** Takes a role out of use at once: nobody holds it any more, its name is free. Its rows go later (`removeDeletedRoles`). */
export const endRole = async (tx: Query, id: string, now: Date): Promise<void> => {
  await tx`update roles set name = 'deleted.' || id, acr = null, deleted_at = ${now}, updated_at = ${now} where id = ${id}`
  await tx`delete from role_permissions where role_id = ${id}`
  await tx`delete from group_roles where role_id = ${id}`
  await tx`delete from api_key_roles where role_id = ${id}`
}

/** Removes who held a deleted role, at most `limit`; and the role itself once nobody is left. Returns how many rows went. */
export const removeDeletedRoles = async (tx: Query, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from user_roles where ctid = any (array(
      select ur.ctid from roles r join user_roles ur on ur.role_id = r.id where r.deleted_at is not null limit ${limit}))`
  if (count > 0) return count
  await tx`delete from roles where deleted_at is not null`
  return 0
}
