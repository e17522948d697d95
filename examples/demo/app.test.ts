import { once } from 'node:events'
import type { Server } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApi } from './api.ts'
import { createApp } from './app.ts'
import type { Settings } from './settings.ts'
import { connect, isActive } from './sign-in.ts'
import { type Browser, openBrowser, type Page, textOf } from './test/browser.ts'
import { type Issuer, startIssuer } from './test/issuer.ts'
import { freePorts } from './test/program.ts'

let issuer: Issuer
let settings: Settings
const servers: Server[] = []
const lines: string[] = []
const log = (line: string) => void lines.push(line)

beforeAll(async () => {
  const [demoPort = 0, apiPort = 0] = await freePorts(2)
  const resource = `http://localhost:${apiPort}/api`
  issuer = await startIssuer(resource)
  const demoUrl = `http://localhost:${demoPort}`
  settings = { issuer: issuer.url, dataDir: '', demoPort, apiPort, demoUrl, resource }
  const rp = await connect(settings, { client_id: 'demo', client_secret: 's+/%:' })
  const trust = { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks`, audience: resource, log }
  servers.push(createApi({ ...trust, isActive: (token) => isActive(rp, token) }).listen(apiPort, 'localhost'))
  servers.push(createApp({ settings, rp, log }).listen(demoPort, 'localhost'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
})
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections()
  issuer.close()
})
beforeEach(() => {
  issuer.next = Object.assign(issuer.next, {
    idToken: {},
    forged: false,
    unavailable: false,
    refreshDead: false,
    active: true,
  })
  delete issuer.next.error
  delete issuer.next.iss
  issuer.seen.revoked.length = 0
})

const signIn = async (browser: Browser): Promise<Page> =>
  browser.press(await browser.open(settings.demoUrl), 'Sign in with Keywright')
const notice = (page: Page): string => textOf(/<div class="notice.*?<\/div>/s.exec(page.text)?.[0])
const csrfOf = (page: Page): string => /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
const sessionOf = (browser: Browser): string | undefined => browser.cookies.get('keywright_demo')

describe('signing in', () => {
  test('shows the start with the steps and a button, under a strict policy', async () => {
    const page = await openBrowser().open(settings.demoUrl)
    expect(page.status).toBe(200)
    expect(textOf(page.text)).toContain('What happens, step by step')
    expect(page.text).not.toMatch(/<script|style="| on\w+=/)
    const policy = page.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.headers.get('set-cookie')).toMatch(/^keywright_demo=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
    expect((await openBrowser().open(`${settings.demoUrl}/style.css`)).headers.get('content-type')).toContain(
      'text/css',
    )
  })

  test('sends state, nonce, PKCE S256 and the resource, and comes back signed in with a new session', async () => {
    const browser = openBrowser()
    await browser.open(settings.demoUrl)
    const before = sessionOf(browser)
    const page = await signIn(browser)
    expect(page.url.href).toBe(`${settings.demoUrl}/`)
    expect(notice(page)).toContain('You are signed in.')
    expect(page.text).toContain('Hello, &lt;Ada&gt; &amp; Co')
    expect(page.text).toContain('ada@example.com')
    expect(sessionOf(browser)).not.toBe(before)
    const asked = Object.fromEntries(issuer.seen.authorize)
    expect(asked).toMatchObject({ response_type: 'code', code_challenge_method: 'S256', resource: settings.resource })
    expect(asked['code_challenge']).toHaveLength(43)
    expect(asked['prompt']).toBeUndefined()
    expect(issuer.seen.tokenRequests.at(-1)?.get('code_verifier')).toMatch(/^[\w.~-]{43,128}$/)
  })

  test('takes a no for an answer', async () => {
    issuer.next.error = 'access_denied'
    const page = await signIn(openBrowser())
    expect(notice(page)).toContain('You said no, and that is fine.')
    expect(page.text).toContain('Sign in with Keywright')
  })

  test('shows any other refusal with its code', async () => {
    issuer.next.error = 'login_required'
    expect(notice(await signIn(openBrowser()))).toContain('(login_required)')
  })

  test('accepts no answer of another browser, none twice, and none without a state', async () => {
    const mine = openBrowser()
    const other = openBrowser()
    await signIn(mine)
    const answer = new URL(`${settings.demoUrl}/callback`)
    answer.search = new URLSearchParams({
      code: 'c1',
      state: issuer.seen.authorize.get('state') ?? '',
      iss: issuer.url,
    }).toString()
    const before = issuer.seen.tokenRequests.length
    for (const [browser, address] of [
      [mine, answer.href],
      [other, answer.href],
      [other, `${settings.demoUrl}/callback?code=c1`],
      [other, `${settings.demoUrl}/callback?code=c1&state=a&state=b`],
    ] as const) {
      expect(notice(await browser.open(address))).toContain('does not belong to a sign-in of this browser')
    }
    expect(issuer.seen.tokenRequests).toHaveLength(before)
  })

  test.each([
    ['another issuer in the answer (RFC 9207 §2.4)', { iss: 'http://localhost:1' }],
    ['another nonce (OpenID Connect Core §3.1.3.7)', { idToken: { nonce: 'other' } }],
    ['an ID token for another client', { idToken: { aud: 'other' } }],
    ['an ID token of another issuer', { idToken: { iss: 'http://localhost:1' } }],
    ['an ID token that Keywright has not signed', { forged: true }],
    ['an ID token that has expired', { idToken: { exp: 1000 } }],
  ])('does not sign in with %s', async (_what, bent) => {
    Object.assign(issuer.next, bent)
    const browser = openBrowser()
    const page = await signIn(browser)
    expect(page.status).toBe(503)
    expect((await browser.open(settings.demoUrl)).text).toContain('Sign in with Keywright')
  })

  test('asks for a new proof, and looks whether it is one', async () => {
    const browser = openBrowser()
    const first = await signIn(browser)
    const again = await browser.press(first, 'Sign in again')
    expect(issuer.seen.authorize.get('prompt')).toBe('login')
    expect(notice(again)).toContain('You have proved again that it is you.')
    issuer.next.idToken = { auth_time: Math.floor(Date.now() / 1000) - 60 }
    expect(notice(await browser.press(again, 'Sign in again'))).toContain('does not prove a new sign-in')
  })

  test('finishes a sign-in that another tab has on its way', async () => {
    const browser = openBrowser()
    const start = await browser.open(settings.demoUrl)
    // The first tab is at the issuer, and stays there for now.
    const away = await fetch(`${settings.demoUrl}/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ csrf: csrfOf(start) }),
      headers: { cookie: `keywright_demo=${sessionOf(browser)}` },
    })
    expect(notice(await browser.press(start, 'Sign in with Keywright'))).toContain('You are signed in.')
    expect(notice(await browser.open(away.headers.get('location') ?? ''))).toContain('You are signed in.')
  })

  test('takes no form from before the sign-in', async () => {
    const browser = openBrowser()
    const before = await browser.open(settings.demoUrl)
    await signIn(browser)
    expect((await browser.press(before, 'Sign in with Keywright')).status).toBe(403)
  })
})

describe('signed in', () => {
  test('calls the API: 200, and 401 with its challenge once the token was revoked', async () => {
    const browser = openBrowser()
    const good = await browser.press(await signIn(browser), 'Call the API')
    expect(textOf(good.text)).toContain('The API said 200')
    issuer.next.active = false
    const bad = await browser.press(good, 'Call the API')
    expect(textOf(bad.text)).toContain('The API said 401')
    expect(bad.text).toContain('error=&quot;invalid_token&quot;')
  })

  test('refreshes with the newest refresh token each time', async () => {
    const browser = openBrowser()
    let page = await signIn(browser)
    for (const uses of [1, 2]) {
      const newest = `r${issuer.seen.tokenRequests.length}`
      page = await browser.press(page, 'Refresh')
      expect(issuer.seen.tokenRequests.at(-1)?.get('refresh_token')).toBe(newest)
      expect(textOf(page.text)).toContain(`used ${uses} ×`)
    }
  })

  test('ends its session when the refresh token is no good', async () => {
    const browser = openBrowser()
    const page = await signIn(browser)
    issuer.next.refreshDead = true
    const over = await browser.press(page, 'Refresh')
    expect(notice(over)).toContain('Your sign-in is over.')
    expect(over.text).toContain('Sign in with Keywright')
  })

  test('keeps its session when Keywright is away', async () => {
    const browser = openBrowser()
    const page = await signIn(browser)
    issuer.next.unavailable = true
    const away = await browser.press(page, 'Refresh')
    expect(away.status).toBe(503)
    expect(textOf(away.text)).toContain('Nothing is lost')
    expect((await browser.open(settings.demoUrl)).text).toContain('Hello, ')
  })

  test('signs out: revokes, sends the ID token as a hint, and forgets the session', async () => {
    const browser = openBrowser()
    const page = await signIn(browser)
    const newest = `r${issuer.seen.tokenRequests.length}`
    const before = sessionOf(browser)
    const out = await browser.press(page, 'Sign out')
    expect(issuer.seen.revoked).toEqual([newest])
    expect(issuer.seen.endSession.get('id_token_hint')).toMatch(/^ey/)
    expect(issuer.seen.endSession.get('post_logout_redirect_uri')).toBe(`${settings.demoUrl}/`)
    expect(notice(out)).toContain('You are signed out.')
    const thief = openBrowser()
    thief.cookies.set('keywright_demo', before ?? '')
    expect((await thief.open(settings.demoUrl)).text).toContain('Sign in with Keywright')
  })

  test('signs out everywhere without a hint, and shows that the token is dead', async () => {
    const browser = openBrowser()
    const page = await signIn(browser)
    issuer.next.active = false
    const out = await browser.press(page, 'Sign out everywhere')
    expect(issuer.seen.endSession.has('id_token_hint')).toBe(false)
    expect(issuer.seen.endSession.get('client_id')).toBe('demo')
    expect(notice(out)).toContain('the tokens died with it')
    expect(out.text).toContain('Sign in with Keywright')
  })

  test('says so when the token outlives the sign-out, and revokes it itself', async () => {
    const browser = openBrowser()
    const page = await signIn(browser)
    const newest = `r${issuer.seen.tokenRequests.length}`
    const out = await browser.press(page, 'Sign out everywhere')
    expect(notice(out)).toContain('The access token still worked')
    expect(issuer.seen.revoked).toEqual([newest])
  })

  test('stays signed in when a sign-out is answered with another state', async () => {
    const browser = openBrowser()
    await signIn(browser)
    expect((await browser.open(`${settings.demoUrl}/?state=other`)).text).toContain('Hello, ')
    expect((await browser.open(`${settings.demoUrl}/?state=`)).text).toContain('Hello, ')
  })
})

describe('forms and strangers', () => {
  const addresses = ['/sign-in', '/sign-in-again', '/call-api', '/refresh', '/sign-out', '/sign-out-everywhere']
  test.each(addresses)('POST %s wants the token of its session', async (address) => {
    const browser = openBrowser()
    const stranger = await openBrowser().open(settings.demoUrl)
    await signIn(browser)
    const foreign = csrfOf(stranger)
    const wrong: Record<string, string>[] = [{}, { csrf: '' }, { csrf: foreign }]
    for (const fields of wrong) {
      const refused = await browser.post(`${settings.demoUrl}${address}`, fields)
      expect(refused.status).toBe(403)
    }
    expect((await browser.open(settings.demoUrl)).text).toContain('Hello, ')
  })

  test.each(['/call-api', '/refresh', '/sign-out', '/sign-out-everywhere'])(
    'POST %s without a sign-in leads to the start',
    async (address) => {
      const browser = openBrowser()
      const csrf = csrfOf(await browser.open(settings.demoUrl))
      const start = await browser.post(`${settings.demoUrl}${address}`, { csrf })
      expect(start.status).toBe(200)
      expect(start.text).toContain('Sign in with Keywright')
    },
  )

  test('answers what it cannot read or does not know with a page, never with a stack', async () => {
    const large = await openBrowser().post(`${settings.demoUrl}/sign-in`, { csrf: 'x'.repeat(5000) })
    expect(large.status).toBe(413)
    const unknown = await openBrowser().open(`${settings.demoUrl}/nowhere`)
    expect(unknown.status).toBe(404)
    for (const page of [large, unknown]) {
      expect(page.text).toContain('Back to the start')
      expect(page.text).not.toContain('node_modules')
    }
  })

  test('logs what happened, but no token, code or secret', async () => {
    const browser = openBrowser()
    await browser.press(await signIn(browser), 'Call the API')
    expect(lines.some((line) => line.startsWith('app: signed in u1'))).toBe(true)
    expect(lines.join('\n')).not.toMatch(/ey[\w-]{10}|s\+\/|\br\d+\b|code=/)
  })
})
