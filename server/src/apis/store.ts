/** Owns the table resource_servers, and the reading of permissions by the API they belong to. */
import type { Query } from '../db/connect.ts'
import type { ResourceServersRow } from '../db/tables.gen.ts'

export type ApiRow = ResourceServersRow

/** All of them: an operator registers them one by one, so there are few. */
export const loadAllApis = async (tx: Query): Promise<ApiRow[]> =>
  await tx<ApiRow[]>`select * from resource_servers order by created_at, id limit 10000`

/** Permissions that belong to an API. */
export const listPermissionsOfApis = async (tx: Query): Promise<{ name: string; resource_server_id: string }[]> =>
  await tx`select name, resource_server_id from permissions where resource_server_id is not null limit 100000`

/** Which roles hold a permission of these APIs. */
export const rolesOfApis = async (
  tx: Query,
  ids: readonly string[],
): Promise<{ resource_server_id: string; name: string }[]> =>
  await tx`
    select distinct p.resource_server_id, r.name from permissions p
      join role_permissions rp on rp.permission_id = p.id join roles r on r.id = rp.role_id
    where p.resource_server_id = any (${[...ids]}::uuid[]) limit 100000`
