/**
 * Owns what the page at /docs says: the OpenAPI document as chapters, tables and ready calls. Pure; how it looks is the
 * template's affair. Start reading at `referenceOf`.
 */
import type { OpenApi } from '../http/openapi.ts'
import { exampleOf, type Named, resolveSchema, schemaName } from '../http/openapi-example.ts'
import type { JsonSchema } from '../http/openapi-schema.ts'
import type { ReferenceOperation, ReferencePart, ReferenceRow, ReferenceView } from '../pages/reference-data.ts'

type Content = Record<string, { schema: JsonSchema }>
type Response = { $ref?: string; description?: string; content?: Content }
type Operation = {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: { name: string; in: string; required: boolean; schema: JsonSchema; description?: string }[]
  requestBody?: { content: Content }
  responses: Record<string, Response>
}

type Facts = { issuer: string; named: Named; shared: Readonly<Record<string, Response>> }

/** The chapters of the page, every schema that has a name, and what the statuses of refusals mean. */
export const referenceOf = (document: OpenApi): ReferenceView => {
  const { schemas, responses } = document.components as { schemas: Named; responses: Facts['shared'] }
  const facts: Facts = { issuer: document.servers[0]?.url ?? '', named: schemas, shared: responses }
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ path, method: method.toUpperCase(), one: one as Operation })),
  )
  return {
    chapters: document.tags.map(({ name }) => ({
      id: idOf(name),
      title: name,
      operations: all.filter(({ one }) => one.tags.includes(name)).map((found) => operationOf(found, facts)),
    })),
    schemas: Object.entries(schemas).map(([name, schema]) => ({
      id: schemaId(name),
      title: name,
      type: '',
      rows: rowsOf(schema, facts.named),
    })),
    refusals: meaningsOf(responses),
  }
}

const meaningsOf = (responses: Facts['shared']): ReferenceView['refusals'] => {
  const all = Object.entries(responses).map(([name, { description = '' }]): [string, string] => [
    name.slice(-3),
    description,
  ])
  const meanings = [...new Map(all)].map(([status, meaning]) => ({ status, meaning }))
  return meanings.toSorted((one, other) => Number(one.status) - Number(other.status))
}

const idOf = (title: string): string => title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
const schemaId = (name: string): string => `schema-${name}`

type Found = { path: string; method: string; one: Operation }

const operationOf = (found: Found, facts: Facts): ReferenceOperation => {
  const { path, method, one } = found
  const answers = Object.entries(one.responses).filter(([, { $ref }]) => $ref === undefined)
  const refusals = Object.entries(one.responses).filter(([, { $ref }]) => $ref !== undefined)
  return {
    id: one.operationId,
    method,
    path,
    summary: one.summary,
    who: (one.description ?? whoOf(one)).split('`'),
    parameters: (one.parameters ?? []).map(({ name, in: place, required, schema, description = '' }) => ({
      depth: 0,
      name,
      type: `${typeOf(schema)} · ${place}`,
      required,
      description: description.split('`'),
    })),
    bodies: Object.entries(one.requestBody?.content ?? {}).map(([type, { schema }]) =>
      partOf('Body', type, schema, facts),
    ),
    answers: answers.flatMap(([status, { description = '', content = {} }]) => {
      const parts = Object.entries(content).map(([type, { schema }]) => partOf(status, type, schema, facts))
      return parts.length > 0 ? parts : [{ title: status, type: description, rows: [] }]
    }),
    refusals: refusals.map(([status, { $ref = '' }]) => ({
      status,
      meaning: facts.shared[$ref.split('/').at(-1) ?? '']?.description ?? '',
    })),
    curl: curlOf(found, facts),
  }
}

const whoOf = ({ security }: Operation): string => {
  const [first] = security.flatMap((way) => Object.keys(way))
  if (first === undefined) return 'Anybody.'
  return first === 'client'
    ? 'An application that authenticates.'
    : 'Whoever holds such an access token, or an API key.'
}

const partOf = (title: string, type: string, schema: JsonSchema, { named }: Facts): ReferencePart => ({
  title,
  type,
  ...(schemaName(schema) !== undefined && { schema: schemaName(schema) ?? '' }),
  rows: rowsOf(resolveSchema(schema, named), named),
})

/** The members of a schema, those of objects within it below them; what has a name is described in its own place. */
const rowsOf = (schema: JsonSchema, named: Named, depth = 0): ReferenceRow[] => {
  const choices = choicesOf(schema)
  if (choices.length > 0) return choices.flatMap((one) => rowsOf(resolveSchema(one, named), named, depth))
  const inner = schema.type === 'array' ? (schema['items'] as JsonSchema) : schema
  if (inner !== schema && schemaName(inner) === undefined) return rowsOf(inner, named, depth)
  return Object.entries(schema.properties ?? {}).flatMap(([name, one]) => rowOf(name, one, { schema, named, depth }))
}

type Around = { schema: JsonSchema; named: Named; depth: number }

const rowOf = (name: string, one: JsonSchema, { schema, named, depth }: Around): ReferenceRow[] => {
  const link = linkOf(one)
  const row: ReferenceRow = {
    depth,
    name,
    type: typeOf(one),
    required: schema.required?.includes(name) ?? false,
    description: (one.description ?? '').split('`'),
    ...(link !== undefined && { link: schemaId(link) }),
  }
  return link === undefined && depth < 4 ? [row, ...rowsOf(one, named, depth + 1)] : [row]
}

const choicesOf = (schema: JsonSchema): JsonSchema[] => (schema['anyOf'] ?? schema['oneOf'] ?? []) as JsonSchema[]

/** The named schema that a member, or what is listed in it, has. */
const linkOf = (schema: JsonSchema): string | undefined =>
  schemaName(schema) ??
  (schema.type === 'array' ? linkOf((schema['items'] ?? {}) as JsonSchema) : undefined) ??
  choicesOf(schema)
    .map((one) => linkOf(one))
    .find((name) => name !== undefined)

/** In words: `string (uuid)`, `"a" or "b"`, `list of Role`, `integer from 1 to 200, 50 when nothing is said`. */
const typeOf = (schema: JsonSchema): string => {
  const name = schemaName(schema)
  if (name !== undefined) return name
  const choices = choicesOf(schema)
  if (choices.length > 0) return [...new Set(choices.map((one) => typeOf(one)))].join(' or ')
  if (schema['const'] !== undefined) return JSON.stringify(schema['const'])
  if (schema.type === 'array') return `list of ${typeOf((schema['items'] ?? {}) as JsonSchema)}`
  const values = schema['enum'] as unknown[] | undefined
  const plain = values ? values.map((one) => JSON.stringify(one)).join(' or ') : wordsOf(schema.type)
  return `${plain}${boundsOf(schema)}`
}

/** Several types are alternatives. */
const wordsOf = (type: string | string[] | undefined): string =>
  type === undefined ? 'anything' : [type].flat().join(' or ')

/** Numbers that are no more than what a computer can hold say nothing. */
const told = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) < 2 ** 31

const boundsOf = (schema: JsonSchema): string => {
  const { minimum, maximum, maxLength, format, default: usual } = schema as Record<string, unknown>
  const parts = [
    ...(typeof format === 'string' ? [` (${format})`] : []),
    ...(told(minimum) ? [` from ${minimum}`] : []),
    ...(told(maximum) ? [` to ${maximum}`] : []),
    ...(told(maxLength) ? [`, at most ${maxLength} characters`] : []),
    ...(usual === undefined ? [] : [`; ${JSON.stringify(usual)} when nothing is said`]),
  ]
  return parts.join('')
}

/** A call that can be pasted into a shell. */
const curlOf = ({ path, method, one }: Found, facts: Facts): string => {
  const needed = (one.parameters ?? []).filter(({ in: place, required }) => place === 'query' && required)
  const query = needed.map(({ name, schema }) => `${name}=${String(exampleOf(schema, facts.named, name))}`).join('&')
  const lines = [
    `curl${method === 'GET' ? '' : ` -X ${method}`} '${facts.issuer}${path}${query === '' ? '' : `?${query}`}'`,
    ...proofOf(one).map((header) => `  ${header}`),
    ...dataOf(one, facts.named).map((part) => `  ${part}`),
  ]
  return lines.join(' \\\n')
}

const proofOf = ({ security }: Operation): string[] => {
  const ways = new Set(security.flatMap((way) => Object.keys(way)))
  if (ways.has('client')) return ["-u 'CLIENT_ID:CLIENT_SECRET'"]
  if (ways.has('api_key')) return ["-H 'X-API-Key: kw_ak_…'"]
  return ways.has('token') ? ["-H 'Authorization: Bearer ACCESS_TOKEN'"] : []
}

const dataOf = ({ requestBody }: Operation, named: Named): string[] => {
  const [found] = Object.entries(requestBody?.content ?? {})
  if (found === undefined) return []
  const [type, { schema }] = found
  const example = exampleOf(schema, named)
  if (type === 'application/x-www-form-urlencoded')
    return Object.entries(example as Record<string, unknown>).map(([name, value]) => `-d '${name}=${String(value)}'`)
  if (type !== 'application/json') return [`-H 'Content-Type: ${type}'`, "--data-binary '@FILE'"]
  return [`-H 'Content-Type: ${type}'`, `-d '${JSON.stringify(example).replaceAll("'", "'\\''")}'`]
}
