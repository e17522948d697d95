/**
 * Owns an issuer for the tests of the application and of its API: real HTTP and real signatures, but it answers as the
 * test tells it, wrong answers included. Never used by the demo itself: that runs against Keywright (demo.test.ts).
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type Express, type Request, type Response } from 'express'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export type Issuer = {
  url: string
  /** What the test may bend. */
  next: {
    /** Answer of the authorization endpoint, instead of a code. */
    error?: string
    /** Claims that replace those of the next tokens. */
    idToken: JWTPayload
    /** The next ID token is signed with a key that is not published. */
    forged: boolean
    /** `iss` of the next authorization response (RFC 9207). */
    iss?: string
    /** The token endpoint is broken. */
    unavailable: boolean
    /** The refresh token is no good any more. */
    refreshDead: boolean
    /** Introspection: yes, no, or broken. */
    active: boolean | 'broken'
  }
  /** Tokens that were revoked, and the queries of the last authorization and end-session requests. */
  seen: { revoked: string[]; authorize: URLSearchParams; endSession: URLSearchParams; tokenRequests: URLSearchParams[] }
  sign: (claims: JWTPayload, typ?: string) => Promise<string>
  /** As `sign`, with the right `kid` but a key of nobody. */
  forge: (claims: JWTPayload) => Promise<string>
  accessToken: (claims?: JWTPayload, typ?: string) => Promise<string>
  close: () => void
}

/** Starts an issuer on a free port; `resource` is the audience of its access tokens. */
export const startIssuer = async (resource: string): Promise<Issuer> => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', use: 'sig', alg: 'ES256' }
  const app = express()
  const server = app.listen(0, 'localhost')
  await once(server, 'listening')
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  const sign = (claims: JWTPayload, typ = 'JWT'): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1', typ }).sign(privateKey)
  const forge = async (claims: JWTPayload): Promise<string> => {
    const { privateKey: foreign } = await generateKeyPair('ES256')
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'JWT' }).sign(foreign)
  }
  const accessToken = (claims: JWTPayload = {}, typ = 'at+jwt'): Promise<string> =>
    sign({ ...accessClaims(url, resource), ...claims }, typ)
  const issuer: Issuer = {
    url,
    next: { idToken: {}, forged: false, unavailable: false, refreshDead: false, active: true },
    seen: {
      revoked: [],
      authorize: new URLSearchParams(),
      endSession: new URLSearchParams(),
      tokenRequests: [],
    },
    sign,
    forge,
    accessToken,
    close: () => server.close().closeAllConnections(),
  }
  app.use(express.text({ type: 'application/x-www-form-urlencoded' }))
  app.get('/jwks', (_request, response) => void response.json({ keys: [jwk] }))
  browserEndpoints(app, issuer)
  tokenEndpoints(app, issuer)
  return issuer
}

const seconds = (): number => Math.floor(Date.now() / 1000)

/** Good for five minutes from now. */
const life = (): { iat: number; exp: number } => ({ iat: seconds(), exp: seconds() + 300 })

const accessClaims = (iss: string, aud: string): JWTPayload => {
  const scope = 'openid profile email read'
  return { iss, aud, sub: 'u1', client_id: 'demo', scope, jti: crypto.randomUUID(), ...life() }
}

const browserEndpoints = (app: Express, { url, next, seen }: Issuer): void => {
  app.get('/.well-known/openid-configuration', (_request, response) => {
    response.json({
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      userinfo_endpoint: `${url}/userinfo`,
      introspection_endpoint: `${url}/introspect`,
      revocation_endpoint: `${url}/revoke`,
      end_session_endpoint: `${url}/end-session`,
      jwks_uri: `${url}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
    })
  })
  app.get('/authorize', (request, response) => {
    seen.authorize = queryOf(request)
    const answer = new URL(seen.authorize.get('redirect_uri') ?? '')
    answer.searchParams.set('state', seen.authorize.get('state') ?? '')
    answer.searchParams.set('iss', next.iss ?? url)
    if (next.error !== undefined) answer.searchParams.set('error', next.error)
    else answer.searchParams.set('code', 'c1')
    response.redirect(303, answer.href)
  })
  app.get('/end-session', (request, response) => {
    seen.endSession = queryOf(request)
    const back = new URL(seen.endSession.get('post_logout_redirect_uri') ?? '')
    back.searchParams.set('state', seen.endSession.get('state') ?? '')
    response.redirect(303, back.href)
  })
}

const tokenEndpoints = (app: Express, issuer: Issuer): void => {
  const { next, seen } = issuer
  app.post('/token', (request, response) => answerToken(issuer, request, response))
  app.get('/userinfo', (_request, response) => {
    response.json({ sub: 'u1', name: '<Ada> & Co', email: 'ada@example.com', email_verified: true })
  })
  app.post('/introspect', (_request, response) => {
    if (next.active === 'broken') response.status(503).json({ error: 'temporarily_unavailable' })
    else response.json({ active: next.active })
  })
  app.post('/revoke', (request, response) => {
    seen.revoked.push(new URLSearchParams(request.body as string).get('token') ?? '')
    next.active = false
    response.status(200).end()
  })
}

const answerToken = async (issuer: Issuer, request: Request, response: Response): Promise<void> => {
  const { url, next, seen, accessToken } = issuer
  const form = new URLSearchParams(request.body as string)
  seen.tokenRequests.push(form)
  const refreshing = form.get('grant_type') === 'refresh_token'
  if (next.unavailable) return void response.status(503).json({ error: 'temporarily_unavailable' })
  if (refreshing && next.refreshDead) return void response.status(400).json({ error: 'invalid_grant' })
  const nonce = seen.authorize.get('nonce')
  const claims = { iss: url, aud: 'demo', sub: 'u1', nonce, auth_time: seconds(), ...life(), ...next.idToken }
  response.json({
    access_token: await accessToken(),
    token_type: 'Bearer',
    expires_in: 300,
    scope: 'openid profile email read',
    refresh_token: `r${seen.tokenRequests.length}`,
    ...(!refreshing && { id_token: await (next.forged ? issuer.forge(claims) : issuer.sign(claims)) }),
  })
}

const queryOf = (request: Request): URLSearchParams => new URL(request.originalUrl, 'http://localhost').searchParams
