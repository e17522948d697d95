/** Owns the tables roles, permissions, role_permissions and user_roles. */
import type { Query } from '../db/connect.ts'

export const findRoles = async (tx: Query, names: readonly string[]): Promise<{ id: string; name: string }[]> =>
  await tx<
    { id: string; name: string }[]
  >`select id, name from roles where lower(name) = any(${names.map((name) => name.toLowerCase())}) and deleted_at is null`

export const insertUserRoles = async (tx: Query, user_id: string, role_ids: readonly string[]): Promise<void> => {
  await tx`insert into user_roles (user_id, role_id) select ${user_id}, unnest(${[...role_ids]}::uuid[]) on conflict do nothing`
}

export const deleteUserRoles = async (tx: Query, user_id: string, role_ids: readonly string[]): Promise<void> => {
  await tx`delete from user_roles where user_id = ${user_id} and role_id = any(${[...role_ids]}::uuid[])`
}

/** The permissions that roles hold together. */
export const permissionsOfRoles = async (tx: Query, names: readonly string[]): Promise<string[]> => {
  const rows = await tx<{ name: string }[]>`
    select distinct p.name from roles r join role_permissions rp on rp.role_id = r.id join permissions p on p.id = rp.permission_id
    where lower(r.name) = any(${names.map((name) => name.toLowerCase())})`
  return rows.map((row) => row.name)
}
