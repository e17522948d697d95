/**
 * Owns the addresses at which the audit trail, the reasons of refusals and the figures are read. Nothing here changes anything.
 * Start reading at `auditRoutes`.
 */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { findDecision } from '../events/decisions.ts'
import { callerOf } from '../events/record.ts'
import { type ApiCall, apiRoute, instant, nextCursor, pageQuery } from '../http/api-route.ts'
import { badQuery, nextLink, openCursor, sealCursor } from '../http/cursor.ts'
import { json, type Reply, stream } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { isUuid } from '../io/ids.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { exportRecorded } from './export.ts'
import { type FilterText, parseFilter } from './filter.ts'
import { findEvent, searchEvents } from './search.ts'
import { dashboard, dashboardSchema } from './stats.ts'
import { eventFacts, eventSchema } from './view.ts'

const path = '/api/v1/audit'
const tag = 'Audit'

const text = z
  .string()
  .regex(/^[^\u0000-\u001f\u007f]+$/)
  .max(300)
const filterQuery = z.strictObject({
  user_id: text.optional().describe('whom it happened to'),
  by: text.optional().describe('the administrator who did it'),
  type: text.optional().describe('types, between commas; `user.*` is every type of that noun'),
  from: text.optional().describe('an instant, included'),
  to: text.optional().describe('an instant, not included'),
  outcome: z.enum(['success', 'failure']).optional(),
  severity: z.enum(['info', 'notice', 'warning', 'alert']).optional(),
  client_id: text.optional(),
  ip: text.optional().describe('an address, or a network such as 192.0.2.0/24'),
  request_id: text.optional(),
})
const searchQuery = filterQuery.extend(pageQuery.shape)
const exportQuery = filterQuery.extend({ format: z.enum(['jsonl', 'csv']).default('jsonl') })

/** A cursor serves the query that gave it and no other; how many rows a page has is not part of it. */
const search = async (
  ctx: Ctx,
  { request, query }: ApiCall<unknown, z.infer<typeof searchQuery>>,
): Promise<Reply | Denial> => {
  const { limit, cursor, ...asked } = query
  const filter = parseFilter(asked)
  if (isDenial(filter)) return filter
  const place = { list: 'audit', question: questionOf(asked) }
  const before = cursor === undefined ? undefined : openCursor(ctx, place, cursor)
  if (cursor !== undefined && typeof before !== 'string')
    return badQuery('a cursor that this query gave', shown(cursor))
  const rows = await searchEvents(ctx.db, {
    filter,
    limit: limit + 1,
    ...(typeof before === 'string' && { before }),
  })
  const last = rows.length > limit ? rows[limit - 1] : undefined
  const next = last && sealCursor(ctx, place, last.id)
  const events = rows.slice(0, limit).map(eventFacts)
  return json({ events, next: next ?? null }, 200, { headers: nextLink(ctx, request, { path, next }) })
}

/** The same for the same filter, in whatever order it was written. */
const questionOf = (asked: FilterText): string[] =>
  Object.entries(asked)
    .toSorted(([one], [other]) => one.localeCompare(other))
    .flatMap(([name, value]) => [name, value ?? ''])

const types = { jsonl: 'application/x-ndjson', csv: 'text/csv; charset=utf-8' } as const

const takeOut = async (
  ctx: Ctx,
  { request, person, query }: ApiCall<unknown, z.infer<typeof exportQuery>>,
): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, request, person)
  if (stale) return stale
  const { format, ...asked } = query
  const filter = parseFilter(asked)
  if (isDenial(filter)) return filter
  const by = { actor_id: person.subject.id, ...callerOf(request) }
  const pieces = await exportRecorded(ctx, { format, filter }, by)
  const headers = { 'content-disposition': `attachment; filename="audit.${format}"` }
  return stream(Readable.from(pieces), types[format], { headers })
}

const nothing = (what: string): Denial =>
  deny('not_found', `There is no such ${what}.`, { rule: `the ${what} is there` }, { status: 404 })

const decisionSchema = z.object({
  error_id: z.string(),
  at: instant,
  error: z.string(),
  error_description: z.string(),
  rule: z.string(),
  expected: z.string().nullable(),
  got: z.string().nullable(),
  remedy: z.string().nullable(),
  route: z.string(),
  client_id: z.string().nullable(),
  request_id: z.string(),
})

export const auditRoutes: readonly Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    summary: 'Search events, newest first',
    may: 'audit:read',
    query: searchQuery,
    answers: { 200: z.object({ events: z.array(eventSchema), next: nextCursor }) },
    handler: search,
  }),
  apiRoute({
    method: 'GET',
    path: `${path}/export`,
    tag,
    summary: 'Export events in their order, as JSON lines or CSV; needs a fresh proof',
    may: 'audit:read',
    query: exportQuery,
    answers: { 200: 'lines' },
    handler: takeOut,
  }),
  apiRoute({
    method: 'GET',
    path: `${path}/:id`,
    tag,
    summary: 'Read one event',
    may: 'audit:read',
    answers: { 200: eventSchema },
    refuses: [404],
    handler: async (ctx, { params }) => {
      const { id = '' } = params
      const event = isUuid(id) ? await findEvent(ctx.db, id) : undefined
      return event === undefined ? nothing('event') : json(eventFacts(event))
    },
  }),
  apiRoute({
    method: 'GET',
    path: '/api/v1/decisions/:error_id',
    tag,
    summary: 'Read why a request was refused',
    may: 'decisions:read',
    answers: { 200: decisionSchema },
    refuses: [404],
    handler: async (ctx, { params }) => {
      const found = await findDecision(ctx.db, params['error_id'] ?? '')
      return found === undefined ? nothing('decision record') : json({ ...found, at: found.at.toISOString() })
    },
  }),
  apiRoute({
    method: 'GET',
    path: '/api/v1/stats/dashboard',
    tag,
    summary: 'Read figures of this deployment: people, sessions, and each of the last days',
    may: 'stats:read',
    query: z.strictObject({ days: z.coerce.number().int().min(1).max(366).default(30) }),
    answers: { 200: dashboardSchema },
    handler: async (ctx, { query }) => json(await dashboard(ctx, query.days)),
  }),
]
