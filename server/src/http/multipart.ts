/**
 * Owns the reading of `multipart/form-data` without files, for calls that the older systems documented so. Node's own
 * parser does the work; a file, a broken body or too many parts is refused.
 */
import type { FastifyRequest } from 'fastify'
import { type Denial, deny } from '../protocol/errors.ts'
import type { Params } from '../protocol/params.ts'
import { mediaType } from './read.ts'

/** Tells whether a request is of this type. */
export const isMultipart = (raw: FastifyRequest): boolean =>
  mediaType(raw.headers['content-type']) === 'multipart/form-data'

/** The text fields of the body, as if they had come urlencoded. */
export const readMultipart = async (raw: FastifyRequest): Promise<Params | Denial> => {
  try {
    const body = Buffer.isBuffer(raw.body) ? new Uint8Array(raw.body) : new Uint8Array()
    const fields = await new Response(body, {
      headers: { 'content-type': raw.headers['content-type'] ?? '' },
    }).formData()
    const params = new Map<string, string[]>()
    for (const [name, value] of fields) {
      if (typeof value !== 'string' || value.includes('\0') || params.size > 100) return unreadable
      if (value !== '') params.set(name, [...(params.get(name) ?? []), value])
    }
    return params
  } catch {
    return unreadable
  }
}

const unreadable = deny('invalid_request', 'The body could not be read.', {
  rule: 'the body can be read exactly (G-6)',
  expected: 'multipart/form-data with text fields only',
  got: 'something else',
})
