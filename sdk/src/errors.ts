/**
 * Owns the refusals of this library: a code, a status, and what RFC 6750 §3 says in WWW-Authenticate. A fault of the network
 * or of the issuer is `temporarily_unavailable` and never a verdict on a token.
 */

export type ErrorCode =
  | 'no_token'
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'insufficient_user_authentication'
  | 'permission_denied'
  | 'temporarily_unavailable'
  | 'invalid_webhook'
  | 'invalid_configuration'

/** Why, for the log of the API. The caller is told the code and the sentence only. */
export type Reason =
  | 'malformed'
  | 'type'
  | 'algorithm'
  | 'critical_header'
  | 'unknown_key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not_yet_valid'
  | 'claims'
  | 'revoked'
  | 'inactive'
  | 'feed_lost'
  | 'wrong_kind'
  | 'issuer_unreachable'
  | 'issuer_refuses'

const statuses: Record<ErrorCode, number> = {
  no_token: 401,
  invalid_request: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  insufficient_user_authentication: 401,
  permission_denied: 403,
  temporarily_unavailable: 503,
  invalid_webhook: 400,
  invalid_configuration: 500,
}

export type ErrorFacts = {
  reason?: Reason
  /** Parameters of the challenge beside `error` and `error_description`. */
  challenge?: Readonly<Record<string, string>>
  cause?: unknown
}

/** What everything here refuses with. */
export class KeywrightError extends Error {
  override name = 'KeywrightError'
  readonly code: ErrorCode
  readonly status: number
  readonly reason: Reason | undefined
  /** The value of WWW-Authenticate without a realm; undefined where there is nothing to challenge. */
  readonly www_authenticate: string | undefined
  readonly challenge: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, { reason, challenge = {}, cause }: ErrorFacts = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = statuses[code]
    this.reason = reason
    this.challenge = challenge
    this.www_authenticate = challengeOf(this)
  }
}

/** The codes that RFC 6750 §3.1 and RFC 9470 §3 know; RFC 6750 §3: no code where nothing was sent. */
const named: readonly ErrorCode[] = [
  'invalid_request',
  'invalid_token',
  'insufficient_scope',
  'insufficient_user_authentication',
]

/** The value of WWW-Authenticate (RFC 6750 §3) for a refusal; undefined where there is nothing to challenge. */
export const challengeOf = (
  { code, message, challenge }: Pick<KeywrightError, 'code' | 'message' | 'challenge'>,
  realm?: string,
): string | undefined => {
  if (code !== 'no_token' && !named.includes(code)) return undefined
  const params = {
    ...(realm !== undefined && { realm }),
    ...(code !== 'no_token' && { error: code, error_description: message, ...challenge }),
  }
  const text = Object.entries(params).map(([name, value]) => `${name}="${quotable(value)}"`)
  return ['Bearer', text.join(', ')].join(' ').trimEnd()
}

/** RFC 6750 §3: no quotes, no backslashes, ASCII only. */
const quotable = (value: string): string => value.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, ' ')

/** An answer that a server can send: status, headers, JSON body (RFC 9457). */
export type Problem = { status: number; headers: Record<string, string>; body: Record<string, string | number> }

const titles: Record<ErrorCode, string> = {
  no_token: 'Authentication is needed',
  invalid_request: 'The request cannot be read',
  invalid_token: 'The credentials are not valid',
  insufficient_scope: 'The token lacks a scope',
  insufficient_user_authentication: 'A fresh or stronger sign-in is needed',
  permission_denied: 'Not allowed',
  temporarily_unavailable: 'Temporarily unavailable',
  invalid_webhook: 'The message is not valid',
  invalid_configuration: 'Internal error',
}

/** What to answer for a refusal. `realm` names the protected API in the challenge. */
export const problemOf = (error: KeywrightError, realm?: string): Problem => {
  const challenge = challengeOf(error, realm)
  const detail = error.code === 'invalid_configuration' ? 'The server is not set up.' : error.message
  return {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(challenge !== undefined && { 'www-authenticate': challenge }),
      ...(error.status === 503 && { 'retry-after': '2' }),
    },
    body: { type: 'about:blank', title: titles[error.code], status: error.status, code: error.code, detail },
  }
}

/** A token that is not accepted. */
export const invalidToken = (message: string, reason: Reason): KeywrightError =>
  new KeywrightError('invalid_token', message, { reason })

/** Nobody knows: the issuer cannot be asked. */
export const unavailable = (message: string, reason: Reason, cause?: unknown): KeywrightError =>
  new KeywrightError('temporarily_unavailable', message, { reason, cause })

/** The library was not given what it needs. */
export const misconfigured = (message: string): KeywrightError => new KeywrightError('invalid_configuration', message)
