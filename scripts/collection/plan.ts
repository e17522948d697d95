/**
 * Owns which requests the collections for Postman and Bruno have, in which order, and what each keeps of its answer for later
 * ones, so that all of them run one after the other against a fresh server. Computed from the OpenAPI document; what the document
 * cannot say is in table.ts. Start reading at `planOf`.
 */
import { exampleOf, type Named, resolveSchema } from '../../server/src/http/openapi-example.ts'
import type { JsonSchema } from '../../server/src/http/openapi-schema.ts'
import { early, keeps, last, needs, skipped, special } from './table.ts'

type Parameter = { name: string; in: string; required: boolean; schema: JsonSchema }
export type Operation = {
  operationId: string
  summary: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: JsonSchema }> }
  responses: Record<string, { content?: Record<string, { schema: JsonSchema }> }>
}
export type Document = { paths: Record<string, Record<string, Operation>>; components: { schemas: Named } }

/** `from` is a path into the JSON of the answer: `user.id`, `events.0.id`. */
export type Keep = { variable: string; from: string }
/** One request. Variables are written `{{name}}`. */
export type Planned = {
  id: string
  name: string
  folder: string
  method: string
  path: string
  headers: [name: string, value: string][]
  basic?: { username: string; password: string }
  body?: { type: string; text: string }
  expected: number[]
  keeps: Keep[]
}

export type Found = { path: string; method: string; operation: Operation }

/** Every request, in order. */
export const planOf = (document: Document): Planned[] => {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Found => ({ path, method: method.toUpperCase(), operation })),
  )
  const found = new Map(all.map((one) => [one.operation.operationId, one]))
  const usable = all.filter(({ operation }) => !(operation.operationId in skipped))
  const named = (ids: readonly string[]): Found[] => ids.flatMap((id) => found.get(id) ?? [])
  const start = named(needs)
  const end = named(last)
  const rest = usable.filter((one) => !start.includes(one) && !end.includes(one))
  const makes = rest.filter((one) => makesThing(one))
  // What hangs on something goes before it.
  const deep = ({ path }: Found): number => path.split('{').length
  const takes = rest
    .filter(({ method }) => method === 'DELETE')
    .toReversed()
    .toSorted((one, other) => deep(other) - deep(one))
  const others = rest.filter((one) => !makes.includes(one) && !takes.includes(one)).toSorted(byTagAndRank(document))
  const request = (folder: (one: Found) => string) => (one: Found) => plannedOf(one, { document, folder: folder(one) })
  const plan = [
    ...start.map(request(() => 'Begin')),
    ...makes.map(request(() => 'Make')),
    ...others.map(request(({ operation }) => operation.tags[0] ?? '')),
    ...takes.map(request(() => 'Take away')),
    ...end.map(request(() => 'End')),
  ]
  const text = JSON.stringify(plan)
  const isUsed = ({ variable }: Keep): boolean => text.includes(`{{${variable}}}`)
  return plan.map((one) => ({ ...one, keeps: one.keeps.filter(isUsed) }))
}

/** A creation at the address of its list. */
const makesThing = ({ method, path, operation }: Found): boolean =>
  method === 'POST' && !path.includes('{') && path.startsWith('/api/v1/') && '201' in operation.responses

/** What switches off comes before what switches on again. */
const rankOf = ({ path }: Pick<Found, 'path'>): number => {
  if (/(?:deactivate|disable|pause|\/lock)$/.test(path)) return 1
  return /(?:activate|enable|resume|unlock)$/.test(path) ? 2 : 0
}

const byTagAndRank = ({ paths }: Document) => {
  const chapters = [
    ...new Set(Object.values(paths).flatMap((methods) => Object.values(methods).flatMap(({ tags }) => tags))),
  ]
  const place = ({
    operation: {
      tags: [tag = ''],
    },
  }: Found): number => (early.includes(tag) ? -1 : chapters.indexOf(tag))
  return (one: Found, other: Found): number => place(one) - place(other) || rankOf(one) - rankOf(other)
}

type Facts = { document: Document; folder: string }

const plannedOf = (one: Found, { document, folder }: Facts): Planned => {
  const { operation, method } = one
  const { operationId } = operation
  const extra = special[operationId] ?? {}
  const body = bodyOf(one, document, extra.body)
  const success = Object.keys(operation.responses).filter((status) => status.startsWith('2'))
  const proof = proofOf(one, extra.proof)
  return {
    id: operationId,
    name: operation.summary,
    folder,
    method,
    path: `${pathOf(one, document)}${queryOf(one, document, extra.query)}`,
    headers: [
      ...proof.headers,
      ...(extra.headers ?? []),
      ...(body ? [['Content-Type', body.type] as [string, string]] : []),
    ],
    ...(proof.basic && { basic: proof.basic }),
    ...(body && { body }),
    expected: success.map(Number),
    keeps: [...ownKeeps(one, document), ...(keeps[operationId] ?? [])],
  }
}

type Proof = Pick<Planned, 'headers' | 'basic'>

const basic = { username: '{{client_id}}', password: '{{client_secret}}' }
const proofs: Record<string, Proof> = {
  session: { headers: [['X-CSRF-Token', '{{csrf_token}}']] },
  api_key: { headers: [['X-API-Key', '{{api_key}}']] },
  token: { headers: [['Authorization', 'Bearer {{access_token}}']] },
  client: { headers: [], basic },
}

/** The session of the person who has signed in at the beginning, where it is taken; the cookie goes along by itself. */
const proofOf = ({ operation }: Found, wanted: string | undefined): Proof => {
  const ways = operation.security.flatMap((way) => Object.keys(way))
  const way = wanted ?? ['session', 'token', 'api_key', 'client'].find((one) => ways.includes(one))
  return (way === undefined ? undefined : proofs[way]) ?? { headers: [] }
}

/** `roles` → `role`, `api-keys` → `api_key`. */
const singular = (word: string): string => word.replaceAll('-', '_').replace(/s$/, '')

/** `/a/{id}/b` makes things that only its own addresses know. */
const nestedName = (path: string): string | undefined => {
  const [, outer, inner] = /([a-z-]+)\/\{id\}\/([a-z-]+)$/.exec(path) ?? []
  return outer === undefined || inner === undefined ? undefined : `${singular(outer)}_${singular(inner)}_id`
}

const makesAt = ({ paths }: Document, path: string): boolean => '201' in (paths[path]?.['post']?.responses ?? {})

/** Placeholders become variables: `{id}` is what the word before it makes. */
const pathOf = ({ path, operation }: Found, document: Document): string =>
  path.replaceAll(/([a-z-]+)\/\{([a-z_]+)\}/g, (_whole, word: string, name: string, at: number) => {
    const own = special[operation.operationId]?.path?.[name]
    const list = path.slice(0, at + word.length)
    const nested = makesAt(document, list) ? nestedName(list) : undefined
    return `${word}/{{${own ?? nested ?? (name === 'id' ? `${singular(word)}_id` : name)}}}`
  })

const queryOf = ({ operation }: Found, { components }: Document, given: Record<string, string> = {}): string => {
  const needed = (operation.parameters ?? []).filter(
    (one) => one.in === 'query' && one.required && !(one.name in given),
  )
  const pairs = [
    ...needed.map(({ name, schema }) => [name, String(exampleOf(schema, components.schemas, name))]),
    ...Object.entries(given),
  ]
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`
}

const bodyOf = (
  { operation }: Found,
  { components }: Document,
  given: Record<string, unknown> | undefined,
): Planned['body'] => {
  const [found] = Object.entries(operation.requestBody?.content ?? {})
  if (found === undefined) return undefined
  const [type, { schema }] = found
  const example = exampleOf(schema, components.schemas)
  if (typeof example === 'string') return { type, text: example }
  const value = { ...(example as Record<string, unknown>), ...given }
  const text =
    type === 'application/json'
      ? JSON.stringify(value, undefined, 2)
      : Object.entries(value)
          .map(([name, one]) => `${name}=${String(one)}`)
          .join('&')
  return { type, text }
}

/** What is made is known by its id from then on, and by its secrets. */
const ownKeeps = ({ path, method, operation }: Found, { components }: Document): Keep[] => {
  const [, content] = Object.entries(operation.responses['201']?.content ?? {})[0] ?? []
  if (method !== 'POST' || content === undefined) return []
  const word = path.split('/').at(-1) ?? ''
  const { properties = {} } = resolveSchema(content.schema, components.schemas)
  const [member, inner] = Object.entries(properties)[0] ?? []
  const isWrapped =
    !('id' in properties) && inner !== undefined && 'id' in (resolveSchema(inner, components.schemas).properties ?? {})
  const variable = (path.includes('{') ? nestedName(path) : undefined) ?? `${singular(word)}_id`
  if (isWrapped) return [{ variable, from: `${member ?? ''}.id` }]
  return 'id' in properties ? [{ variable, from: 'id' }] : []
}
