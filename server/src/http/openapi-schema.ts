/** Owns what a schema of ours becomes in the OpenAPI document: JSON Schema 2020-12, shared ones by their name. */
import { z } from 'zod'

/** As much of JSON Schema as the document is built from. */
export type JsonSchema = {
  type?: string
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  $defs?: Record<string, JsonSchema>
  [member: string]: unknown
}

export type Components = {
  /** A schema for a body or an answer: a reference where it has a name (`.meta({ id })`). */
  schema: (schema: z.ZodType, io: 'input' | 'output') => JsonSchema
  /** The same, written out. */
  plain: (schema: z.ZodType, io: 'input' | 'output') => JsonSchema
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
  const plain: Components['plain'] = (schema, io) => {
    const { $schema: _version, $defs = {}, ...rest } = convert(schema, io)
    for (const [name, one] of Object.entries($defs)) named.set(name, moved(one))
    return moved(rest)
  }
  const components: Components = {
    plain,
    schema: (schema, io) => {
      const id = z.globalRegistry.get(schema)?.id
      if (id === undefined) return plain(schema, io)
      const { id: _id, ...rest } = plain(schema, io)
      named.set(id, rest)
      return { $ref: `#/components/schemas/${id}` }
    },
    all: () => Object.fromEntries([...named].toSorted(([one], [other]) => one.localeCompare(other))),
  }
  named.set('Problem', plain(problem, 'output'))
  named.set('OAuthError', plain(oauthError, 'output'))
  return components
}

const convert = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema =>
  z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' }) as JsonSchema

/** References to definitions of one schema become references to those of the document. */
const moved = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonSchema
