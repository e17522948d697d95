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

/** `kind`: people unless something else is asked for. */
export type Filter = {
  status?: string | undefined
  role?: string | undefined
  kind?: 'person' | 'service' | 'all' | undefined
}
/** Where a page begins: after this row of this pass. */
export type Position = { pass: 0 | 1 | 2; key: string; id: string }
export type Found = Listed & { key: string }

const listed = (tx: Query) => tx`
  u.id, u.status, u.username, u.email, u.email_verified, u.name, roles_of(u.id) as roles, u.required_actions, u.created_at, u.updated_at`

/** Literals, so that the planner knows how few of one kind there are. */
const ofKind = (tx: Query, { kind = 'person' }: Filter) =>
  ({ person: tx`and u.kind = 'person'`, service: tx`and u.kind = 'service'`, all: tx`` })[kind]

/** The groups by which somebody holds a role: those that have it, and every one below them. Read once for a page. */
const groupsWith = (tx: Query, role: string) => tx`
  array(select g.id from roles r join group_roles gr on gr.role_id = r.id join groups g on g.ancestors @> array[gr.group_id]
    where lower(r.name) = lower(${role}) and g.deleted_at is null)`

/** The role is asked of each row in turn (a plain subquery): joined, everybody who has it would be looked up first. */
const filtered = (tx: Query, filter: Filter) => {
  const { status, role } = filter
  const holds = (name: string) => tx`
    and coalesce(
      (select true from roles r join user_roles ur on ur.role_id = r.id where ur.user_id = u.id and lower(r.name) = lower(${name}) limit 1),
      (select true from group_members gm where gm.user_id = u.id and gm.group_id = any (${groupsWith(tx, name)}) limit 1), false)`
  return tx`
    ${ofKind(tx, filter)} ${status === undefined ? tx`` : tx`and u.status = ${status}`} ${role === undefined ? tx`` : holds(role)}`
}

/**
 * Up to how many people of a role or a state are looked through one by one. Where there are more, going through everybody in
 * order fills a page as soon.
 */
const few = 5000

/** What of a filter leaves so few people that a page starts from them. */
export type Narrow = 'role' | 'status' | undefined

/** Finds that out; costs no more than those few. */
export const narrowest = async (tx: Query, filter: Filter): Promise<Narrow> => {
  for (const by of ['role', 'status'] as const) {
    if (filter[by] === undefined) continue
    const rows = await tx<{ count: number }[]>`
      select count(*)::int as count from (${members(tx, filter, by)} limit ${few + 1}) members`
    if ((rows[0]?.count ?? 0) <= few) return by
  }
  return undefined
}

const members = (tx: Query, { role = '', status = '' }: Filter, by: 'role' | 'status') =>
  by === 'status'
    ? tx`select id from users where status = ${status}`
    : tx`
        (select ur.user_id as id from roles r join user_roles ur on ur.role_id = r.id where lower(r.name) = lower(${role}) limit ${few + 1})
        union
        (select user_id as id from group_members where group_id = any (${groupsWith(tx, role)}) limit ${few + 1})`

/** The rows that a page can be of. `offset 0` keeps the planner from looking for a way of its own: each is found by its id. */
const people = (tx: Query, filter: Filter, narrow: Narrow) =>
  narrow === undefined
    ? tx`users u`
    : tx`(${members(tx, filter, narrow)} limit ${few}) members
      cross join lateral (select * from users where id = members.id offset 0) u`

export type Listing = { filter: Filter; narrow: Narrow; after: Position | undefined; limit: number }

/** Accounts, oldest first, after a row. Those of a state stand in that order in an index of their own. */
export const listUsersFiltered = async (tx: Query, { filter, narrow, after, limit }: Listing): Promise<Found[]> =>
  await tx<Found[]>`
    select ${listed(tx)}, u.created_at::text as key from ${people(tx, filter, narrow === 'role' ? narrow : undefined)}
    where ${after === undefined ? tx`true` : tx`(u.created_at, u.id) > (${after.key}::timestamptz, ${after.id})`} ${filtered(tx, filter)}
    order by u.created_at, u.id limit ${limit}`

export type Pass = Listing & { prefix: string }

/** The smallest text that is greater than every text with this beginning, in the order of bytes. */
const beyond = (prefix: string): string => `${prefix}\u{10ffff}`

/**
 * One pass: the rows whose column begins with the prefix, in the order of that column, without those that an earlier pass
 * has shown. `~>=~` and its kind compare bytes, as the indexes do.
 */
export const searchPass = async (
  tx: Query,
  pass: 0 | 1 | 2,
  { prefix, filter, narrow, after, limit }: Pass,
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
    select ${listed(tx)}, ${column} as key from ${people(tx, filter, narrow)}
    where ${column} ~>=~ ${prefix} and ${column} ~<~ ${beyond(prefix)} ${onwards} ${unseen} ${filtered(tx, filter)}
    order by ${column} using ~<~, u.id limit ${limit}`
}
