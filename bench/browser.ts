/**
 * Owns what a person's browser does before a measurement: signing in through the real pages. Never measured itself.
 * Start reading at `signEverybodyIn`.
 */
import { describe, type HttpClient, httpClient, type Reply } from '../server/test/support/http.ts'
import { type Client, type Person, redirect_uri, type Subject } from './subject.ts'

/** RFC 7636 appendix B. */
export const pkce = {
  code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
}

/** The path of an authorization request of this client. */
export function authorizePath(subject: Subject, client: Client): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri,
    scope: 'openid profile email',
    state: 'af0ifjsldkj',
    nonce: 'n-0S6_WzA2Mj',
    code_challenge: pkce.code_challenge,
    code_challenge_method: 'S256',
  })
  return `${subject.paths.authorize}?${query.toString()}`
}

/** The cookie by which Keywright knows the browser of somebody who has signed in there before; a peer has none. */
const deviceOf = (header: string): string | undefined => /(?:^|; )((?:__Host-)?kw_device=[^;]+)/.exec(header)?.[1]

/**
 * Signs everybody in and has everybody visit each client once, so that what a first visit creates is there; the Cookie
 * headers that prove it. Throws when a code does not come back.
 */
export async function signEverybodyIn(subject: Subject): Promise<string[]> {
  const { webRs256, webEs256, webSeen } = subject.clients
  const sessions: string[] = []
  for (const person of subject.people) {
    const { browser, page } = await openLogin(subject, webRs256)
    requireCode(await browser.walk(browser.submit(page, { login: person.email, password: person.password })))
    for (const client of [webRs256, webEs256, webSeen])
      requireCode(await browser.walk(browser.get(authorizePath(subject, client))))
    const header = browser.jar.header(new URL(subject.paths.authorize, `http://127.0.0.1:${subject.port}`))
    if (header === undefined) throw new Error('sign-in set no cookie')
    sessions.push(header)
    subject.devices.push(deviceOf(header))
  }
  return sessions
}

function requireCode(end: Reply): void {
  if (end.location?.searchParams.has('code') !== true)
    throw new Error(`sign-in did not end with a code: ${describe(end)}`)
}

/** A login form that is filled in but not sent: its path, the cookies of its browser, its body. */
export async function filledLogin(
  subject: Subject,
  client: Client,
  { person, device }: { person: Person; device: string | undefined },
): Promise<[string, string, string]> {
  const { browser, page } = await openLogin(subject, client, device)
  const form = page.forms[0]
  if (form === undefined) throw new Error(`no form on ${page.url.pathname}`)
  const hidden = form.fields.filter(({ name }) => name !== 'login' && name !== 'password')
  const pairs = [
    ...hidden.map(({ name, value }) => [name, value]),
    ['login', person.email],
    ['password', person.password],
  ]
  const { pathname, search } = new URL(form.action === '' ? page.url : form.action, page.url)
  const cookies = browser.jar.all().map(({ name, value }) => `${name}=${value}`)
  return [pathname + search, cookies.join('; '), new URLSearchParams(pairs).toString()]
}

async function openLogin(
  subject: Subject,
  client: Client,
  device?: string,
): Promise<{ browser: HttpClient; page: Reply }> {
  const browser = httpClient(`http://127.0.0.1:${subject.port}`)
  if (device !== undefined) browser.jar.keep(new URL(`http://127.0.0.1:${subject.port}/`), [`${device}; Path=/`])
  const page = await browser.walk(browser.get(authorizePath(subject, client)))
  if (page.status !== 200 || page.forms.length === 0) throw new Error(`no login page: ${describe(page)}`)
  return { browser, page }
}
