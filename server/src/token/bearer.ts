/** Owns the recognition of a bearer token in a request (RFC 6750 §2, §3). */
import type { Ctx } from '../ctx.ts'
import type { BearerPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/route.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { checkAccessToken } from './access.ts'

/** Finds and checks the token. Header, or form body (§2.2); never the query (§2.3 is refused with 400). */
export const authenticateBearer = async (ctx: Ctx, request: HttpRequest): Promise<BearerPrincipal | Denial> => {
  if (request.query.has('access_token')) {
    return deny(
      'invalid_request',
      'An access token does not belong in the query.',
      { rule: 'no token in the query (RFC 9700 §4.3.2)', expected: 'the Authorization header', got: 'the query' },
      { www_authenticate: challenge('invalid_request') },
    )
  }
  const header = request.header('authorization')
  const inHeader = header === undefined ? undefined : /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header)?.[1]
  const inForm = param(request.form, 'access_token')
  // RFC 6750 §2: one method in each request.
  if (header !== undefined && inForm !== undefined) {
    return deny(
      'invalid_request',
      'The access token was sent twice.',
      { rule: 'one way to send a token (RFC 6750 §2)', expected: 'one', got: 'header and body' },
      { www_authenticate: challenge('invalid_request') },
    )
  }
  const token = inHeader ?? inForm
  if (token === undefined && header === undefined) {
    return deny(
      'no_token',
      'An access token is needed.',
      { rule: 'a token is sent (RFC 6750 §3)', expected: 'Authorization: Bearer', got: 'nothing' },
      { status: 401, www_authenticate: 'Bearer realm="keywright"' },
    )
  }
  const checked = token === undefined ? { dead: 'not a bearer token' } : await checkAccessToken(ctx, token, request.now)
  if ('dead' in checked) {
    return deny(
      'invalid_token',
      'The access token is not valid.',
      {
        rule: 'the token is ours and alive (RFC 6750 §3.1)',
        expected: 'a live access token',
        got: checked.dead,
        remedy: 'Get a new access token.',
      },
      { status: 401, www_authenticate: challenge('invalid_token') },
    )
  }
  return { token: checked.claims, subject: checked.subject }
}

/** RFC 6750 §3: the challenge with an error code. */
export const challenge = (error: string, scope?: string): string =>
  `Bearer realm="keywright", error="${error}"${scope === undefined ? '' : `, scope="${scope}"`}`
