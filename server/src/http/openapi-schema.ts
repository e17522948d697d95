/** Owns what a schema of ours becomes in the OpenAPI document: JSON Schema 2020-12, shared ones by their name. */
import { z } from 'zod'

/** As much of JSON Schema as the document is built from. */
export type JsonSchema = {
  /** One, or alternatives. */
  type?: string | string[]
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  $defs?: Record<string, JsonSchema>
  [member: string]: unknown
}

export type Components = {
  /** What a body or an answer looks like: a reference where the schema has a name (`.meta({ id })`). */
  schema: (source: z.ZodType, io: 'input' | 'output') => JsonSchema
  /** Every schema with a name that was met, by its name. */
  all: () => Record<string, JsonSchema>
}

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('what programs tell refusals apart by'),
    error_id: z.string().describe('for `keywright explain`'),
    request_id: z.string(),
  })
  .loose()

const oauthError = z.object({
  error: z.string(),
  error_description: z.string().optional(),
  error_id: z.string().optional(),
})

/** Gathers the schemas of one document. */
export const createComponents = (): Components => {
  const named = new Map<string, JsonSchema>()
  const known = { input: new WeakMap<z.ZodType, JsonSchema>(), output: new WeakMap<z.ZodType, JsonSchema>() }
  const schema: Components['schema'] = (source, io) => {
    const before = known[io].get(source)
    if (before) return before
    const { $schema: _version, $defs = {}, ...rest } = convert(source, io)
    for (const [name, one] of Object.entries($defs)) named.set(name, moved(one))
    const made = moved(rest)
    known[io].set(source, made)
    return made
  }
  named.set('Problem', schema(problem, 'output'))
  named.set('OAuthError', schema(oauthError, 'output'))
  return {
    schema,
    all: () => Object.fromEntries([...named].toSorted(([one], [other]) => one.localeCompare(other))),
  }
}

const convert = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema =>
  z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // The format says it.
      if (jsonSchema.format === 'uuid' || jsonSchema.format === 'date-time') delete jsonSchema.pattern
    },
  }) as JsonSchema

/** References to definitions of one schema become references to those of the document. */
const moved = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonSchema
