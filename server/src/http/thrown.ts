/** Owns what errors that were thrown become: broken infrastructure is 503, a request that cannot be read is 4xx, the rest is our bug: 500. */
import type { FastifyError } from 'fastify'
import { isUnavailable } from '../db/connect.ts'
import { Unavailable } from '../io/unavailable.ts'
import { type Denial, deny } from '../protocol/errors.ts'

/** The refusal that a thrown error is answered with. */
export const denialOf = (error: FastifyError): Denial => {
  const got = error.code === '' ? error.name : error.code
  if (error instanceof Unavailable || isUnavailable(error)) {
    return deny(
      'temporarily_unavailable',
      'The service cannot answer right now. Try again in a moment.',
      { rule: 'infrastructure answers (G-1)', expected: 'an answer', got: error.message },
      { retry_after_seconds: 1 },
    )
  }
  if (error.statusCode === 413)
    return deny(
      'payload_too_large',
      'The body is too large.',
      { rule: 'the body is within its limit (G-6)', expected: 'at most 64 KiB for forms', got },
      { status: 413 },
    )
  if (error.statusCode === 415)
    return deny(
      'unsupported_media_type',
      'The body has a type this address does not read.',
      { rule: 'the body has the type of the endpoint (G-6)', expected: 'the type of the endpoint', got },
      { status: 415 },
    )
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return deny('invalid_request', 'The request could not be read.', {
      rule: 'the request is well-formed (G-6)',
      expected: 'HTTP',
      got,
    })
  }
  return deny('server_error', 'Something went wrong on our side. The incident was logged.', {
    rule: 'no error is thrown',
    expected: 'an answer',
    got,
    remedy: 'Look up the request id in the log.',
  })
}
