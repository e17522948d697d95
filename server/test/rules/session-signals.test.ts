/** KEYWRIGHT_SESSION_SIGNALS (product row 13): a session that looks as if somebody else had it ends, and its person is asked to sign in again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { OutgoingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import { type HttpClient, httpClient } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { cityOf, mmdb } from '../support/mmdb.ts'
import type { Tokens } from '../support/oauth.ts'
import { eventsOf, sessionRow } from '../support/written.ts'

const linux = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
const [berlin, berlinToo, munich, paris, tokyo, nowhere] = [
  '81.2.69.160',
  '81.2.70.1',
  '81.3.1.1',
  '82.1.1.1',
  '83.1.1.1',
  '84.1.1.1',
] as const

const folder = mkdtempSync(join(tmpdir(), 'keywright-signals-'))
const file = join(folder, 'city.mmdb')
afterAll(() => rmSync(folder, { recursive: true }))
writeFileSync(
  file,
  mmdb({
    '81.2.69.0/24': cityOf('Germany', 'DE', ['Berlin', 52.52, 13.405]),
    '81.2.70.0/24': cityOf('Germany', 'DE', ['Berlin', 52.52, 13.405]),
    '81.3.0.0/16': cityOf('Germany', 'DE', ['Munich', 48.14, 11.58]),
    '82.1.0.0/16': cityOf('France', 'FR', ['Paris', 48.86, 2.35]),
    '83.1.0.0/16': cityOf('Japan', 'JP', ['Tokyo', 35.68, 139.69]),
  }),
)

/** Somebody who signed in in Berlin with Firefox on Linux; what their browser sends can be changed. */
type Somebody = {
  user_id: string
  browser: HttpClient
  headers: OutgoingHttpHeaders
  tokens: Tokens
  signIn: () => Promise<void>
}

const everybody = async (env: Record<string, string> = {}) => {
  const house = await startInProcess({
    KEYWRIGHT_TRUSTED_PROXIES: '127.0.0.1,::1',
    KEYWRIGHT_GEOIP_FILE: file,
    ...env,
  })
  const app = await house.client()
  const somebody = async (): Promise<Somebody> => {
    const user = await house.user()
    const headers: OutgoingHttpHeaders = { 'user-agent': linux, 'x-forwarded-for': berlin }
    const browser = httpClient(house.server.issuer, { headers })
    const signIn = async (): Promise<void> => {
      const page = await browser.get('/login')
      const reply = await browser.submit(page, { login: user.email, password: user.password })
      expect([reply.status, reply.location?.pathname]).toEqual([303, '/account'])
    }
    await signIn()
    return {
      user_id: user.user_id,
      browser,
      headers,
      signIn,
      tokens: await house.grant({ user, browser }, app, { scope: 'openid' }),
    }
  }
  return { house, app, somebody }
}

/** `code`, or the error of a request that may show no page. */
const silently = async (browser: HttpClient, app: TestClient): Promise<string> => {
  const query = new URLSearchParams({
    client_id: app.client_id,
    redirect_uri: app.redirect_uri,
    response_type: 'code',
    scope: 'openid',
    prompt: 'none',
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256',
  })
  const { location } = await browser.get(`/oauth/authorize?${query.toString()}`)
  return location?.searchParams.get('error') ?? (location?.searchParams.has('code') ? 'code' : 'nothing')
}

let world: { house: InProcess; app: TestClient; somebody: () => Promise<Somebody> }
beforeAll(async () => {
  world = await everybody()
})

const suspiciousOf = async (house: InProcess, user_id: string): Promise<unknown[]> =>
  (await eventsOf(house.db, { user_id })).filter(({ type }) => type === 'session.suspicious').map(({ data }) => data)

describe('by default', () => {
  type Change = (one: Somebody) => void
  const changes: [string, Change][] = [
    ['device', ({ browser }) => browser.jar.delete('kw_device')],
    [
      'device',
      ({ browser }) => browser.jar.keep(new URL(world.house.server.issuer), [`kw_device=${'A'.repeat(43)}; Path=/`]),
    ],
    ['browser', ({ headers }) => Object.assign(headers, { 'user-agent': chrome })],
    ['browser', ({ headers }) => Object.assign(headers, { 'user-agent': 'curl/8.5.0' })],
    ['system', ({ headers }) => Object.assign(headers, { 'user-agent': windows })],
    ['travel', ({ headers }) => Object.assign(headers, { 'x-forwarded-for': tokyo })],
  ]

  it.each(changes)(
    '%s: the session ends with its tokens, the person is told why and signs in again',
    async (signal, change) => {
      const { house, app, somebody } = world
      const [one, bystander] = [await somebody(), await somebody()]
      change(one)
      expect(await silently(one.browser, app)).toBe('login_required')
      // Everything that hangs on it is dead.
      expect((await house.userinfo(one.tokens.access_token)).status).toBe(401)
      expect((await sessionRow(house.db, one.browser))?.ended_at).not.toBeNull()
      expect(await suspiciousOf(house, one.user_id)).toEqual([{ signal }])
      // The page says so, wherever the person was going, and keeps saying it until they have signed in.
      const page = await one.browser.walk(one.browser.get('/account'))
      expect([page.status, page.url.pathname]).toEqual([200, '/login'])
      expect(page.body).toContain('We signed you out to be safe')
      expect((await one.browser.get('/login')).body).toContain('We signed you out to be safe')
      // No loop: the new session is bound to the browser as it is now.
      await one.signIn()
      expect(await silently(one.browser, app)).toBe('code')
      expect((await one.browser.get('/account')).status).toBe(200)
      expect(await suspiciousOf(house, one.user_id)).toHaveLength(1)
      expect(await silently(bystander.browser, app)).toBe('code')
    },
  )

  it('a refresh token of the session is dead, one of offline access lives', async () => {
    const { house, app, somebody } = world
    const one = await somebody()
    const as = { user: { ...one, email: '', password: '' }, browser: one.browser }
    const offline = await house.grant(as, app, { scope: 'openid offline_access' })
    one.browser.jar.delete('kw_device')
    await one.browser.get('/account')
    expect((await house.refresh(app, one.tokens.refresh_token)).status).toBe(400)
    expect((await house.refresh(app, offline.refresh_token)).status).toBe(200)
  })

  it.each<[string, Change]>([
    [
      'a new version of the browser',
      ({ headers }) => Object.assign(headers, { 'user-agent': linux.replaceAll('140', '141') }),
    ],
    ['another network', ({ headers }) => Object.assign(headers, { 'x-forwarded-for': berlinToo })],
    ['an address that nobody knows', ({ headers }) => Object.assign(headers, { 'x-forwarded-for': nowhere })],
    ['a private address', ({ headers }) => Object.assign(headers, { 'x-forwarded-for': '10.0.0.1' })],
    ['the browser cookie gone', ({ browser }) => browser.jar.delete('kw_browser')],
  ])('%s is no reason', async (_, change) => {
    const { house, app, somebody } = world
    const one = await somebody()
    change(one)
    expect(await silently(one.browser, app)).toBe('code')
    expect(await suspiciousOf(house, one.user_id)).toEqual([])
  })

  it('nothing is said to who was never signed out for safety', async () => {
    const { house, somebody } = world
    const one = await somebody()
    await one.browser.submit(await one.browser.get('/logout'), {}, { button: { name: 'scope', value: 'here' } })
    expect((await one.browser.get('/login')).body).not.toContain('to be safe')
    const other = await somebody()
    await house.db`update sessions set ended_at = now(), ended_because = 'ended by its owner' where user_id = ${other.user_id}`
    house.ctx.sessions.clear()
    const page = await other.browser.walk(other.browser.get('/account'))
    expect([page.url.pathname, page.body.includes('to be safe')]).toEqual(['/login', false])
  })

  it('twenty requests at once end it once', async () => {
    const { house, app, somebody } = world
    const one = await somebody()
    Object.assign(one.headers, { 'user-agent': chrome })
    const told = await Promise.all(Array.from({ length: 20 }, async () => await silently(one.browser, app)))
    expect(new Set(told)).toEqual(new Set(['login_required']))
    expect(await suspiciousOf(house, one.user_id)).toEqual([{ signal: 'browser' }])
  })

  it('a copy in memory that is older than the database signs nobody out', async () => {
    const { house, app, somebody } = world
    const one = await somebody()
    expect(await silently(one.browser, app)).toBe('code')
    // Another node has seen the person arrive in Tokyo, hours later.
    const place = { country: 'Japan', country_code: 'JP', latitude: 35.68, longitude: 139.69 }
    await house.db`update sessions set ip = ${tokyo}, place = ${house.db.json(place)} where user_id = ${one.user_id}`
    Object.assign(one.headers, { 'x-forwarded-for': tokyo })
    expect(await silently(one.browser, app)).toBe('code')
    expect(await suspiciousOf(house, one.user_id)).toEqual([])
  })

  it('a session that is bound to no device is left alone', async () => {
    const { house, app, somebody } = world
    const one = await somebody()
    await house.db`update sessions set device_id = null where user_id = ${one.user_id}`
    house.ctx.sessions.clear()
    one.browser.jar.delete('kw_device')
    Object.assign(one.headers, { 'user-agent': chrome, 'x-forwarded-for': tokyo })
    expect(await silently(one.browser, app)).toBe('code')
    expect(await suspiciousOf(house, one.user_id)).toEqual([])
  })

  it('somebody who travels at the speed of an airliner stays signed in, and so does who comes back to the browser after weeks', async () => {
    const { house, app, somebody } = world
    const one = await somebody()
    for (const [ip, seconds] of [
      [munich, 3600],
      [paris, 3600],
      [tokyo, 11 * 3600],
      [berlin, 20 * 3600],
    ] as const) {
      house.pass(seconds)
      Object.assign(one.headers, { 'x-forwarded-for': ip })
      expect([ip, await silently(one.browser, app)]).toEqual([ip, 'code'])
      // What was seen is what the next request is compared with.
      const [row] = await house.db<{ ip: string }[]>`select ip from sessions where user_id = ${one.user_id}`
      expect(row?.ip).toBe(ip)
    }
    expect(await suspiciousOf(house, one.user_id)).toEqual([])
  })
})

describe('by choice', () => {
  it('country and network: within an hour of the last request, not after', async () => {
    const { house, app, somebody } = await everybody({ KEYWRIGHT_SESSION_SIGNALS: 'country,network' })
    const cases = [
      [berlinToo, 3500, 'login_required', 'network'],
      [paris, 3500, 'login_required', 'country'],
      [berlinToo, 3700, 'code', undefined],
      [paris, 3700, 'code', undefined],
    ] as const
    for (const [ip, seconds, told, signal] of cases) {
      const one = await somebody()
      house.pass(seconds)
      Object.assign(one.headers, { 'x-forwarded-for': ip, 'user-agent': chrome })
      one.browser.jar.delete('kw_device')
      expect([ip, seconds, await silently(one.browser, app)]).toEqual([ip, seconds, told])
      expect(await suspiciousOf(house, one.user_id)).toEqual(signal === undefined ? [] : [{ signal }])
    }
  })

  it('off: nothing is compared', async () => {
    const { house, app, somebody } = await everybody({ KEYWRIGHT_SESSION_SIGNALS: 'off' })
    const one = await somebody()
    one.browser.jar.delete('kw_device')
    Object.assign(one.headers, { 'user-agent': chrome, 'x-forwarded-for': tokyo })
    expect(await silently(one.browser, app)).toBe('code')
    expect(await suspiciousOf(house, one.user_id)).toEqual([])
  })
})
