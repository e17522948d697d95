/** Owns the table client_owners, and who owns a client. */
import type { Query } from '../db/connect.ts'
import type { ClientsRow } from '../db/tables.gen.ts'

export const isCoOwner = async (tx: Query, client_id: string, user_id: string): Promise<boolean> =>
  (await tx`select 1 from client_owners where client_id = ${client_id} and user_id = ${user_id}`).length === 1

export const countOwned = async (tx: Query, user_id: string): Promise<number> => {
  const [row] = await tx<{ count: number }[]>`select count(*)::int as count from clients where owner_id = ${user_id}`
  return row?.count ?? 0
}

/** Lets those who get applications for one person go one after the other, until the transaction ends. */
export const lockOwner = async (tx: Query, user_id: string): Promise<void> => {
  await tx`select 1 from users where id = ${user_id} for no key update`
}

export type OwnerRow = { user_id: string; name: string | null; rank: 'owner' | 'co-owner'; added_at: Date }

/** Its owner first, then the others as they were added. */
export const listOwners = async (tx: Query, client_id: string): Promise<OwnerRow[]> =>
  await tx<OwnerRow[]>`
    select u.id as user_id, u.name, 'owner' as rank, c.created_at as added_at
      from clients c join users u on u.id = c.owner_id where c.client_id = ${client_id}
    union all
    (select o.user_id, u.name, 'co-owner', o.added_at from client_owners o join users u on u.id = o.user_id
      where o.client_id = ${client_id} order by o.added_at, o.user_id limit 200)`

export const countCoOwners = async (tx: Query, client_id: string): Promise<number> => {
  const rows = await tx<{ count: number }[]>`
    select count(*)::int as count from client_owners where client_id = ${client_id}`
  return rows[0]?.count ?? 0
}

export const insertCoOwner = async (tx: Query, client_id: string, user_id: string, now: Date): Promise<boolean> =>
  (
    await tx`
      insert into client_owners (client_id, user_id, added_at) values (${client_id}, ${user_id}, ${now})
      on conflict do nothing returning 1`
  ).length === 1

export const deleteCoOwner = async (tx: Query, client_id: string, user_id: string): Promise<boolean> =>
  (await tx`delete from client_owners where client_id = ${client_id} and user_id = ${user_id} returning 1`).length === 1

/** Tells whether somebody can be an owner: a person whose account may act. */
export const canOwn = async (tx: Query, user_id: string): Promise<boolean> =>
  (await tx`select 1 from users where id = ${user_id} and kind = 'person' and status = 'active'`).length === 1

/** Tells whether an account is one that no person has. */
export const isServiceAccount = async (tx: Query, user_id: string): Promise<boolean> =>
  (await tx`select 1 from users where id = ${user_id} and kind = 'service'`).length === 1

type Filter = { owner_id: string | undefined; type: string | undefined; status: string | undefined }
type Page = { limit: number; after: { at: Date; id: string } | undefined }

/** Clients, newest first; those that somebody owns or looks after, or all. */
export const listOwned = async (
  tx: Query,
  { owner_id, type, status }: Filter,
  { limit, after }: Page,
): Promise<ClientsRow[]> => {
  const own = tx`(owner_id = ${owner_id ?? ''} or client_id in (select client_id from client_owners where user_id = ${owner_id ?? ''}))`
  return await tx<ClientsRow[]>`
    select * from clients where ${owner_id === undefined ? tx`true` : own}
      and ${type === undefined ? tx`true` : tx`type = ${type}`}
      and ${status === undefined ? tx`true` : tx`status = ${status}`}
      and ${after === undefined ? tx`true` : tx`(created_at, client_id) < (${after.at}, ${after.id})`}
    order by created_at desc, client_id desc limit ${limit}`
}

/** Tells whether an account is that of a person. */
export const isPerson = async (tx: Query, user_id: string): Promise<boolean> =>
  (await tx`select 1 from users where id = ${user_id} and kind = 'person'`).length === 1

export const updateOwner = async (tx: Query, client_id: string, owner_id: string, now: Date): Promise<void> => {
  await tx`update clients set owner_id = ${owner_id}, updated_at = ${now} where client_id = ${client_id}`
}
