/** Owns the recognition of a bearer token in a request (RFC 6750 §2, §3). */
import type { Ctx } from '../ctx.ts'
import type { BearerPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { param, repeated } from '../protocol/params.ts'
import { checkAccessToken } from './access.ts'

/** Finds and checks the token. Header, or form body (§2.2); never the query (RFC 9700 §4.3.2: 400). */
export const authenticateBearer = async (ctx: Ctx, request: HttpRequest): Promise<BearerPrincipal | Denial> => {
  if (request.query.has('access_token')) return misplaced('the Authorization header', 'the query')
  // RFC 6750 §3.1: a repeated parameter is invalid_request.
  const doubled = repeated(request.form)
  if (doubled) return doubled
  const header = request.header('authorization')
  const inHeader = header === undefined ? undefined : /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header)?.[1]
  const inForm = param(request.form, 'access_token')
  // RFC 6750 §2: one method in each request.
  if (header !== undefined && inForm !== undefined) return misplaced('one way to send it', 'header and body')
  const token = inHeader ?? inForm
  if (token === undefined) return header === undefined ? nothingSent : notAlive('not a bearer token')
  const checked = await checkAccessToken(ctx, token, request.now)
  if ('dead' in checked) return notAlive(checked.dead)
  const { claims, subject, api_key } = checked
  return { token: claims, subject, ...(api_key && { api_key }) }
}

const misplaced = (expected: string, got: string): Denial =>
  deny(
    'invalid_request',
    'The access token was not sent in one of the ways that are allowed.',
    { rule: 'the token comes once, in header or body (RFC 6750 §2, RFC 9700 §4.3.2)', expected, got },
    { www_authenticate: challenge('invalid_request') },
  )

/** RFC 6750 §3.1: a request without any credentials is told the scheme and no error code. */
const nothingSent = deny(
  'no_token',
  'An access token is needed.',
  { rule: 'a token is sent (RFC 6750 §3)', expected: 'Authorization: Bearer', got: 'nothing' },
  { status: 401, www_authenticate: 'Bearer realm="keywright"' },
)

const notAlive = (got: string): Denial =>
  deny(
    'invalid_token',
    'The access token is not valid.',
    {
      rule: 'the token is ours and alive (RFC 6750 §3.1)',
      expected: 'a live access token',
      got,
      remedy: 'Get a new access token.',
    },
    { status: 401, www_authenticate: challenge('invalid_token') },
  )

/** RFC 6750 §3: the challenge with an error code. */
export function challenge(error: string, scope?: string): string {
  return `Bearer realm="keywright", error="${error}"${scope === undefined ? '' : `, scope="${scope}"`}`
}
