/**
 * Owns the comparison of answers with the OpenAPI document: status, type and body of every answer of a documented operation that a
 * black-box test gets. http.ts asks it each time, so that the document is held against everything that is tested anyway.
 * Start reading at `objectionTo`.
 */
import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

export type Operation = {
  operationId: string
  summary: string
  parameters?: { name: string; in: 'path' | 'query' | 'header'; required: boolean; schema: Record<string, unknown> }[]
  requestBody?: { content: Record<string, { schema: Record<string, unknown> }> }
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: unknown }> }>
  security: Record<string, string[]>[]
}

type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { responses: Record<string, { content: Record<string, unknown> }>; schemas: Record<string, unknown> }
}

/** The document, as the repository has it. */
export const document = JSON.parse(
  readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'),
) as Document

/** An answer as far as it is looked at. */
export type Answer = { method: string; path: string; status: number; type: string; body: string }

/** Every operation, with what its path looks like. Names that are written out come before placeholders. */
export const operations = Object.entries(document.paths)
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation,
      form: new RegExp(`^${path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[a-z_]+\}/g, '[^/]+')}/?$`),
    })),
  )
  .toSorted((one, other) => one.path.split('{').length - other.path.split('{').length)

const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: false })
formats.default(ajv)
ajv.addSchema(document, 'openapi')
const validators = new Map<string, ValidateFunction>()

const validatorAt = (pointer: string): ValidateFunction => {
  const known = validators.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` })
  validators.set(pointer, known)
  return known
}

const escape = (part: string): string => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))

/** Statuses that any server gives for reasons of its own: a method that is not there, a bug. */
const beyond = new Set([405, 500])

/** What is wrong with an answer, in one sentence; undefined when the document has it so, or knows no such operation. */
export const objectionTo = ({ method, path, status, type, body }: Answer): string | undefined => {
  const found = operations.find((one) => one.method === method && one.form.test(path))
  if (found === undefined || beyond.has(status)) return undefined
  const at = `/paths/${escape(found.path)}/${method.toLowerCase()}/responses/${status}`
  const response = found.operation.responses[String(status)]
  const name = `${method} ${found.path}`
  if (response === undefined)
    return `${name} answers ${status}, which the document does not have: ${body.slice(0, 200)}`
  const shared = response.$ref?.slice(1)
  const content = shared ? document.components.responses[shared.split('/').at(-1) ?? '']?.content : response.content
  // RFC 6750 §3.1: who sends no token is told nothing.
  if (body === '' && (content === undefined || status >= 400 || method === 'HEAD')) return undefined
  if (content === undefined)
    return `${name} answers ${status} with a body, the document has none: ${body.slice(0, 200)}`
  const media = type.split(';')[0] ?? ''
  // The front door is a page for browsers.
  if (media === 'text/html' && found.path === '/') return undefined
  if (!(media in content))
    return `${name} answers ${status} as ${media}, the document has ${Object.keys(content).join()}`
  if (!/[/+]json$/.test(media)) return undefined
  const validate = validatorAt(`${shared ?? at}/content/${escape(media)}/schema`)
  if (validate(JSON.parse(body))) return undefined
  return `${name} answers ${status} with a body that is not as the document has it: ${ajv.errorsText(validate.errors)}: ${body.slice(0, 1000)}`
}
