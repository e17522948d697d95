/** Owns the finding of roles and permissions by what others call them. */
import type { Query } from '../db/connect.ts'

export type NamedRole = { id: string; name: string; permissions: string[] }
export type NamedPermission = { id: string; name: string }

export const rolesBy = async (tx: Query, column: 'id' | 'name', keys: readonly string[]): Promise<NamedRole[]> => {
  const found =
    column === 'id'
      ? tx`r.id::text = any(${[...keys]})`
      : tx`lower(r.name) = any(${keys.map((key) => key.toLowerCase())})`
  return await tx<NamedRole[]>`
    select r.id, r.name, array(
      select p.name from role_permissions rp join permissions p on p.id = rp.permission_id where rp.role_id = r.id order by p.name) as permissions
    from roles r where ${found} and r.deleted_at is null order by r.name`
}

export const permissionsBy = async (
  tx: Query,
  column: 'id' | 'name',
  keys: readonly string[],
): Promise<NamedPermission[]> => {
  const found = column === 'id' ? tx`id::text = any(${[...keys]})` : tx`name = any(${[...keys]})`
  return await tx<NamedPermission[]>`select id, name from permissions where ${found} order by name`
}
