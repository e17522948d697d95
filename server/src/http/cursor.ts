/**
 * Owns the cursors of lists: where the next page begins, sealed under a key of their own and bound to the query that gave
 * them, so that nobody reads, forges or moves one (security rule AD-5).
 */
import type { Ctx } from '../ctx.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import type { HttpRequest } from './request.ts'

/** `list` names the list; `question` is everything else that decides which rows it shows. */
export type Place = { list: string; question?: readonly string[] }

const textOf = ({ list, question = [] }: Place): string => `cursor|${list}|${JSON.stringify(question)}`

/** A cursor for the row after which the next page begins. `position` must survive JSON. */
export const sealCursor = (ctx: Pick<Ctx, 'secrets'>, place: Place, position: unknown): string =>
  ctx.secrets.seal(JSON.stringify(position), textOf(place), 'cursor')

/** The position that was sealed. Undefined when the cursor is none of this list and this question. */
export const openCursor = (ctx: Pick<Ctx, 'secrets'>, place: Place, cursor: string): unknown => {
  try {
    return JSON.parse(ctx.secrets.open(cursor, textOf(place), 'cursor'))
  } catch {
    return undefined
  }
}

/** RFC 8288: the same query, from the next row on; nothing where there is none. */
export const nextLink = (
  ctx: Pick<Ctx, 'config'>,
  request: HttpRequest,
  { path, next }: { path: string; next: string | undefined },
): Record<string, string> => {
  if (next === undefined) return {}
  const query = new URLSearchParams(request.rawQuery)
  query.set('cursor', next)
  return { link: `<${ctx.config.issuer}${path}?${query.toString()}>; rel="next"` }
}

/** How many rows a page has: 50 where nothing is said, 200 at most. Undefined when what is said is no such number. */
export const pageSize = (request: HttpRequest): number | undefined => {
  const limit = Number(param(request.query, 'limit') ?? 50)
  return Number.isInteger(limit) && limit >= 1 && limit <= 200 ? limit : undefined
}

/** Of a query of a list that asks for what there is not. */
export const badQuery = (expected: string, got: string): Denial =>
  deny('invalid_request', `The query is not valid: expected ${expected}.`, {
    rule: 'the query can be read (G-6)',
    expected,
    got,
  })
