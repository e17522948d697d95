/**
 * Owns the protected API: one address that answers to whoever brings an access token made for it (RFC 6750, RFC 9068).
 * Never signs anybody in and knows no cookies. Start reading at `createApi`.
 */
import express, { type Express, type Request, type Response } from 'express'
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'

/** What the API relies on. */
export type Trust = {
  issuer: string
  jwks_uri: string
  /** Our own identifier: a token for somebody else is of no use here. */
  audience: string
  /** Whether the token still counts; throws when that cannot be found out. */
  isActive: (token: string) => Promise<boolean>
  log: (line: string) => void
}

type Refusal = { status: 401 | 403 | 503; error?: string; error_description?: string; scope?: string }
type Access = { claims: JWTPayload } | Refusal

/** The API as an Express application: `GET /api/hello` for the scope `read`. */
export const createApi = (trust: Trust): Express => {
  // Fetched when first needed, kept, and fetched again when a token names a key that is new.
  const keys = createRemoteJWKSet(new URL(trust.jwks_uri))
  const api = express()
  api.disable('x-powered-by')
  api.get('/api/hello', (request, response) => hello({ trust, keys, request, response }))
  return api
}

type Call = { trust: Trust; keys: JWTVerifyGetKey; request: Request; response: Response }

const hello = async ({ trust, keys, request, response }: Call): Promise<void> => {
  const access = await checkAccess(trust, keys, { authorization: request.headers.authorization, scope: 'read' })
  trust.log(`api: GET /api/hello ${'claims' in access ? 200 : `${access.status} ${access.error ?? 'no token'}`}`)
  response.set('Cache-Control', 'no-store')
  if (!('claims' in access)) return refuse(response, access)
  const { sub, client_id, scope, exp } = access.claims
  response.json({ message: 'Hello from the protected API.', sub, client_id, scope, exp })
}

/**
 * Decides about one request: signature, `typ`, `iss`, `aud` and times by the published keys (RFC 9068 §4), then
 * revocation by introspection (RFC 7662 §2), then scope. A token that cannot be judged is answered with 503, never with
 * `invalid_token`: clients throw their tokens away on that.
 */
const checkAccess = async (
  trust: Trust,
  keys: JWTVerifyGetKey,
  asked: { authorization: string | undefined; scope: string },
): Promise<Access> => {
  const token = readBearer(asked.authorization)
  if (token === undefined) return { status: 401 }
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: trust.issuer,
      audience: trust.audience,
      typ: 'at+jwt',
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
      requiredClaims: ['sub', 'client_id', 'iat', 'exp', 'jti'],
      clockTolerance: '5 s',
    })
    // RFC 9449 §7.2: a token that is bound to a key is no bearer token.
    if (payload['cnf'] !== undefined) return invalidToken('The token is bound to a key.')
    if (!(await trust.isActive(token))) return invalidToken('The token was revoked.')
    return hasScope(payload, asked.scope) ? { claims: payload } : insufficientScope(asked.scope)
  } catch (error) {
    return isFaultOfToken(error) ? invalidToken(sentenceFor(error)) : unavailable(trust, error)
  }
}

/** RFC 6750 §2.1; the name of the scheme has no case (RFC 9110 §11.1). */
const readBearer = (header: string | undefined): string | undefined => header?.match(/^Bearer +(\S+) *$/i)?.[1]

const hasScope = (payload: JWTPayload, wanted: string): boolean =>
  typeof payload['scope'] === 'string' && payload['scope'].split(' ').includes(wanted)

// jose has an error for each thing that can be wrong with a token; keys that could not be had are not the token's fault.
const isFaultOfToken = (error: unknown): error is errors.JOSEError =>
  error instanceof errors.JOSEError &&
  error.code !== 'ERR_JOSE_GENERIC' &&
  !(error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid)

const sentenceFor = (error: errors.JOSEError): string => {
  if (error instanceof errors.JWTExpired) return 'The token has expired.'
  if (error instanceof errors.JWTClaimValidationFailed) return `The token does not fit here (${error.claim}).`
  return 'The token is malformed or not signed by the issuer.'
}

const invalidToken = (error_description: string): Refusal => ({
  status: 401,
  error: 'invalid_token',
  error_description,
})

const insufficientScope = (scope: string): Refusal => ({
  status: 403,
  error: 'insufficient_scope',
  error_description: `The token lacks the scope ${scope}.`,
  scope,
})

const unavailable = (trust: Trust, error: unknown): Refusal => {
  trust.log(`api: the token could not be checked: ${error instanceof Error ? error.message : 'unknown error'}`)
  return {
    status: 503,
    error: 'temporarily_unavailable',
    error_description: 'The token cannot be checked at this moment.',
  }
}

/** RFC 6750 §3: what is wrong stands in WWW-Authenticate; a request without a token is told no error code (§3.1). */
const refuse = (response: Response, { status, ...members }: Refusal): void => {
  if (status === 503) response.set('Retry-After', '1')
  else response.set('WWW-Authenticate', challenge(members))
  response.status(status).json(members.error === undefined ? { error_description: 'Send a bearer token.' } : members)
}

const challenge = (members: Omit<Refusal, 'status'>): string =>
  ['Bearer realm="demo-api"', ...Object.entries(members).map(([name, value]) => `${name}="${value}"`)].join(', ')
