/** Owns example values out of the schemas of the OpenAPI document, for the reference page and the request collections. Pure. */
import type { JsonSchema } from './openapi-schema.ts'

/** Named schemas of the document. */
export type Named = Readonly<Record<string, JsonSchema>>

/** A schema behind its name. */
export const resolveSchema = (schema: JsonSchema, named: Named): JsonSchema => {
  const name = typeof schema['$ref'] === 'string' ? schema['$ref'].split('/').at(-1) : undefined
  return name === undefined ? schema : resolveSchema(named[name] ?? {}, named)
}

/** The name of a schema that has one. */
export const schemaName = (schema: JsonSchema): string | undefined =>
  typeof schema['$ref'] === 'string' ? schema['$ref'].split('/').at(-1) : undefined

/** What members of these names hold where the schema has no example. */
const byName: Readonly<Record<string, unknown>> = {
  email: 'ada@example.com',
  login: 'ada@example.com',
  name: 'Example',
  username: 'ada',
  password: 'a quiet stone arch',
  new_password: 'a quieter stone arch',
  code: '123456',
  reason: 'asked for help',
}

const list = (value: unknown): JsonSchema[] => (Array.isArray(value) ? (value as JsonSchema[]) : [])

/**
 * A value that the schema allows: its own example, its default, the first of its choices. Of an object what is required, and what
 * has an example of its own.
 */
export const exampleOf = (given: JsonSchema, named: Named, name = ''): unknown => {
  const schema = resolveSchema(given, named)
  const [example] = list(schema['examples'])
  if (example !== undefined) return example
  if (schema['default'] !== undefined) return schema['default']
  if (schema['const'] !== undefined) return schema['const']
  const [value] = list(schema['enum'])
  if (value !== undefined) return value
  const [choice] = [...list(schema['anyOf']), ...list(schema['oneOf'])]
  if (choice !== undefined) return exampleOf(choice, named, name)
  return byType(schema, named, name)
}

const byType = (schema: JsonSchema, named: Named, name: string): unknown => {
  if (schema.type === 'object') return objectOf(schema, named)
  if (schema.type === 'array') return []
  if (schema.type === 'boolean') return true
  if (schema.type === 'integer' || schema.type === 'number') return schema['minimum'] ?? 1
  if (schema.type !== 'string') return {}
  if (name in byName) return byName[name]
  if (schema['format'] === 'uuid') return '018f2f6c-8c5e-7a3b-9d1e-2f6c8c5e7a3b'
  return schema['format'] === 'date-time' ? '2030-01-01T00:00:00.000Z' : 'text'
}

const objectOf = (schema: JsonSchema, named: Named): Record<string, unknown> => {
  const members = Object.entries(schema.properties ?? {}).filter(
    ([member, one]) => schema.required?.includes(member) === true || hasExample(one, named),
  )
  return Object.fromEntries(members.map(([member, one]) => [member, exampleOf(one, named, member)]))
}

const hasExample = (schema: JsonSchema, named: Named): boolean => {
  const { examples } = resolveSchema(schema, named) as { examples?: unknown[] }
  return examples !== undefined && examples.length > 0
}
