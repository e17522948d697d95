/**
 * Owns the list of accounts for administrators: filtered, searched by beginnings, page by page. A cursor is sealed and bound
 * to its query (security rule AD-5). Start reading at `searchUsers`.
 */
import type { Ctx } from '../ctx.ts'
import { openCursor, type Place, sealCursor } from '../http/cursor.ts'
import {
  type Filter,
  type Found,
  type Listed,
  listUsersFiltered,
  type Narrow,
  narrowest,
  type Position,
  searchPass,
} from './search-store.ts'

export type { Listed } from './search-store.ts'

export type SearchQuery = Filter & { q?: string | undefined; limit: number; cursor?: string | undefined }
export type UsersPage = { users: Listed[]; next: string | undefined }

/** One page. Undefined when the cursor is none of this query. */
export const searchUsers = async (ctx: Ctx, query: SearchQuery): Promise<UsersPage | undefined> => {
  const place = placeOf(query)
  const position =
    query.cursor === undefined ? undefined : (openCursor(ctx, place, query.cursor) as Position | undefined)
  if (query.cursor !== undefined && position === undefined) return undefined
  const prefix = query.q?.normalize('NFKC').trim().toLowerCase().slice(0, 200)
  const narrow = await narrowest(ctx.db, filterOf(query))
  const from = { position, narrow }
  const rows = prefix ? await searched(ctx, query, { prefix, ...from }) : await listed(ctx, query, from)
  const more = rows.length > query.limit
  const shown = rows.slice(0, query.limit)
  const last = shown.at(-1)
  const next = more && last ? sealCursor(ctx, place, last.position) : undefined
  return { users: shown.map(({ user }) => user), next }
}

type Row = { user: Listed; position: Position }

type From = { position: Position | undefined; narrow: Narrow }

const listed = async (ctx: Ctx, query: SearchQuery, { position: after, narrow }: From): Promise<Row[]> => {
  const users = await listUsersFiltered(ctx.db, { filter: filterOf(query), narrow, after, limit: query.limit + 1 })
  return users.map((user) => rowOf(user, 0))
}

/** Pass after pass, until the page is full. */
const searched = async (
  ctx: Ctx,
  query: SearchQuery,
  { prefix, position, narrow }: From & { prefix: string },
): Promise<Row[]> => {
  const rows: Row[] = []
  for (const pass of [0, 1, 2] as const) {
    const limit = query.limit + 1 - rows.length
    if (pass < (position?.pass ?? 0) || limit <= 0) continue
    const found = await searchPass(ctx.db, pass, { prefix, filter: filterOf(query), narrow, after: position, limit })
    rows.push(...found.map((row) => rowOf(row, pass)))
  }
  return rows
}

const rowOf = ({ key, ...user }: Found, pass: 0 | 1 | 2): Row => ({ user, position: { pass, key, id: user.id } })

const filterOf = ({ status, role, kind }: SearchQuery): Filter => ({ status, role, kind })

/** What a cursor is bound to: the same question, or it opens nothing. */
const placeOf = ({ q = '', status = '', role = '', kind = 'person' }: SearchQuery): Place => ({
  list: 'users',
  question: [q, status, role, kind],
})
