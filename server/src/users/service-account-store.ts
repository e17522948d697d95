/** Owns the service accounts among the rows of the table users. */
import type { Query } from '../db/connect.ts'
import type { UsersRow } from '../db/tables.gen.ts'

/** A service account with what it holds, and the applications that act with its rights. */
export type ServiceAccount = Pick<
  UsersRow,
  'id' | 'username' | 'name' | 'description' | 'status' | 'created_at' | 'updated_at'
> & { roles: string[]; permissions: string[]; client_ids: string[] }

const whole = (tx: Query) => tx`
  u.id, u.username, u.name, u.description, u.status, u.created_at, u.updated_at, roles_of(u.id) as roles, permissions_of(u.id) as permissions,
  array(select c.client_id from clients c where c.service_account_id = u.id order by c.client_id limit 1000) as client_ids`

export const findService = async (tx: Query, id: string): Promise<ServiceAccount | undefined> => {
  const rows = await tx<ServiceAccount[]>`select ${whole(tx)} from users u where u.id = ${id} and u.kind = 'service'`
  return rows[0]
}

export type ServicePage = { limit: number; after?: { at: Date; id: string } | undefined; q?: string | undefined }

/** Service accounts, oldest first; `q` is the beginning of a user name. */
export const listServices = async (tx: Query, { limit, after, q = '' }: ServicePage): Promise<ServiceAccount[]> =>
  await tx<ServiceAccount[]>`
    select ${whole(tx)} from users u where u.kind = 'service' and starts_with(u.username, lower(${q}))
      ${after === undefined ? tx`` : tx`and (u.created_at, u.id) > (${after.at}, ${after.id})`}
    order by u.created_at, u.id limit ${limit}`
