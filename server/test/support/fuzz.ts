/**
 * Owns values made up from the schemas of the OpenAPI document: such as the document allows, and broken ones. Ids are places in a pool
 * (`«id 7»`), filled in when the request is sent, with what earlier answers have made. Start reading at `requestsFor`.
 */
import fc, { type Arbitrary } from 'fast-check'
import { document, type Operation } from './document.ts'

type Schema = {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: boolean | Schema
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  format?: string
  examples?: unknown[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
}

/** What to send. Texts may hold places of the pool. */
export type FuzzRequest = {
  path: Record<string, string>
  query: [string, string][]
  headers: Record<string, string>
  /** Already as it goes over the wire; undefined sends none. */
  body: string | undefined
  type: string | undefined
  caller: number
}

const resolved = (schema: Schema): Schema => {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : resolved(document.components.schemas[name] as Schema)
}

/** A place of the pool, of one kind of thing or of any. */
const anIdOf = (kind: string): Arbitrary<string> => fc.nat({ max: 400 }).map((at) => `«${kind} ${at}»`)
const anId = anIdOf('id')
const soon = fc.integer({ min: -1, max: 400 }).map((days) => new Date(Date.now() + days * 86_400_000).toISOString())
const address = fc.nat({ max: 9999 }).map((at) => `fuzz-${at}@example.com`)
const odd = fc.constantFrom(
  '',
  ' ',
  '\u0000',
  '\u202e',
  'ｆｕｌｌ',
  '\ud800',
  "'; --",
  '__proto__',
  '%00',
  '../..',
  '𝒜'.repeat(40),
)

/** Texts that get far: names, addresses, permissions, web addresses. */
const text = (schema: Schema): Arbitrary<string> => {
  if (schema.format === 'uuid') return fc.oneof({ weight: 4, arbitrary: anId }, fc.uuid())
  if (schema.format === 'date-time') return soon
  const { minLength = 0, maxLength = 2000 } = schema
  const plain = fc.stringMatching(/^[a-z][a-z0-9-]{1,11}$/).filter((one) => one.length >= minLength)
  const fitting = fc.oneof(
    { weight: 4, arbitrary: plain },
    { weight: 1, arbitrary: address },
    { weight: 1, arbitrary: anId },
    { weight: 1, arbitrary: fc.tuple(plain, plain).map(([one, other]) => `${one}:${other}`) },
    { weight: 1, arbitrary: plain.map((one) => `https://${one}.example/callback`) },
    { weight: 1, arbitrary: fc.string({ minLength, maxLength: Math.min(maxLength, 80) }) },
  )
  return fitting.map((one) => one.slice(0, maxLength))
}

/** A value that the schema allows, as far as the schema says it. */
export const valueOf = (given: Schema, depth = 0): Arbitrary<unknown> => {
  const schema = resolved(given)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map((one) => valueOf(one, depth + 1)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  const examples = schema.examples?.length ? [fc.constantFrom(...schema.examples)] : []
  const made = ofType(schema, depth)
  return fc.oneof(made, ...examples)
}

const ofType = (schema: Schema, depth: number): Arbitrary<unknown> => {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'string') return text(schema)
  if (type === 'boolean') return fc.boolean()
  if (type === 'null') return fc.constant(null)
  if (type === 'integer' || type === 'number') {
    const { minimum = -5, maximum = 1_000_000 } = schema
    return fc.integer({ min: Math.max(minimum, -2_147_483_648), max: Math.min(maximum, 2_147_483_647) })
  }
  if (type === 'array')
    return fc.array(valueOf(schema.items ?? {}, depth + 1), {
      minLength: schema.minItems ?? 0,
      maxLength: Math.min(schema.maxItems ?? 3, 3),
    })
  if (type !== 'object' || depth > 6) return fc.jsonValue({ maxDepth: 2 })
  if (schema.properties === undefined) return fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 1 }))
  const members = Object.entries(schema.properties).map(([name, one]): [string, Arbitrary<unknown>] => [
    name,
    named(name, one, depth),
  ])
  return fc.record(Object.fromEntries(members), { requiredKeys: schema.required ?? [] })
}

/** Some members say by their name what they want. */
const named = (name: string, schema: Schema, depth: number): Arbitrary<unknown> => {
  const made = valueOf(schema, depth + 1)
  const isText = resolved(schema).type === 'string'
  if (isText && name === 'email') return fc.oneof({ weight: 4, arbitrary: address }, made)
  const kind = /^(role|permission|group|user|owner)_ids?$/.exec(name)?.[1]
  if (kind !== undefined) {
    const one = anIdOf(kind === 'owner' ? 'users' : `${kind}s`)
    return fc.oneof({ weight: 6, arbitrary: isText ? one : fc.array(one, { maxLength: 2 }) }, made)
  }
  if (isText && /uri|url/.test(name)) return fc.oneof(fc.constant('https://app.example/callback'), made)
  return made
}

const junk: Arbitrary<unknown> = fc.oneof(
  odd,
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true }),
  fc.constantFrom(-1, 1e300, 2_147_483_648),
  fc.array(odd, { maxLength: 3 }),
  fc.jsonValue({ maxDepth: 3 }),
  fc.constant('x'.repeat(5000)),
)

/** The value with one thing wrong with it: a member of another kind, one too many, one missing, or something else altogether. */
const broken = (value: unknown): Arbitrary<unknown> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return junk
  const names = [...Object.keys(value), 'unheard_of']
  return fc.oneof(
    {
      weight: 5,
      arbitrary: fc.tuple(fc.constantFrom(...names), junk).map(([name, one]) => ({ ...value, [name]: one })),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...names).map((name) => {
        const { [name]: _gone, ...rest } = value as Record<string, unknown>
        return rest
      }),
    },
    { weight: 1, arbitrary: junk },
  )
}

const queryOf = (parameters: Operation['parameters']): Arbitrary<[string, string][]> => {
  const known = (parameters ?? []).filter((one) => one.in === 'query')
  const right = fc
    .tuple(
      ...known.map(({ name, schema }) =>
        fc.option(
          valueOf(schema as Schema).map((value): [string, string] => [name, String(value)]),
          {
            nil: undefined,
            freq: 1,
          },
        ),
      ),
    )
    .map((pairs) => pairs.filter((pair): pair is [string, string] => pair !== undefined))
  const names = [...known.map(({ name }) => name), 'unheard_of']
  const wrong = fc.array(fc.tuple(fc.constantFrom(...names), fc.oneof(odd, fc.string({ maxLength: 40 }))), {
    maxLength: 3,
  })
  return fc.oneof({ weight: 8, arbitrary: right }, { weight: 2, arbitrary: wrong })
}

const pathOf = (parameters: Operation['parameters']): Arbitrary<Record<string, string>> => {
  const names = (parameters ?? []).filter((one) => one.in === 'path').map(({ name }) => name)
  const strange = odd.filter((value) => value.trim() !== '')
  const one = (name: string) =>
    fc.oneof(
      { weight: 12, arbitrary: anIdOf(`${name.replace(/_id$/, '')}s`) },
      fc.uuid(),
      strange,
      fc.string({ minLength: 1, maxLength: 30 }),
    )
  return fc.record(Object.fromEntries(names.map((name) => [name, one(name)])))
}

/** Rarely: most calls with another ETag, or with a key that was used, end there. */
const headersOf = (parameters: Operation['parameters']): Arbitrary<Record<string, string>> => {
  const names = (parameters ?? []).filter((one) => one.in === 'header').map(({ name }) => name.toLowerCase())
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: 1_000_000 }).map((at) => `key-${at}`) },
    { weight: 1, arbitrary: fc.constantFrom('*', '"abc"', 'W/"abc"', 'key-1', 'x'.repeat(300), 'ü') },
  )
  const one = fc.oneof({ weight: 5, arbitrary: fc.constant('') }, { weight: 1, arbitrary: value })
  return fc
    .record(Object.fromEntries(names.map((name) => [name, one])))
    .map((all) => Object.fromEntries(Object.entries(all).filter(([, sent]) => sent !== '')))
}

type Sent = Pick<FuzzRequest, 'body' | 'type'>

const bodyOf = ({ requestBody }: Operation): Arbitrary<Sent> => {
  const [[type, content] = []] = Object.entries(requestBody?.content ?? {})
  if (type === undefined || content === undefined)
    return fc.oneof(
      { weight: 8, arbitrary: fc.constant({ body: undefined, type: undefined }) },
      fc.jsonValue({ maxDepth: 1 }).map((value) => ({ body: JSON.stringify(value), type: 'application/json' })),
    )
  const right = valueOf(content.schema)
  const value = fc.oneof({ weight: 7, arbitrary: right }, { weight: 3, arbitrary: right.chain(broken) })
  const written = value.map((one): Sent => ({ body: writtenAs(type, one), type }))
  const unreadable = fc
    .tuple(
      fc.constantFrom('{', '"', 'null', '[]', '', '{"a":1}{', '\u0000'),
      fc.constantFrom(type, 'text/plain', 'application/json'),
    )
    .map(([body, other]): Sent => ({ body, type: other }))
  return fc.oneof({ weight: 19, arbitrary: written }, { weight: 1, arbitrary: unreadable })
}

const writtenAs = (type: string, value: unknown): string => {
  if (type === 'application/json') return JSON.stringify(value)
  if (type !== 'application/x-www-form-urlencoded')
    return typeof value === 'string' ? value : `${JSON.stringify(value)}\n`
  const pairs = typeof value === 'object' && value !== null ? Object.entries(value) : [['odd', value] as const]
  return new URLSearchParams(
    pairs.map(([name, one]): [string, string] => [name, typeof one === 'string' ? one : JSON.stringify(one)]),
  ).toString()
}

/** As many requests of an operation as are wanted; the same ones for the same seed. */
export const requestsFor = (
  operation: Operation,
  { seed, count, callers }: { seed: number; count: number; callers: number },
): FuzzRequest[] => {
  const { parameters } = operation
  const all = fc
    .record({
      path: pathOf(parameters),
      query: queryOf(parameters),
      headers: headersOf(parameters),
      sent: bodyOf(operation),
      caller: fc.nat({ max: callers - 1 }),
    })
    .map(({ sent, ...rest }): FuzzRequest => ({ ...rest, ...sent }))
  return fc.sample(all, { numRuns: count, seed })
}
