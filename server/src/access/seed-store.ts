/** Owns the table seeded_access, and the rows that a seed writes. */
import type { Query } from '../db/connect.ts'

/** What seeds have written so far. */
export const seededNames = async (tx: Query): Promise<Set<string>> => {
  const rows = await tx<{ name: string }[]>`select name from seeded_access`
  return new Set(rows.map(({ name }) => name))
}

export const markSeeded = async (tx: Query, names: readonly string[]): Promise<void> => {
  await tx`insert into seeded_access (name) select unnest(${[...names]}::text[]) on conflict do nothing`
}

export type SeededPermission = readonly [resource: string, action: string, description: string]

/**
 * Makes permissions of this server's own API, and gives them to the role admin. One of such a name that somebody had made meant
 * something else: whoever had that does not get what it means now.
 */
export const adoptPermissions = async (tx: Query, made: readonly SeededPermission[]): Promise<void> => {
  const [resources, actions] = [made.map(([resource]) => resource), made.map(([, action]) => action)]
  const names = made.map(([resource, action]) => `${resource}:${action}`)
  const descriptions = made.map(([, , description]) => description)
  await tx`
    delete from permissions p using resource_servers rs
    where p.name = any(${names}) and rs.builtin and p.resource_server_id is distinct from rs.id`
  await tx`
    insert into permissions (name, resource, action, description, resource_server_id)
    select f.name, f.resource, f.action, f.description, rs.id
    from unnest(${names}::text[], ${resources}::text[], ${actions}::text[], ${descriptions}::text[]) as f (name, resource, action, description)
      cross join resource_servers rs
    where rs.builtin on conflict (name) do nothing`
  await tx`
    insert into role_permissions (role_id, permission_id)
    select r.id, p.id from roles r cross join permissions p where lower(r.name) = 'admin' and p.name = any(${names}) on conflict do nothing`
}

/** Writes a role with its permissions. One of this name that is there stays as it is. */
export const insertSeedRole = async (
  tx: Query,
  role: { name: string; description: string; permissions: readonly string[] },
): Promise<void> => {
  const made = await tx<{ id: string }[]>`
    insert into roles (name, description) values (${role.name}, ${role.description}) on conflict (lower(name)) do nothing returning id`
  for (const { id } of made)
    await tx`
    insert into role_permissions (role_id, permission_id)
    select ${id}, p.id from permissions p where p.name = any(${[...role.permissions]}) on conflict do nothing`
}
