/**
 * Owns the validators of what the API shows (RFC 9110 §8.8.3, §13.1): a change that was made to another state than the one
 * its caller has seen is refused, so that nobody writes over the work of somebody else.
 */
import { hash } from 'node:crypto'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { json, type Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'

/** A strong validator of a representation: the same members with the same values have the same. */
export const etagOf = (view: unknown): string => `"${hash('sha256', JSON.stringify(view), 'base64url').slice(0, 27)}"`

/** What a GET answers: the representation with its ETag, or 304 when the caller has it already (RFC 9110 §13.1.2, §15.4.5). */
export const tagged = (request: HttpRequest, view: unknown): Reply => {
  const etag = etagOf(view)
  const headers = { etag }
  if (names(request.header('if-none-match'), etag, 'weak')) return { kind: 'empty', status: 304, headers }
  return json(view, 200, { headers })
}

/**
 * Refuses with 412 `precondition_failed` what was meant for another state of the object (RFC 9110 §13.1.1). Call it within
 * the transaction of the change, with the row locked. Without If-Match everything passes.
 */
export const checkMatch = (request: HttpRequest, view: unknown): Denial | undefined => {
  const header = request.header('if-match')
  const etag = etagOf(view)
  if (header === undefined || names(header, etag, 'strong')) return undefined
  return deny(
    'precondition_failed',
    'This was changed meanwhile.',
    {
      rule: 'the object is as the caller has seen it (RFC 9110 §13.1.1)',
      expected: etag,
      got: shown(header),
      remedy: 'Read it again, then repeat the change.',
    },
    { status: 412 },
  )
}

/** RFC 9110 §8.8.3.2: If-Match compares strongly, If-None-Match weakly. */
const names = (header: string | undefined, etag: string, comparison: 'strong' | 'weak'): boolean => {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  const tags = header.match(/(?:W\/)?"[^"]*"/g) ?? []
  return tags.some((tag) => tag === etag || (comparison === 'weak' && tag === `W/${etag}`))
}
