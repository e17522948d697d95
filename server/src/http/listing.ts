/**
 * Owns lists of the JSON API that are read page by page: rows in the order of an instant and an id, a sealed cursor, the address
 * of the next page in the body and as Link (RFC 8288).
 */
import type { Ctx } from '../ctx.ts'
import { type Denial, shown } from '../protocol/errors.ts'
import { badQuery, nextLink, openCursor, type Place, sealCursor } from './cursor.ts'
import { json, type Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'

/** The row after which a page begins. */
export type Position = { at: Date; id: string }

export type Listing<Row> = {
  /** Path of the list below the issuer. */
  path: string
  /** What the cursor is bound to: the list, and everything else that decides which rows it shows. */
  place: Place
  /** As `pageQuery` reads them. */
  query: { limit: number; cursor?: string | undefined }
  /** The member of the answer that holds the rows. */
  member: string
  load: (page: { limit: number; after: Position | undefined }) => Promise<Row[]>
  positionOf: (row: Row) => Position
  view: (row: Row) => unknown
}

/** Answers one page. Refuses a cursor that this list and question did not give (security rule AD-5). */
export const listPage = async <Row>(ctx: Ctx, request: HttpRequest, listing: Listing<Row>): Promise<Reply | Denial> => {
  const { query, place, path } = listing
  const after = query.cursor === undefined ? undefined : openPosition(ctx, place, query.cursor)
  if (query.cursor !== undefined && after === undefined)
    return badQuery('a cursor that this query gave', shown(query.cursor))
  const rows = await listing.load({ limit: query.limit + 1, after })
  const page = rows.slice(0, query.limit)
  const last = rows.length > query.limit ? page.at(-1) : undefined
  const next = last && sealPosition(ctx, place, listing.positionOf(last))
  const body = { [listing.member]: page.map((row) => listing.view(row)), next: next ?? null }
  return json(body, 200, { headers: nextLink(ctx, request, { path, next }) })
}

const sealPosition = (ctx: Ctx, place: Place, { at, id }: Position): string =>
  sealCursor(ctx, place, [at.toISOString(), id])

const openPosition = (ctx: Ctx, place: Place, cursor: string): Position | undefined => {
  const position = openCursor(ctx, place, cursor)
  return Array.isArray(position) ? { at: new Date(String(position[0])), id: String(position[1]) } : undefined
}
