/**
 * Owns talking to the endpoints of clients as an application does: sign a person in once, get codes from that session,
 * redeem, refresh, ask, revoke; and the checks that every refusal has to pass. Start reading at `openOauth`.
 */
import { hash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { type Fixtures, fixtures, type TestClient, type TestUser } from './fixtures.ts'
import { describe, type FormBody, type HttpClient, type Reply } from './http.ts'
import { type Server, type ServerOptions, startServer } from './server.ts'

export type Tokens = {
  access_token: string
  token_type: string
  expires_in: number
  scope?: string
  refresh_token?: string
  id_token?: string
}
export type Headers = Record<string, string>
/** A code with everything that is needed to redeem it. */
export type Code = { code: string; code_verifier: string; redirect_uri: string }
export type Person = { user: TestUser; browser: HttpClient }

/** Where requests go: a started server, or one inside the test process. */
type Place = Pick<Server, 'client' | 'issuer'>

export type Oauth<S extends Place = Server> = Fixtures & {
  server: S
  /** Signs a person in, a new one unless given. */
  person: (user?: TestUser) => Promise<Person>
  /** Gets a code for a client that may skip consent, with the session of a person. `params` are added to the request, undefined removes one. */
  code: (person: Person, client: TestClient, params?: Record<string, string | undefined>) => Promise<Code>
  /** A token request, authenticated as the client is registered: Basic with a secret, client_id in the form without. */
  token: (client: TestClient, form: Record<string, string | undefined>, headers?: Headers) => Promise<Reply>
  redeem: (client: TestClient, code: Code, form?: Record<string, string | undefined>) => Promise<Reply>
  /** The whole flow: code and exchange. */
  grant: (person: Person, client: TestClient, params?: Record<string, string | undefined>) => Promise<Tokens>
  refresh: (client: TestClient, refresh_token: string | undefined, form?: Record<string, string>) => Promise<Reply>
  post: (path: string, client: TestClient, form: Record<string, string | undefined>) => Promise<Reply>
  introspect: (client: TestClient, token: string) => Promise<Record<string, unknown>>
  userinfo: (access_token: string) => Promise<Reply>
}

export const offline = 'openid profile email roles offline_access'

/** Starts a server for the test file, with fixtures beside it. */
export const openOauth = async (options: ServerOptions = {}): Promise<Oauth> =>
  await oauthOf(await startServer(options))

/** The same for a server that runs already. */
export const oauthOf = async (server: Server): Promise<Oauth> => oauthAt(server, await fixtures({ env: server.env }))

/** The same for whatever answers, with fixtures of its database. */
export const oauthAt = <S extends Place>(server: S, made: Fixtures): Oauth<S> => {
  const post: Oauth['post'] = async (path, client, form) => await send(server, path, client, form)
  const token: Oauth['token'] = async (client, form, headers = {}) =>
    await send(server, '/oauth/token', client, form, headers)
  const redeem: Oauth['redeem'] = async (client, code, form = {}) =>
    await token(client, { grant_type: 'authorization_code', ...code, ...form })
  const code: Oauth['code'] = async (person, client, params = {}) => await authorize(person, client, params)
  return {
    ...made,
    server,
    post,
    token,
    redeem,
    code,
    person: async (user) => await signIn(server, user ?? (await made.user())),
    grant: async (person, client, params) => tokensOf(await redeem(client, await code(person, client, params))),
    refresh: async (client, refresh_token, form = {}) =>
      await token(client, { grant_type: 'refresh_token', refresh_token, ...form }),
    introspect: async (client, value) => (await post('/oauth/introspect', client, { token: value })).json(),
    userinfo: async (value) => await server.client().get('/oauth/userinfo', { authorization: `Bearer ${value}` }),
  }
}

/** The tokens of a successful answer; throws with the answer otherwise. */
export const tokensOf = (reply: Reply): Tokens => {
  if (reply.status !== 200) throw new Error(`no tokens: ${describe(reply)}`)
  return reply.json<Tokens>()
}

/** RFC 6749 §2.3.1: both halves are form-url-encoded before they are joined. */
export const basic = (client_id: string, secret: string): Headers => {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
  return { authorization: `Basic ${Buffer.from(`${encode(client_id)}:${encode(secret)}`).toString('base64')}` }
}

const send = async (
  server: Place,
  path: string,
  client: TestClient,
  form: Record<string, string | undefined>,
  headers: Headers = {},
): Promise<Reply> => {
  const { client_id, client_secret } = client
  const body: FormBody = client_secret === undefined ? { client_id, ...form } : form
  const proof = client_secret === undefined ? {} : basic(client_id, client_secret)
  return await server.client().post(path, body, { ...proof, ...headers })
}

const signIn = async (server: Place, user: TestUser): Promise<Person> => {
  const browser = server.client()
  const reply = await browser.submit(await browser.get('/login'), { login: user.email, password: user.password })
  if (reply.status !== 303) throw new Error(`not signed in: ${describe(reply)}`)
  return { user, browser }
}

const authorize = async (
  { browser }: Person,
  client: TestClient,
  params: Record<string, string | undefined>,
): Promise<Code> => {
  const code_verifier = randomBytes(32).toString('base64url')
  const request: Record<string, string | undefined> = {
    client_id: client.client_id,
    response_type: 'code',
    redirect_uri: client.redirect_uri,
    scope: offline,
    code_challenge: hash('sha256', code_verifier, 'base64url'),
    code_challenge_method: 'S256',
    ...params,
  }
  const pairs = Object.entries(request).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const reply = await browser.get(`/oauth/authorize?${new URLSearchParams(pairs).toString()}`)
  const code = reply.location?.searchParams.get('code')
  if (code === undefined || code === null) throw new Error(`no code: ${describe(reply)}`)
  return { code, code_verifier, redirect_uri: client.redirect_uri }
}

/** What every answer with tokens and every refusal of these endpoints has (RFC 6749 §5.1, §5.2). */
export const expectNoStore = (reply: Reply): void => {
  expect(reply.headers['cache-control']).toBe('no-store')
  expect(reply.headers.pragma).toBe('no-cache')
}

export type Decision = { rule: string; expected: string | null; got: string | null; route: string; client_id: string }

/**
 * Checks a refusal in the form of RFC 6749 §5.2: status, headers, members, characters; and that its decision record is
 * there, which is returned.
 */
export const expectRefusal = async (db: Db, reply: Reply, status: number, error: string): Promise<Decision> =>
  await decisionOf(db, expectError(reply, status, error))

/** The same without its decision record, which takes up to 200 ms; returns the error_id. */
export const expectError = (reply: Reply, status: number, error: string): string => {
  expect({ status: reply.status, body: reply.body }).toMatchObject({ status })
  expect(reply.headers['content-type']).toMatch(/^application\/json(;|$)/)
  expectNoStore(reply)
  expect(reply.headers.location).toBeUndefined()
  const body = reply.json<{ error: string; error_description: string; error_id: string }>()
  expect(Object.keys(body).toSorted()).toEqual(['error', 'error_description', 'error_id'])
  expect(body.error).toBe(error)
  // RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E
  expect(body.error_description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
  expect(body.error_id).toMatch(/^err_[0-9A-Za-z]+$/)
  return body.error_id
}

/** The decision record of a refusal; it is written within 200 ms. */
export const decisionOf = async (db: Db, error_id: string): Promise<Decision> =>
  await eventually(async () => {
    const [row] = await db<Decision[]>`
      select rule, expected, got, route, client_id from decisions where error_id = ${error_id}`
    return row
  })

export type RecordedEvent = {
  type: string
  severity: string
  outcome: string
  user_id: string | null
  client_id: string | null
  session_id: string | null
  ip: string | null
  data: Record<string, unknown>
}

/** The events that a request recorded, in the order of their names: they all bear its instant. */
export const eventsOf = async (db: Db, reply: Reply): Promise<RecordedEvent[]> =>
  await db<RecordedEvent[]>`
    select type, severity, outcome, user_id, client_id, session_id, ip, data from all_events
    where request_id = ${String(reply.headers['x-request-id'])} order by type`

/** Waits until something is there, ten seconds at most. */
export const eventually = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
  const until = performance.now() + 10_000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > until) throw new Error('it did not happen within 10 seconds')
    await sleep(20)
  }
}

/** What a JWT says, unverified. */
export const claimsOf = (jwt: string): Record<string, unknown> => partOf(jwt, 1)
export const headerOf = (jwt: string): Record<string, unknown> => partOf(jwt, 0)
const partOf = (jwt: string, index: number): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split('.')[index] ?? '', 'base64url').toString()) as Record<string, unknown>
