/**
 * Owns what the routes of the JSON API have in common: each declares what it reads and answers, so that the OpenAPI document
 * says what the code does; body and query are read exactly, and creations can be repeated safely.
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { repeated } from '../protocol/params.ts'
import { refuse } from './errors.ts'
import { once } from './idempotency.ts'
import { readBody } from './json-body.ts'
import type { May, PersonPrincipal, Proof } from './principal.ts'
import type { Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'
import { type ApiFacts, type Route, route } from './route.ts'

/** A call that was read. `params` are the named parts of the path. */
export type ApiCall<B, Q> = {
  request: HttpRequest
  person: PersonPrincipal
  body: B
  query: Q
  params: Readonly<Record<string, string>>
}

export type ApiRoute<B, Q> = Pick<Route, 'method' | 'path' | 'summary'> &
  Pick<ApiFacts, 'tag' | 'answers' | 'refuses' | 'creates'> & {
    may: May
    orOwner?: boolean
    keys?: boolean
    proofs?: readonly Proof[]
    /** As of a route; JSON where there is a body. */
    accepts?: NonNullable<Route['accepts']>
    limit?: NonNullable<Route['limit']>
    body?: z.ZodType<B>
    query?: z.ZodType<Q> & z.ZodObject
    handler: (ctx: Ctx, call: ApiCall<B, Q>) => Promise<Reply | Denial>
  }

/** A page of a list: how many rows, and where it begins (cursor.ts). */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(4000).optional(),
})

/** Of a list: the cursor of the next page, null on the last one. */
export const nextCursor = z.string().nullable()

/** An instant as answers write it (RFC 3339). */
export const instant = z.iso.datetime()

const nothing = z.strictObject({})

/** A route of the JSON API. Refusals are problems (RFC 9457). */
export const apiRoute = <B = Record<string, never>, Q = Record<string, never>>(definition: ApiRoute<B, Q>): Route => {
  const { handler: _handler, tag, answers, refuses, creates, body, query, accepts, ...facts } = definition
  const reads = accepts ?? (facts.method === 'GET' || (facts.method === 'DELETE' && !body) ? undefined : 'json')
  return route({
    ...facts,
    auth: 'person',
    errors: 'problem',
    ...(reads !== undefined && { accepts: reads }),
    api: {
      tag,
      answers,
      ...(body && { body }),
      ...(query && { query }),
      ...(refuses && { refuses }),
      ...(creates && { creates }),
    },
    handler: async (ctx, request, person) => {
      const work = async () => await answer(ctx, definition, { request, person })
      const result = creates ? await once(ctx, { request, person }, work) : await work()
      return isDenial(result) ? refuse(ctx, result, 'problem', { route: facts.path, request }) : result
    },
  })
}

const answer = async <B, Q>(
  ctx: Ctx,
  { handler, accepts, ...schemas }: ApiRoute<B, Q>,
  { request, person }: { request: HttpRequest; person: PersonPrincipal },
): Promise<Reply | Denial> => {
  const query = readQuery((schemas.query ?? nothing) as z.ZodType<Q>, request)
  if (isDenial(query)) return query
  const readsJson = accepts === undefined || accepts === 'json'
  const body = readsJson ? readBody((schemas.body ?? nothing) as z.ZodType<B>, request) : (undefined as B)
  if (isDenial(body)) return body
  return await handler(ctx, { request, person, body, query, params: request.pathParams })
}

/** The query as the schema has it. A parameter that is unknown, repeated or malformed is refused, never passed over (G-6). */
const readQuery = <T>(schema: z.ZodType<T>, request: HttpRequest): T | Denial => {
  const doubled = repeated(request.query)
  if (doubled) return doubled
  const sent = Object.fromEntries([...request.query].map(([name, values]) => [name, values[0]]))
  const read = schema.safeParse(sent)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : []
  const name = [...(issue?.path ?? []), ...unknown].map(String).join('.') || 'the query'
  return deny(
    'invalid_request',
    `${name}: ${unknown.length > 0 ? 'unknown parameter' : (issue?.message ?? 'not valid')}.`,
    {
      rule: 'the query has the parameters of the route (G-6)',
      expected: issue?.message ?? 'a valid query',
      got: `a wrong ${name}`,
    },
  )
}
