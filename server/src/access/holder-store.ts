/** Owns the reading of whoever holds rights: an account with its kind, its state and what it holds now. */
import type { Query } from '../db/connect.ts'

/** Somebody who holds rights: a person, or a service account. */
export type HolderRow = {
  id: string
  kind: 'person' | 'service'
  status: string
  roles: string[]
  permissions: string[]
}

export const findHolder = async (tx: Query, user_id: string): Promise<HolderRow | undefined> => {
  const rows = await tx<HolderRow[]>`
    select id, kind, status, roles_of(id) as roles, permissions_of(id) as permissions from users where id = ${user_id}`
  return rows[0]
}

/** Groups by which their members hold a role: those it was given to, and every one below them. */
const groupsWith = (tx: Query, role: string) => tx`
  array(select g.id from roles r join group_roles gr on gr.role_id = r.id join groups g on g.ancestors @> array[gr.group_id]
    where lower(r.name) = lower(${role}) and g.deleted_at is null)`

/** Active people who hold a role, directly or by a group, and have a proved address. */
export const addressesOfHolders = async (
  tx: Query,
  role: string,
  limit: number,
): Promise<{ user_id: string; to: string; locale: string | undefined }[]> => {
  const rows = await tx<{ user_id: string; to: string; locale: string | null }[]>`
    select u.id as user_id, u.email as to, u.locale from users u
    where u.kind = 'person' and u.status = 'active' and u.email_verified and u.id in (
      select ur.user_id from roles r join user_roles ur on ur.role_id = r.id where lower(r.name) = lower(${role})
      union select gm.user_id from group_members gm where gm.group_id = any (${groupsWith(tx, role)}))
    order by u.id limit ${limit}`
  return rows.map((row) => ({ ...row, locale: row.locale ?? undefined }))
}

/** Tells whether an active person other than `except` holds a role, directly or by a group. Service accounts do not count: they cannot sign in. */
export const personHolds = async (
  tx: Query,
  role: string,
  { active, except = '' }: { active: boolean; except?: string },
): Promise<boolean> => {
  const counts = tx`u.kind = 'person' and u.id <> ${except} ${active ? tx`and u.status = 'active'` : tx``}`
  const [row] = await tx<{ held: boolean }[]>`
    select exists (select 1 from roles r join user_roles ur on ur.role_id = r.id join users u on u.id = ur.user_id
        where lower(r.name) = lower(${role}) and ${counts})
      or exists (select 1 from group_members gm join users u on u.id = gm.user_id
        where gm.group_id = any (${groupsWith(tx, role)}) and ${counts}) as held`
  return row?.held === true
}
