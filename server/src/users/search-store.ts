/**
 * Owns the search of the table users by the beginning of an address, a user name or a name: three passes over three indexes,
 * one after the other, so that a page costs the same among a thousand people and among a million.
 */
import type { Query } from '../db/connect.ts'

/** An account as lists show it. */
export type Listed = {
  id: string
  status: string
  username: string | null
  email: string | null
  email_verified: boolean
  name: string | null
  roles: string[]
  required_actions: string[]
  created_at: Date
  updated_at: Date
}

export type Filter = { status?: string | undefined; role?: string | undefined }
/** Where a page begins: after this row of this pass. */
export type Position = { pass: 0 | 1 | 2; key: string; id: string }
export type Found = Listed & { key: string }

const listed = (tx: Query) => tx`
  u.id, u.status, u.username, u.email, u.email_verified, u.name, roles_of(u.id) as roles, u.required_actions, u.created_at, u.updated_at`

const filtered = (tx: Query, { status, role }: Filter) => tx`
  ${status === undefined ? tx`` : tx`and u.status = ${status}`}
  ${
    role === undefined
      ? tx``
      : tx`and exists (select 1 from user_roles ur join roles r on r.id = ur.role_id where ur.user_id = u.id and lower(r.name) = lower(${role}))`
  }`

/** Accounts, oldest first, after a row. */
export const listUsersFiltered = async (
  tx: Query,
  { filter, after, limit }: { filter: Filter; after: Position | undefined; limit: number },
): Promise<Found[]> =>
  await tx<Found[]>`
    select ${listed(tx)}, u.created_at::text as key from users u
    where ${after === undefined ? tx`true` : tx`(u.created_at, u.id) > (${after.key}::timestamptz, ${after.id})`} ${filtered(tx, filter)}
    order by u.created_at, u.id limit ${limit}`

export type Pass = { prefix: string; filter: Filter; after: Position | undefined; limit: number }

/** The smallest text that is greater than every text with this beginning, in the order of bytes. */
const beyond = (prefix: string): string => `${prefix}\u{10ffff}`

/**
 * One pass: the rows whose column begins with the prefix, in the order of that column, without those that an earlier pass
 * has shown. `~>=~` and its kind compare bytes, as the indexes do.
 */
export const searchPass = async (
  tx: Query,
  pass: 0 | 1 | 2,
  { prefix, filter, after, limit }: Pass,
): Promise<Found[]> => {
  const column = [tx`u.email_canonical`, tx`u.username`, tx`lower(u.name)`][pass] ?? tx`u.email_canonical`
  const seenByEmail = tx`and (u.email_canonical is null or not starts_with(u.email_canonical, ${prefix}))`
  const seenByName = tx`and (u.username is null or not starts_with(u.username, ${prefix}))`
  const unseen = [tx``, seenByEmail, tx`${seenByEmail} ${seenByName}`][pass] ?? tx``
  const onwards =
    after === undefined || after.pass !== pass
      ? tx``
      : tx`and ${column} ~>=~ ${after.key} and (${column} ~>~ ${after.key} or u.id > ${after.id})`
  return await tx<Found[]>`
    select ${listed(tx)}, ${column} as key from users u
    where ${column} ~>=~ ${prefix} and ${column} ~<~ ${beyond(prefix)} ${onwards} ${unseen} ${filtered(tx, filter)}
    order by ${column} using ~<~, u.id limit ${limit}`
}
