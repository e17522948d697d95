/** Owns the tables roles, permissions, role_permissions and user_roles. */
import type { Query } from '../db/connect.ts'

export const findRoles = async (tx: Query, names: readonly string[]): Promise<{ id: string; name: string }[]> =>
  await tx<
    { id: string; name: string }[]
  >`select id, name from roles where lower(name) = any(${names.map((name) => name.toLowerCase())})`

export const insertUserRoles = async (tx: Query, user_id: string, role_ids: readonly string[]): Promise<void> => {
  await tx`insert into user_roles (user_id, role_id) select ${user_id}, unnest(${[...role_ids]}::uuid[]) on conflict do nothing`
}

export const deleteUserRoles = async (tx: Query, user_id: string, role_ids: readonly string[]): Promise<void> => {
  await tx`delete from user_roles where user_id = ${user_id} and role_id = any(${[...role_ids]}::uuid[])`
}

/** Writes a permission of this server's own API that is not there yet. */
export const ensurePermission = async (
  tx: Query,
  resource: string,
  action: string,
  description: string,
): Promise<void> => {
  await tx`
    insert into permissions (name, resource, action, description, resource_server_id)
    select ${`${resource}:${action}`}, ${resource}, ${action}, ${description}, id from resource_servers where builtin
    on conflict (name) do nothing`
}

/** Writes a role that is not there yet, and gives it the permissions it lacks. */
export const ensureRole = async (
  tx: Query,
  role: { name: string; description: string; permissions: readonly string[] },
): Promise<void> => {
  await tx`insert into roles (name, description) values (${role.name}, ${role.description}) on conflict (lower(name)) do nothing`
  await tx`
    insert into role_permissions (role_id, permission_id)
    select r.id, p.id from roles r, permissions p where lower(r.name) = lower(${role.name}) and p.name = any(${[...role.permissions]})
    on conflict do nothing`
}

/** Tells whether somebody holds a role. */
export const roleIsHeld = async (tx: Query, name: string): Promise<boolean> => {
  const rows = await tx`
    select 1 from user_roles ur join roles r on r.id = ur.role_id where lower(r.name) = lower(${name}) limit 1`
  return rows.length > 0
}

/** The permissions that roles hold together. */
export const permissionsOfRoles = async (tx: Query, names: readonly string[]): Promise<string[]> => {
  const rows = await tx<{ name: string }[]>`
    select distinct p.name from roles r join role_permissions rp on rp.role_id = r.id join permissions p on p.id = rp.permission_id
    where lower(r.name) = any(${names.map((name) => name.toLowerCase())})`
  return rows.map((row) => row.name)
}

/** Tells whether an active account other than this one holds a role, or this one does not hold it. */
export const otherHolderExists = async (tx: Query, role: string, user_id: string): Promise<boolean> => {
  const rows = await tx`
    select 1 from roles r where lower(r.name) = lower(${role})
      and (not exists (select 1 from user_roles ur where ur.role_id = r.id and ur.user_id = ${user_id})
        or exists (select 1 from user_roles ur join users u on u.id = ur.user_id
          where ur.role_id = r.id and ur.user_id <> ${user_id} and u.status = 'active'))`
  return rows.length > 0
}

export type RoleRow = { name: string; description: string | null; acr: string | null; permissions: string[] }

/** Every role with its permissions, by name. There are few; beyond a thousand the rest is left out. */
export const allRoles = async (tx: Query): Promise<RoleRow[]> =>
  await tx<RoleRow[]>`
    select r.name, r.description, r.acr,
      array(select p.name from role_permissions rp join permissions p on p.id = rp.permission_id where rp.role_id = r.id order by p.name) as permissions
    from roles r order by lower(r.name) limit 1000`

export const updateRoleAcr = async (tx: Query, name: string, acr: string | null): Promise<boolean> =>
  (await tx`update roles set acr = ${acr}, updated_at = now() where lower(name) = lower(${name}) returning id`)
    .length === 1
