/**
 * Owns the steps of people and applications in black-box tests: ask, sign in, allow, come back, and a look at what was
 * written down of it. Start reading at `openHouse`.
 */
import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { type Fixtures, fixtures, type TestClient, type TestUser } from './fixtures.ts'
import { describe as describeReply, type HttpClient, type Reply } from './http.ts'
import { type Server, type ServerOptions, startServer } from './server.ts'

/** Somebody with an account; `name` is what pages show. */
export type Person = TestUser & { name: string }
/** A registered application; `client_name` is what pages show. */
export type App = TestClient & { client_name: string }

/** A server with the fixtures of its database. */
export type House = Pick<Fixtures, 'ctx' | 'revoking'> & {
  server: Server
  sql: Db
  /** A new account with a name. */
  person: (registration?: Parameters<Fixtures['user']>[0]) => Promise<Person>
  /** A new web application that has to ask for consent, unless said otherwise. */
  app: (metadata?: Parameters<Fixtures['client']>[0]) => Promise<App>
}

/** Starts a server for the test file. */
export async function openHouse(options: ServerOptions = {}): Promise<House> {
  const server = await startServer(options)
  const { ctx, db, revoking, user, client } = await fixtures({
    env: server.env,
    ...(typeof options.database === 'object' && { db: options.database.sql }),
  })
  let made = 0
  return {
    ctx,
    revoking,
    server,
    sql: db,
    person: async (registration = {}) => {
      const name = registration.name ?? `Person ${(made += 1)}`
      return { ...(await user({ ...registration, name })), name }
    },
    app: async (metadata = {}) => {
      const client_name = metadata.client_name ?? `App ${(made += 1)}`
      const registered = await client({ first_party: false, ...metadata, client_name })
      return { ...registered, client_name }
    },
  }
}

/** A verifier and its S256 challenge (RFC 7636 §4.1, §4.2). */
export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** A verifier for flows in which nobody looks at it. */
export const usual = pkce()

/** Parameters of a request; undefined takes a usual one out, a list repeats it. */
export type Params = Record<string, string | string[] | undefined>

/** A complete request with scope openid, state, nonce and PKCE, as pairs. */
export function requestOf(app: App, params: Params = {}): [string, string][] {
  const all: Params = {
    client_id: app.client_id,
    redirect_uri: app.redirect_uri,
    response_type: 'code',
    scope: 'openid',
    state: 'state of the app',
    nonce: 'nonce of the app',
    code_challenge: usual.challenge,
    code_challenge_method: 'S256',
    ...params,
  }
  return Object.entries(all).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  )
}

/** The address of an authorization request. */
export const authorizePath = (app: App, params: Params = {}): string =>
  `/oauth/authorize?${new URLSearchParams(requestOf(app, params)).toString()}`

/** Sends a request and goes on to the first page, or to the redirect that leads back to the application. */
export const ask = async (client: HttpClient, app: App, params: Params = {}): Promise<Reply> =>
  await client.walk(client.get(authorizePath(app, params)))

/** Fills in a sign-in page; the answer is not followed. */
export const typePassword = async (client: HttpClient, page: Reply, login: string, password: string): Promise<Reply> =>
  await client.submit(page, { login, password })

/** Signs in on a sign-in page and goes on to what comes next. */
export async function signInOn(client: HttpClient, page: Reply, person: Person): Promise<Reply> {
  expectPage(page, 200, /^(Sign in|Confirm that it is you)$/)
  const answer = await typePassword(client, page, person.email, person.password)
  expect(answer.status, describeReply(answer)).toBe(303)
  return await client.walk(answer)
}

/** Signs in without any application. */
export const signIn = async (client: HttpClient, person: Person): Promise<Reply> =>
  await signInOn(client, await client.get('/login'), person)

/** Presses a button of the consent page and goes on. */
export const decide = async (client: HttpClient, page: Reply, decision: 'allow' | 'deny' | 'switch'): Promise<Reply> =>
  await client.walk(client.submit(page, {}, { button: { name: 'decision', value: decision } }))

/** Takes every step that is still due: sign-in, consent. Ends where the application gets its answer. */
export async function finish(client: HttpClient, first: Reply, person: Person): Promise<Reply> {
  let reply = first
  if (reply.url.pathname === '/login') reply = await signInOn(client, reply, person)
  if (reply.url.pathname === '/consent') reply = await decide(client, reply, 'allow')
  return reply
}

/** The whole way from a request to the answer of the application. */
export const obtain = async (client: HttpClient, app: App, person: Person, params: Params = {}): Promise<Reply> =>
  await finish(client, await ask(client, app, params), person)

/** What a redirect tells the application, from its query or its fragment. */
export function answerOf(reply: Reply, from: 'query' | 'fragment' = 'query'): Record<string, string> {
  if (reply.location === undefined) throw new Error(`not a redirect: ${describeReply(reply)}`)
  const text = from === 'query' ? reply.location.search : reply.location.hash
  return Object.fromEntries(new URLSearchParams(text.slice(1)))
}

/** Where a redirect leads, without what it tells. */
export function targetOf(reply: Reply): string {
  if (reply.location === undefined) throw new Error(`not a redirect: ${describeReply(reply)}`)
  return reply.location.href.replace(/[?#].*$/s, '')
}

/** Asserts a page of this server: status and title, and that it leads nowhere else. */
export function expectPage(reply: Reply, status: number, title: string | RegExp): void {
  expect([reply.status, reply.location?.href], describeReply(reply)).toEqual([status, undefined])
  expect(reply.headers['content-type']).toBe('text/html; charset=utf-8')
  const shown = /<title>(?:Error: )?(.*?) · /.exec(reply.body)?.[1] ?? ''
  if (typeof title === 'string') expect(shown).toBe(title)
  else expect(shown).toMatch(title)
}

/** Asserts a code: at the application, with state and issuer (RFC 6749 §4.1.2, RFC 9207 §2), and nothing else. */
export function expectCode(reply: Reply, app: App, issuer: string): string {
  expect(reply.status, describeReply(reply)).toBe(303)
  expect(targetOf(reply)).toBe(app.redirect_uri)
  const { code, ...rest } = answerOf(reply)
  expect(code).toMatch(/^kw_ac_[0-9A-Za-z]+$/)
  expect(rest).toEqual({ state: 'state of the app', iss: issuer })
  return code ?? ''
}

/** Asserts a refusal by redirect: error, sentence, state and issuer (RFC 6749 §4.1.2.1, RFC 9207 §2). Returns its error_id. */
export function expectRefusal(reply: Reply, app: App, error: string): string {
  expect(reply.status, describeReply(reply)).toBe(303)
  expect(targetOf(reply)).toBe(app.redirect_uri)
  const answer = answerOf(reply)
  expect(answer).toEqual({
    error,
    error_description: expect.stringMatching(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/) as unknown,
    state: 'state of the app',
    iss: reply.url.origin,
    error_id: expect.stringMatching(/^err_[0-9A-Za-z]{12}$/) as unknown,
  })
  return answer.error_id ?? ''
}

/** The error_id that an error page shows. */
export const errorIdOf = (page: Reply): string => /err_[0-9A-Za-z]{12}/.exec(page.body)?.[0] ?? ''

/** The id of the sign-in in progress that a page belongs to. */
export const interactionOf = (page: Reply): string => page.url.searchParams.get('interaction') ?? ''

/** A JWT's payload, unverified: the tests that verify signatures are others. */
export const payloadOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

/** Redeems a code at the token endpoint as its application. */
export async function redeem(client: HttpClient, app: App, code: string): Promise<Reply> {
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: app.redirect_uri,
    code_verifier: usual.verifier,
    ...(app.client_secret === undefined && { client_id: app.client_id }),
  }
  const basic = Buffer.from(`${app.client_id}:${app.client_secret ?? ''}`).toString('base64')
  return await client.post('/oauth/token', form, {
    ...(app.client_secret !== undefined && { authorization: `Basic ${basic}` }),
  })
}

/** The whole way to tokens; `id_token` is there when the scope has openid. */
export async function tokensOf(
  client: HttpClient,
  app: App,
  person: Person,
  params: Params = {},
): Promise<{ access_token: string; id_token: string; refresh_token: string }> {
  const { code = '' } = answerOf(await obtain(client, app, person, params))
  const reply = await redeem(client, app, code)
  expect(reply.status, describeReply(reply)).toBe(200)
  return reply.json()
}

/** What an application is told when it asks without any page: `code`, or the error. */
export async function askSilently(client: HttpClient, app: App, params: Params = {}): Promise<string> {
  const reply = await client.get(authorizePath(app, { prompt: 'none', ...params }))
  expect(targetOf(reply), describeReply(reply)).toBe(app.redirect_uri)
  const { code, error = '' } = answerOf(reply)
  return code === undefined ? error : 'code'
}

export { decisionOf } from './written.ts'
