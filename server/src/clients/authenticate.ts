/**
 * Owns client authentication (RFC 6749 §2.3, §3.2.1): client_secret_basic, client_secret_post, none. The answer is the
 * same for an unknown client and a wrong secret (security rule TK-3). Never decides what a client may do.
 */
import { hash } from 'node:crypto'
import type { Ctx } from '../ctx.ts'
import { callerOf, record } from '../events/record.ts'
import type { ClientPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { sameBytes } from '../io/secrets.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { param, repeated } from '../protocol/params.ts'
import { mayAct } from '../protocol/subject.ts'
import type { Client } from './load.ts'

type Method = ClientPrincipal['method']
type Credentials = { client_id: string; method: Method; secret?: string }

/** Recognises the client of a request. Refusals: `invalid_request` 400, `invalid_client` 401. */
export const authenticateClient = async (ctx: Ctx, request: HttpRequest): Promise<ClientPrincipal | Denial> => {
  const doubled = repeated(request.form)
  if (doubled) return doubled
  const credentials = readCredentials(request)
  if (isDenial(credentials)) return credentials
  const client = await ctx.clients.get(credentials.client_id)
  const failure =
    checkCredentials(client, credentials, request.now) ?? mayAct({ client: client ?? null }, 'invalid_client')
  if (failure || client === undefined) return await failed(ctx, request, { client, credentials, failure })
  return { client, method: credentials.method }
}

const readCredentials = (request: HttpRequest): Credentials | Denial => {
  // RFC 6749 §2.3.1: credentials must not be in the request URI; there they end up in logs.
  if (
    ['client_secret', 'client_assertion', 'code', 'refresh_token', 'token', 'password'].some((name) =>
      request.query.has(name),
    )
  ) {
    return invalidRequest('Credentials do not belong in the query.', 'parameters in the body', 'a secret in the query')
  }
  const header = request.header('authorization')
  const basic = header !== undefined && /^basic /i.test(header) ? parseBasic(header.slice(6)) : undefined
  if (isDenial(basic)) return basic
  const client_id = param(request.form, 'client_id')
  const secret = param(request.form, 'client_secret')
  if (request.form.has('client_assertion') || request.form.has('client_assertion_type')) return unsupportedMethod()
  if (basic !== undefined) {
    // RFC 6749 §2.3: a client must not use more than one method in a request.
    if (secret !== undefined || (client_id !== undefined && client_id !== basic.client_id)) return twoMethods()
    return { ...basic, method: 'client_secret_basic' }
  }
  if (client_id === undefined) return unauthenticated(request, 'client authentication', 'nothing')
  return secret === undefined ? { client_id, method: 'none' } : { client_id, method: 'client_secret_post', secret }
}

/** RFC 6749 §2.3.1 and appendix B: both halves are form-url-encoded before they are joined, so `+`, `/`, `%` and `:` survive. */
const parseBasic = (value: string): { client_id: string; secret: string } | Denial => {
  const text = Buffer.from(value.trim(), 'base64').toString('utf8')
  const cut = text.indexOf(':')
  try {
    if (cut > 0) return { client_id: formDecode(text.slice(0, cut)), secret: formDecode(text.slice(cut + 1)) }
  } catch {
    // Falls through: broken percent-encoding is broken syntax.
  }
  return basicFailure('base64(client_id ":" client_secret), each form-url-encoded', 'something else')
}

const formDecode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

const nobody = hash('sha256', 'no client has this secret', 'buffer')

const checkCredentials = (client: Client | undefined, credentials: Credentials, now: Date): Denial | undefined => {
  const presented = credentials.secret === undefined ? undefined : hash('sha256', credentials.secret, 'buffer')
  const live = client?.secrets.filter((secret) => secret.expires_at === null || secret.expires_at > now) ?? []
  const hashes = live.length > 0 ? live.map((secret) => secret.secret_hash) : [nobody]
  const right = presented !== undefined && hashes.filter((known) => sameBytes(known, presented)).length > 0
  if (client === undefined) return basicFailure('a registered client', `unknown client ${shown(credentials.client_id)}`)
  if (client.token_endpoint_auth_method !== credentials.method)
    return basicFailure(client.token_endpoint_auth_method, credentials.method)
  if (credentials.method === 'none' || right) return undefined
  return basicFailure(
    'a live secret of the client',
    live.length === 0 ? 'the client has no live secret' : 'another secret',
  )
}

/** Every failure leaves by this door, so that all of them look the same from outside. */
const failed = async (
  ctx: Ctx,
  request: HttpRequest,
  facts: { client: Client | undefined; credentials: Credentials; failure: Denial | undefined },
): Promise<Denial> => {
  const { client, credentials, failure } = facts
  if (client !== undefined) ctx.tokenCounts.note(client.client_id, 'failures', request.now)
  const about = { type: 'client.authentication_failed', now: request.now, client_id: client?.client_id } as const
  if (client !== undefined && ctx.flood.isSingle({ ...about, ip: request.ip })) {
    await record(ctx.db, {
      ...about,
      data: { method: credentials.method },
      ...callerOf(request),
    })
  }
  const because = failure?.because ?? { rule: 'client authentication (RFC 6749 §2.3)' }
  return unauthenticated(request, because.expected ?? '', because.got ?? '', because.remedy)
}

/** RFC 6749 §5.2: 401, and WWW-Authenticate when the client used the Authorization header. */
const unauthenticated = (request: HttpRequest, expected: string, got: string, remedy?: string): Denial =>
  deny(
    'invalid_client',
    'Client authentication failed.',
    {
      rule: 'client authentication (RFC 6749 §2.3)',
      expected,
      got,
      remedy: remedy ?? 'Check client_id, secret and token_endpoint_auth_method of the client.',
    },
    {
      status: 401,
      ...(request.header('authorization') !== undefined && {
        www_authenticate: 'Basic realm="keywright", charset="UTF-8"',
      }),
    },
  )

const basicFailure = (expected: string, got: string): Denial =>
  deny(
    'invalid_client',
    'Client authentication failed.',
    { rule: 'client authentication (RFC 6749 §2.3)', expected, got },
    { status: 401, www_authenticate: 'Basic realm="keywright", charset="UTF-8"' },
  )

const unsupportedMethod = (): Denial =>
  deny('invalid_client', 'Client authentication failed.', {
    rule: 'the authentication method is supported (RFC 6749 §5.2)',
    expected: 'client_secret_basic, client_secret_post or none',
    got: 'client_assertion',
    remedy: 'Client assertions are not supported yet; use a client secret.',
  })

const twoMethods = (): Denial =>
  invalidRequest('More than one way of client authentication was used.', 'one method', 'Authorization header and body')

const invalidRequest = (sentence: string, expected: string, got: string): Denial =>
  deny('invalid_request', sentence, {
    rule: 'one method of client authentication, in header or body (RFC 6749 §2.3)',
    expected,
    got,
  })
