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

/** An API with its permissions, as its owner sees it. */
export type ApiWithPermissions = ApiRow & { permissions: { id: string; name: string; description: string | null }[] }

const whole = (tx: Query) => tx`
  rs.*, coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'description', p.description) order by p.name)
    from permissions p where p.resource_server_id = rs.id), '[]') as permissions`

export const loadApi = async (tx: Query, id: string): Promise<ApiWithPermissions | undefined> => {
  const rows = await tx<ApiWithPermissions[]>`select ${whole(tx)} from resource_servers rs where rs.id = ${id}`
  return rows[0]
}

/** The same, locked for a change. */
export const lockApi = async (tx: Query, id: string): Promise<ApiWithPermissions | undefined> => {
  await tx`select 1 from resource_servers where id = ${id} for update`
  return await loadApi(tx, id)
}

type Page = { limit: number; after: { at: Date; id: string } | undefined }

/** APIs, oldest first: all of them, or those of one owner. */
export const listApis = async (
  tx: Query,
  owner_id: string | undefined,
  { limit, after }: Page,
): Promise<ApiWithPermissions[]> =>
  await tx<ApiWithPermissions[]>`
    select ${whole(tx)} from resource_servers rs where ${owner_id === undefined ? tx`true` : tx`rs.owner_id = ${owner_id}`}
      and ${after === undefined ? tx`true` : tx`(rs.created_at, rs.id) > (${after.at}, ${after.id})`}
    order by rs.created_at, rs.id limit ${limit}`

export type ApiValues = Omit<ApiRow, 'id' | 'builtin' | 'created_at' | 'updated_at'>

export const insertApi = async (tx: Query, values: ApiValues & { id: string }, now: Date): Promise<void> => {
  await tx`insert into resource_servers ${tx({ ...values, created_at: now, updated_at: now } as never)}`
}

export const updateApi = async (tx: Query, id: string, values: Partial<ApiValues>, now: Date): Promise<void> => {
  await tx`update resource_servers set ${tx({ ...values, updated_at: now } as never)} where id = ${id}`
}

export const deleteApi = async (tx: Query, id: string): Promise<void> => {
  await tx`delete from resource_servers where id = ${id}`
}

/** Tells whether an account is that of a person, who can look after an API. */
export const personExists = async (tx: Query, user_id: string): Promise<boolean> =>
  (await tx`select 1 from users where id = ${user_id} and kind = 'person'`).length === 1
