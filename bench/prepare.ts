/**
 * Owns the jobs of the rows: the requests, and everything they need beforehand (codes, tokens, sign-in pages), which is
 * made here, before the window that is measured. Start reading at `jobs`.
 */
import { authorizePath, filledLogin, pkce } from './browser.ts'
import type { Generator } from './generator.ts'
import type { Check, Job, Outcome, Template } from './job.ts'
import type { LoadRowId } from './row-ids.ts'
import { type Client, redirect_uri, type Subject } from './subject.ts'

/** The window a job is for. `count` is how many requests it may hold; what can be used once is made so often. */
export type Window = { subject: Subject; generator: Generator; seconds: number; connections: number; count: number }

type Prepare = (window: Window) => Promise<Job> | Job

/** How each row's job is made. */
export const jobs: Record<LoadRowId, Prepare> = {
  discovery: (window) => document(window, window.subject.paths.discovery, 'issuer'),
  jwks: (window) => document(window, window.subject.paths.jwks, 'keys'),
  'client-credentials-rs256': (window) => clientCredentials(window, window.subject.clients.machineRs256),
  'client-credentials-es256': (window) => clientCredentials(window, window.subject.clients.machineEs256),
  authorize: (window) => authorize(window, window.subject.clients.webRs256),
  'exchange-rs256': (window) => exchange(window, window.subject.clients.webRs256),
  'exchange-es256': (window) => exchange(window, window.subject.clients.webEs256),
  'refresh-rs256': (window) => refresh(window, window.subject.clients.webRs256),
  'refresh-es256': (window) => refresh(window, window.subject.clients.webEs256),
  introspection: async (window) => {
    const { webSeen } = window.subject.clients
    return introspection(window, webSeen, await accessTokens(window))
  },
  userinfo: async (window) => {
    const template: Template = {
      method: 'GET',
      path: window.subject.paths.userinfo,
      headers: { authorization: 'Bearer {0}' },
    }
    return { ...job(window, template, { kind: 'person' }), values: await accessTokens(window) }
  },
  revocation,
  login: async (window) => await login(window, 'known'),
  'login-new': async (window) => await login(window, 'new'),
}

/** Asks afterwards whether the tokens of a revocation window are dead; throws when one is not. */
export async function checkRevoked(window: Window, revoked: Job): Promise<void> {
  const sample = revoked.values.slice(0, 20)
  const asked = introspection(window, window.subject.clients.machineSeen, sample)
  await allGood(window.generator, {
    ...asked,
    use: 'once',
    connections: 4,
    limit: sample.length,
    check: { kind: 'inactive' },
  })
}

function document({ subject, ...window }: Window, path: string, member: 'issuer' | 'keys'): Job {
  return job(
    { subject, ...window },
    { method: 'GET', path, headers: { accept: 'application/json' } },
    { kind: 'document', member },
  )
}

function clientCredentials(window: Window, client: Client): Job {
  const template = tokenRequest(window.subject, client, 'grant_type=client_credentials&scope=read')
  return job(window, template, { kind: 'tokens', alg: client.alg, id_token: false, refresh_token: false })
}

function authorize(window: Window, client: Client): Job {
  const { subject } = window
  const template: Template = {
    method: 'GET',
    path: authorizePath(subject, client),
    headers: { accept: 'text/html', cookie: '{0}' },
  }
  return {
    ...job(window, template, { kind: 'redirect', to: redirect_uri }),
    values: subject.sessions.map((cookie) => [cookie]),
  }
}

async function exchange(window: Window, client: Client): Promise<Job> {
  const source = { ...authorize(window, client), seconds: 40, limit: window.count, collect: 'code' as const }
  const { collected } = await allGood(window.generator, source)
  const parameters = new URLSearchParams({
    grant_type: 'authorization_code',
    redirect_uri,
    code_verifier: pkce.code_verifier,
  })
  const template = tokenRequest(window.subject, client, `${parameters.toString()}&code={0}`)
  const check: Check = { kind: 'tokens', alg: client.alg, id_token: true, refresh_token: true }
  return {
    ...job(window, template, check),
    use: 'once',
    limit: collected.length,
    values: collected.map((code) => [code]),
  }
}

async function refresh(window: Window, client: Client): Promise<Job> {
  const families = await exchange({ ...window, count: window.connections }, client)
  const { collected } = await allGood(window.generator, { ...families, seconds: 40, collect: 'refresh_token' })
  const template = tokenRequest(window.subject, client, 'grant_type=refresh_token&refresh_token={0}')
  const check: Check = { kind: 'tokens', alg: client.alg, id_token: true, refresh_token: true }
  return {
    ...job(window, template, check),
    use: 'chain',
    collect: 'refresh_token',
    values: collected.map((token) => [token]),
  }
}

/** Fresh tokens of people for each window: as many as are asked about again and again by a resource server. */
async function accessTokens(window: Window): Promise<string[][]> {
  const codes = await exchange({ ...window, count: 200 }, window.subject.clients.webSeen)
  const { collected } = await allGood(window.generator, { ...codes, seconds: 40, collect: 'access_token' })
  return collected.map((token) => [token])
}

function introspection(window: Window, client: Client, values: string[][]): Job {
  const template: Template = {
    method: 'POST',
    path: window.subject.paths.introspect,
    headers: { authorization: basic(client), 'content-type': formType },
    body: 'token={0}',
  }
  return { ...job(window, template, { kind: 'active', client_id: client.client_id }), values }
}

async function revocation(window: Window): Promise<Job> {
  const client = window.subject.clients.machineSeen
  const source = {
    ...clientCredentials(window, client),
    seconds: 40,
    limit: window.count,
    collect: 'access_token' as const,
  }
  const { collected } = await allGood(window.generator, source)
  const template: Template = {
    method: 'POST',
    path: window.subject.paths.revoke,
    headers: { authorization: basic(client), 'content-type': formType },
    body: 'token={0}',
  }
  const values = collected.map((token) => [token])
  return { ...job(window, template, { kind: 'empty' }), use: 'once', limit: values.length, values }
}

/** From the posted password to the code in the client's hands; the page and its attempt exist before. */
async function login(window: Window, browser: 'known' | 'new'): Promise<Job> {
  const { subject, count } = window
  const values: string[][] = []
  const fillIn = async (number: number): Promise<void> => {
    for (let at = number; at < count; at += 4) {
      const who = at % subject.people.length
      const person = subject.people[who]
      const device = browser === 'known' ? subject.devices[who] : undefined
      if (person !== undefined) values[at] = await filledLogin(subject, subject.clients.webRs256, { person, device })
    }
  }
  await Promise.all([0, 1, 2, 3].map(fillIn))
  const template: Template = {
    method: 'POST',
    path: '{0}',
    headers: {
      cookie: '{1}',
      accept: 'text/html',
      'content-type': formType,
      origin: `http://127.0.0.1:${subject.port}`,
      'sec-fetch-site': 'same-origin',
    },
    body: '{2}',
  }
  const check: Check = { kind: 'redirect', to: redirect_uri }
  return { ...job(window, template, check), use: 'once', limit: count, followTo: redirect_uri, values }
}

const formType = 'application/x-www-form-urlencoded'

function tokenRequest(subject: Subject, client: Client, body: string): Template {
  return {
    method: 'POST',
    path: subject.paths.token,
    headers: { authorization: basic(client), 'content-type': formType },
    body,
  }
}

/** RFC 6749 §2.3.1: both are form-url-encoded before they are joined. */
function basic({ client_id, client_secret }: Client): string {
  const pair = `${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

function job({ subject, seconds, connections }: Window, template: Template, check: Check): Job {
  return {
    port: subject.port,
    connections,
    seconds,
    limit: Number.MAX_SAFE_INTEGER,
    template,
    values: [[]],
    use: 'cycle',
    check,
  }
}

async function allGood(generator: Generator, prepared: Job): Promise<Outcome> {
  const outcome = await generator.run(prepared)
  if (outcome.errors > 0)
    throw new Error(`preparing: ${outcome.errors} wrong answers, the first: ${outcome.firstError}`)
  return outcome
}
