/** Security rule CK-1 (security.md 1.7): cookies over http on a laptop, and as they are in the world. */
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import {
  type App,
  ask,
  askSilently,
  authorizePath,
  expectPage,
  type House,
  openHouse,
  type Person,
  signIn,
} from '../support/flow.ts'
import { type HttpClient, httpClient, type Reply } from '../support/http.ts'
import { sessionRow } from '../support/written.ts'

let house: House
let app: App
let ada: Person

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ first_party: true })
  ada = await house.person()
})

const attributesOf = (line: string): string[] => line.split('; ').slice(1).toSorted()

describe('over http on loopback', () => {
  it('CK-1: HttpOnly, SameSite=Lax, the whole path, no Domain; 256 opaque bits; no prefix that the browser would refuse', async () => {
    const client = house.server.client()
    const page = await client.get('/login')
    const reply = await client.submit(page, { login: ada.email, password: ada.password })
    const set = [...(page.headers['set-cookie'] ?? []), ...(reply.headers['set-cookie'] ?? [])]
    expect(set.map((line) => line.split('=')[0] ?? '').toSorted()).toEqual(['kw_browser', 'kw_device', 'kw_session'])
    const ages = { kw_browser: 34_560_000, kw_device: 34_560_000, kw_session: 2_592_000 }
    for (const line of set) {
      const name = line.split('=')[0] as keyof typeof ages
      expect(attributesOf(line)).toEqual(['HttpOnly', `Max-Age=${ages[name]}`, 'Path=/', 'SameSite=Lax'])
    }
    expect(client.jar.get('kw_session')?.value).toMatch(/^[\w-]{43}$/)
    expect(client.jar.get('kw_browser')?.value).toMatch(/^[\w-]{43}$/)
    // Opaque: nothing of the person, the session or the password is in it, and the database does not know it.
    const stored = JSON.stringify(await house.sql`select sessions::text from sessions`)
    expect(stored).not.toContain(client.jar.get('kw_session')?.value)
  })

  it('CK-1: a cookie that is malformed or comes twice is no session, never a pass', async () => {
    const client = house.server.client()
    await signIn(client, ada)
    const good = client.jar.get('kw_session')?.value ?? ''
    const other = house.server.client()
    await signIn(other, await house.person())
    const second = other.jar.get('kw_session')?.value ?? ''
    expect(await askSilently(client, app)).toBe('code')
    const bad = [
      `kw_session=${good}; kw_session=${second}`,
      `kw_session=${second}; a=b; kw_session=${good}`,
      `kw_session=${good}; kw_session=${good}`,
      `kw_session=${good};kw_session=`,
      `kw_session="${good}"`,
      `kw_session=${good} `,
      `kw_session= ${good}`,
      `kw_session=${good}x`,
      `kw_session=${good.slice(1)}`,
      `kw_session=${good}%00`,
      `kw_session=${good},${good}`,
      `KW_SESSION=${good}`,
      `xkw_session=${good}`,
      `__Host-kw_session=${good}`,
      'kw_session=',
      'kw_session',
      `kw_session=${'x'.repeat(5000)}`,
      'kw_session=undefined',
      'kw_session=[object Object]',
    ]
    // Everything else about the browser is right: what is refused is the cookie.
    const device = `kw_device=${client.jar.get('kw_device')?.value ?? ''}`
    for (const cookie of bad) {
      const reply = await house.server
        .client()
        .get(authorizePath(app, { prompt: 'none' }), { cookie: `${device}; ${cookie}` })
      const told = reply.location?.searchParams.get('error')
      // A space behind a value is cut off by HTTP itself.
      if (cookie.endsWith(' ')) continue
      expect([cookie.slice(0, 80), told]).toEqual([cookie.slice(0, 80), 'login_required'])
    }
    const fine = await house.server
      .client()
      .get(authorizePath(app, { prompt: 'none' }), { cookie: `a=b; kw_session=${good}; ${device}; c=d` })
    expect(fine.location?.searchParams.get('code')).not.toBeNull()
  })

  it('CK-1: a browser cookie that is malformed or comes twice belongs to no attempt', async () => {
    const client = house.server.client()
    const page = await ask(client, app)
    const browser = client.jar.get('kw_browser')?.value ?? ''
    for (const cookie of [`kw_browser=${browser}; kw_browser=${browser}`, `kw_browser="${browser}"`, 'kw_browser=', ''])
      expectPage(await client.get(page.url, { cookie }), 400, /./)
    expectPage(await client.get(page.url), 200, 'Sign in')
  })

  it('CK-1: signing out takes the session cookie away with the attributes it was set with', async () => {
    const client = house.server.client()
    await signIn(client, ada)
    const page = await client.get('/logout')
    const reply = await client.submit(page, {}, { button: { name: 'scope', value: 'here' } })
    expect(reply.headers['set-cookie']).toEqual(['kw_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0'])
  })
})

describe('behind TLS', () => {
  const issuer = 'https://id.example'
  let world: House
  /** As the proxy talks to us: plain http, with the Host of the issuer. */
  let client: HttpClient
  const host = { host: 'id.example' }
  const local = (reply: Reply): string => `${reply.location?.pathname ?? ''}${reply.location?.search ?? ''}`

  beforeAll(async () => {
    world = await openHouse({ database: await freshDatabase(), issuer })
    client = httpClient(world.server.origin)
  })

  it('CK-1: __Host- names, Secure, HttpOnly, SameSite=Lax, Path=/, no Domain; a name without the prefix is nothing', async () => {
    const person = await world.person()
    const own = await world.app({ first_party: true })
    const asked = await client.get(authorizePath(own), host)
    expect(asked.location?.origin).toBe(issuer)
    const page = await client.get(local(asked), host)
    const fields = Object.fromEntries(page.forms[0]?.fields.map(({ name, value }) => [name, value]) ?? [])
    const typed = { ...fields, login: person.email, password: person.password }
    expect((await client.post('/login', typed, { ...host, origin: world.server.origin })).status).toBe(403)
    const reply = await client.post('/login', typed, { ...host, origin: issuer })
    expect(reply.status).toBe(303)
    const set = [...(asked.headers['set-cookie'] ?? []), ...(reply.headers['set-cookie'] ?? [])]
    expect(set.map((line) => line.split('=')[0] ?? '').toSorted()).toEqual([
      '__Host-kw_browser',
      '__Host-kw_device',
      '__Host-kw_session',
    ])
    for (const line of set) {
      const kept = attributesOf(line).filter((attribute) => !attribute.startsWith('Max-Age='))
      expect(kept).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'])
    }
    const done = await client.get(local(reply), host)
    expect(done.location?.searchParams.get('iss')).toBe(issuer)
    const value = client.jar.get('__Host-kw_session')?.value ?? ''
    for (const name of ['kw_session', '__Secure-kw_session', '__host-kw_session']) {
      const answer = await httpClient(world.server.origin).get(authorizePath(own, { prompt: 'none' }), {
        ...host,
        cookie: `${name}=${value}; __Host-kw_device=${client.jar.get('__Host-kw_device')?.value ?? ''}`,
      })
      expect([name, answer.location?.searchParams.get('error')]).toEqual([name, 'login_required'])
    }
    expect(await sessionRow(world.sql, client)).toBeUndefined()
  })

  it('HD-1: HSTS of a year on every answer; over http none, where it would lock the laptop out', async () => {
    for (const path of ['/login', '/.well-known/openid-configuration', '/nothing'])
      expect((await client.get(path, host)).headers['strict-transport-security']).toMatch(
        /^max-age=(3153[6-9]\d{3}|[4-9]\d{7,})/,
      )
    expect((await house.server.client().get('/login')).headers['strict-transport-security']).toBeUndefined()
  })
})
