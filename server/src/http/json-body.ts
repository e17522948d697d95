/** Owns the reading of a JSON body into a type: what the schema does not know is refused, never dropped (security rule G-6). */
import type { z } from 'zod'
import { type Denial, deny } from '../protocol/errors.ts'
import type { HttpRequest } from './request.ts'

/**
 * The body as the schema has it; schemas are `z.strictObject`. Refuses with `invalid_request` (400), naming the member that
 * is wrong and never its value.
 */
export const readBody = <T>(schema: z.ZodType<T>, request: HttpRequest): T | Denial => {
  const read = schema.safeParse(request.json ?? {})
  if (read.success) return read.data
  const [issue] = read.error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : []
  const member = [...(issue?.path ?? []), ...unknown].map(String).join('.') || 'the body'
  return deny(
    'invalid_request',
    `${member}: ${unknown.length > 0 ? 'unknown member' : (issue?.message ?? 'not valid')}.`,
    {
      rule: 'the body has the members of the route (G-6)',
      expected: issue?.message ?? 'a valid body',
      got: `a wrong ${member}`,
    },
  )
}
