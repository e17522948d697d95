/**
 * Owns an issuer of the tests' own: over real HTTP, with keys that a test holds, so that it can sign what no server would.
 * Counts what it is asked. Start reading at `startIssuer`.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { afterAll } from 'vitest'

export type SigningKey = { kid: string; alg: string; privateKey: CryptoKey; jwk: JWK }

export type StandIn = {
  issuer: string
  /** What it publishes; a test changes it. */
  keys: JWK[]
  cacheControl: string
  /** What introspection says of a token; nothing is inactive. */
  active: Map<string, Record<string, unknown>>
  /** Whether it answers 503 to everything, or, `frozen`, does not answer at all. */
  mode: 'well' | 'down' | 'frozen'
  /** Whether the feed speaks. */
  feeds: boolean
  count: (path: string) => number
  revoke: (kind: string, key: string, notBefore?: Date) => void
  /** Cuts every stream. */
  cut: () => void
}

export const audience = 'https://api.example'

const stops: (() => void)[] = []
afterAll(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A new key for an algorithm. */
export const makeKey = async (alg = 'RS256', kid: string = randomUUID()): Promise<SigningKey> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

type State = StandIn & { counts: Map<string, number>; streams: Set<ServerResponse>; told: string[]; began: number }

/** Starts it; it publishes the keys given. */
export const startIssuer = async (keys: SigningKey[]): Promise<StandIn> => {
  const server = createServer((request, response) => answer(state, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const state: State = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys: keys.map(({ jwk }) => jwk),
    cacheControl: 'public, max-age=600',
    active: new Map(),
    mode: 'well',
    feeds: true,
    counts: new Map(),
    streams: new Set(),
    told: [],
    began: performance.now(),
    count: (path) => state.counts.get(path) ?? 0,
    revoke: (kind, key, notBefore = new Date()) => {
      const expires_at = new Date(Date.now() + 600_000)
      state.told.push(
        `event: revocation\ndata: ${JSON.stringify({ seq: 1, kind, key, not_before: notBefore, expires_at })}\n\n`,
      )
      for (const stream of state.streams) stream.write(state.told.at(-1))
    },
    cut: () => {
      for (const stream of state.streams) stream.destroy()
    },
  }
  const beating = setInterval(() => {
    for (const stream of state.streams) if (state.feeds) beat(stream)
  }, 250)
  stops.push(() => {
    clearInterval(beating)
    server.closeAllConnections()
    server.close()
  })
  return state
}

const starts = new WeakMap<ServerResponse, number>()

const beat = (stream: ServerResponse): void => {
  const t = Math.floor(performance.now() - (starts.get(stream) ?? 0))
  stream.write(`event: heartbeat\nid: 1-${Math.floor(Date.now() / 1000)}\ndata: ${JSON.stringify({ t, age: 1 })}\n\n`)
}

const answer = (state: State, request: IncomingMessage, response: ServerResponse): void => {
  const path = new URL(request.url ?? '', state.issuer).pathname
  state.counts.set(path, state.count(path) + 1)
  if (state.mode === 'frozen') return
  if (state.mode === 'down') {
    response.writeHead(503).end()
    return
  }
  if (path === '/oauth/revocations') return openStream(state, response)
  void reply(state, path, { request, response })
}

type Call = { request: IncomingMessage; response: ServerResponse }

const reply = async (state: State, path: string, { request, response }: Call): Promise<void> => {
  const body = replyOf(state, path, await bodyOf(request))
  response.writeHead(body === undefined ? 404 : 200, {
    'content-type': 'application/json',
    ...(path.endsWith('jwks.json') && { 'cache-control': state.cacheControl }),
  })
  response.end(JSON.stringify(body ?? {}))
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const part of request) text += String(part)
  return text
}

const replyOf = ({ issuer, keys, active }: State, path: string, body: string): unknown => {
  if (path === '/.well-known/jwks.json') return { keys }
  if (path === '/oauth/token') return { access_token: 'a-token', token_type: 'Bearer', expires_in: 300 }
  if (path === '/oauth/introspect') {
    const found = active.get(new URLSearchParams(body).get('token') ?? '')
    return found === undefined ? { active: false } : { active: true, ...found }
  }
  if (path !== '/.well-known/openid-configuration') return undefined
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    token_endpoint: `${issuer}/oauth/token`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    keywright_revocation_feed: `${issuer}/oauth/revocations`,
  }
}

const openStream = (state: State, response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(`: hello\n\n${state.told.join('')}`)
  starts.set(response, performance.now())
  if (state.feeds) beat(response)
  state.streams.add(response)
  response.on('close', () => state.streams.delete(response))
}

/** The instant in a UUIDv7. */
export const jtiAt = (at: number): string => {
  const stamp = at.toString(16).padStart(12, '0')
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${randomUUID().slice(15)}`
}

/** The claims of a good token of a person, as Keywright makes it. */
export const claimsFor = (issuer: string, more: Record<string, unknown> = {}): JWTPayload => {
  const now = Date.now()
  const iat = Math.floor(now / 1000)
  const usual = { iss: issuer, sub: 'ada', aud: audience, exp: iat + 300, iat, nbf: iat, client_id: 'app' }
  const own = {
    scope: 'read write',
    sid: 'session-1',
    grant_id: 'grant-1',
    roles: ['editor'],
    permissions: ['orders:read'],
  }
  const all = { ...usual, jti: jtiAt(now), ...own, auth_time: iat - 60, acr: 'aal1', ...more }
  return Object.fromEntries(Object.entries(all).filter(([, value]: [string, unknown]) => value !== undefined))
}

/** Signs claims; `header` replaces members of the usual header. */
export const sign = async (
  key: SigningKey,
  claims: JWTPayload,
  header: Record<string, unknown> = {},
): Promise<string> =>
  await new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
    .sign(key.privateKey, { crit: { 'x-critical': true } })

/** A token that nobody's library would make: header and payload as given, and whatever signature. */
export const forge = (header: unknown, payload: unknown, signature = 'c2ln'): string =>
  [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + `.${signature}`
