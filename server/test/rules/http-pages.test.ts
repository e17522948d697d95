/** Security rules AD-6, G-4, G-8, G-9, PX-1 and RC-2 as browsers meet them (security.md 1.0b, 1.4, 1.6). */
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import {
  answerOf,
  type App,
  ask,
  askSilently,
  authorizePath,
  errorIdOf,
  expectPage,
  type House,
  interactionOf,
  obtain,
  openHouse,
  redeem,
  signIn,
  typePassword,
} from '../support/flow.ts'
import { startServer } from '../support/server.ts'
import { codeRow, sessionRow } from '../support/written.ts'

let house: House
let app: App
let own: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app()
  own = await house.app({ first_party: true })
})

it('AD-6: nobody exists at first, no password is known to anybody, and the way in is printed once', async () => {
  const fresh = await openHouse({ database: await freshDatabase() })
  expect(
    await fresh.sql`select 1 from users union all select 1 from password_credentials union all select 1 from sessions`,
  ).toHaveLength(0)
  expect(await fresh.sql`select 1 from client_secrets`).toHaveLength(0)
  const client = fresh.server.client()
  const page = await client.get('/login')
  for (const login of ['admin', 'root', 'administrator', 'keywright', 'admin@example.com', 'demo'])
    for (const password of ['admin', 'password', 'changeme', 'keywright', ''])
      expect([401, 429]).toContain((await typePassword(client, page, login, password)).status)
  await expect.poll(() => fresh.server.stdout(), { timeout: 10_000 }).toContain('npm run demo')
  const token = /setup\?token=(\w+)/.exec(fresh.server.stdout())?.[1] ?? ''
  expect(fresh.server.stdout().split(token)).toHaveLength(2)
  expect(JSON.stringify(fresh.server.logs())).not.toContain(token)
  expect((await client.get('/')).body).not.toContain(token)
  const setup = await client.get(`/setup?token=${token}`)
  const made = await client.submit(setup, {
    email: 'a@example.com',
    name: 'A',
    username: '',
    password: 'four calm green boats',
  })
  expectPage(made, 200, /./)
  expectPage(await client.get(`/setup?token=${token}`), 400, /./)
  expect(await fresh.sql`select type from all_events where type = 'setup.completed'`).toHaveLength(1)
})

it('G-4: what has expired does not work, whether anybody has cleaned up or not', async () => {
  const person = await house.person()
  const client = house.server.client()
  await signIn(client, person)
  const { code = '' } = answerOf(await obtain(client, own, person))
  const page = await ask(client, own, { prompt: 'login' })
  await house.sql`update authorization_codes set expires_at = now() - interval '1 second' where user_id = ${person.user_id}`
  await house.sql`update interactions set expires_at = now() - interval '1 second' where id = ${interactionOf(page)}`
  await house.sql`update sessions set expires_at = now() - interval '1 second' where user_id = ${person.user_id}`
  expect((await redeem(client, own, code)).json().error).toBe('invalid_grant')
  const again = await client.walk(typePassword(client, page, person.email, person.password))
  expect(interactionOf(again)).not.toBe(interactionOf(page))
  await expect.poll(async () => await askSilently(client, own), { timeout: 2000 }).toBe('login_required')
  // All of it is still there: what refused it was not a clean-up.
  expect(await house.sql`select 1 from authorization_codes where user_id = ${person.user_id}`).toHaveLength(1)
  expect(await house.sql`select 1 from interactions where id = ${interactionOf(page)}`).toHaveLength(1)
  expect(await house.sql`select 1 from sessions where user_id = ${person.user_id} and ended_at is null`).toHaveLength(1)
})

it('G-8: an error page says nothing of the inside and shows nothing of the request as markup', async () => {
  const client = house.server.client()
  const evil = `"><img src=x onerror=alert(1)><script>alert(1)</script>'`
  const encoded = encodeURIComponent(evil)
  const replies = [
    await client.get(`/oauth/authorize?client_id=${encoded}`),
    await client.get(authorizePath(app, { redirect_uri: evil })),
    await client.get(authorizePath(app, { [evil]: ['1', '2'], redirect_uri: 'x' })),
    await client.get(`/login?interaction=${encoded}`),
    await client.get(`/oauth/logout?post_logout_redirect_uri=${encoded}`),
    await client.get(`/setup?token=${encoded}`),
    await client.get(`/${encoded}`),
    await client.post('/login', { csrf: evil, login: evil }, { origin: evil.replaceAll('\n', '') }),
    await client.get('/oauth/authorize?%'),
  ]
  // Pages that do show what came, as text.
  const typed = house.server.client()
  const shown = [
    await ask(typed, app, { login_hint: evil }),
    await typePassword(typed, await typed.get('/login'), evil, 'wrong'),
    await client.walk(client.get(authorizePath(app, { response_mode: 'form_post', state: evil, prompt: 'none' }))),
  ]
  for (const reply of shown) {
    expect(reply.forms.flatMap(({ fields }) => fields).map(({ value }) => value)).toContain(evil)
    expect(reply.body).not.toMatch(/<img|<script>alert/)
  }
  for (const reply of replies) {
    expect(reply.status).toBeGreaterThanOrEqual(400)
    expect(reply.status).toBeLessThan(500)
    expect(reply.body).not.toMatch(/<img|<script>alert|onerror=alert\(1\)>/)
    expect(reply.body).not.toMatch(/node_modules|\.ts:\d|PostgresError|select .* from|at async/i)
    expect(errorIdOf(reply)).not.toBe('')
  }
})

it('G-9: no header, cookie or parameter is a proof by being there', async () => {
  const person = await house.person()
  const victim = house.server.client()
  await signIn(victim, person)
  const { id = '' } = (await sessionRow(house.sql, victim)) ?? {}
  const headers = [
    {
      'x-forwarded-user': person.email,
      'x-remote-user': person.user_id,
      'remote-user': person.email,
      'x-user-id': person.user_id,
    },
    { authorization: `Basic ${Buffer.from(`${person.email}:${person.password}`).toString('base64')}` },
    { authorization: `Bearer ${person.user_id}` },
    { 'x-client-cert': 'CN=ada', 'x-ssl-client-verify': 'SUCCESS', 'x-forwarded-client-cert': 'Subject="CN=ada"' },
    ...[person.user_id, id, `${id}.${person.user_id}`, Buffer.from(person.user_id).toString('base64url')].flatMap(
      (value) => [
        { cookie: `kw_session=${value}` },
        { cookie: `kw_session=${value}; kw_browser=${value}; kw_device=${value}.${value}` },
      ],
    ),
  ]
  const more = {
    login: person.email,
    user_id: person.user_id,
    session_id: id,
    amr: 'mfa',
    acr: 'aal3',
    auth_time: '9999999999',
  }
  for (const header of headers) {
    const client = house.server.client()
    const reply = await client.get(authorizePath(own, { prompt: 'none', ...more }), header)
    expect([JSON.stringify(header), answerOf(reply).error]).toEqual([JSON.stringify(header), 'login_required'])
    expect((await client.get('/account', header)).location?.pathname).toBe('/login')
  }
  // Only what was verified is written down: the method, not what the request says of it.
  const { code = '' } = answerOf(await victim.get(authorizePath(own, more)))
  expect(await codeRow(house.sql, code)).toMatchObject({ amr: ['pwd'], acr: 'aal1' })
})

it('PX-1: a forwarded address is believed from a trusted proxy only, and only as far as proxies wrote it', async () => {
  const addressSeen = async (of: House, headers: Record<string, string>): Promise<unknown> => {
    const client = of.server.client()
    const page = await client.get('/login')
    const csrf = page.forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
    const form = { csrf, login: 'nobody@people.example', password: 'wrong' }
    const reply = await client.post('/login', form, { origin: of.server.issuer, ...headers })
    const [event] = await of.sql`select ip from all_events where request_id = ${String(reply.headers['x-request-id'])}`
    return event?.ip
  }
  const env = { KEYWRIGHT_TRUSTED_PROXIES: '127.0.0.1,::1,10.0.0.0/8', KEYWRIGHT_THROTTLE_FREE: '20' }
  const behind = await openHouse({ database: await freshDatabase(), env })
  const hostile = {
    forwarded: 'for=6.6.6.6',
    'x-real-ip': '6.6.6.6',
    'cf-connecting-ip': '6.6.6.6',
    'true-client-ip': '6.6.6.6',
  }
  const cases: [string, string, string][] = [
    ['198.51.100.1', '198.51.100.1', '127.0.0.1'],
    ['6.6.6.6, 198.51.100.1', '198.51.100.1', '127.0.0.1'],
    ['6.6.6.6, 198.51.100.1, 10.1.2.3', '198.51.100.1', '127.0.0.1'],
    ['198.51.100.1, garbage', '127.0.0.1', '127.0.0.1'],
    ['10.0.0.1', '127.0.0.1', '127.0.0.1'],
  ]
  for (const [header, trusted, plain] of cases) {
    const headers = { ...hostile, 'x-forwarded-for': header }
    expect([header, await addressSeen(behind, headers)]).toEqual([header, trusted])
    expect([header, await addressSeen(house, headers)]).toEqual([header, plain])
  }
})

describe('RC-2', () => {
  it('RC-2: a request for another host is 421; what proxies say of the host never gets into a link', async () => {
    const client = house.server.client()
    const paths = ['/', '/login', authorizePath(own), '/.well-known/openid-configuration', '/account', '/nothing']
    for (const path of paths)
      for (const host of [
        'evil.example',
        'localhost',
        `${new URL(house.server.issuer).host}.evil.example`,
        `evil@${new URL(house.server.issuer).host}`,
      ]) {
        const reply = await client.get(path, { host })
        expect([path, host, reply.status, reply.location]).toEqual([path, host, 421, undefined])
        expect(reply.headers['set-cookie']).toBeUndefined()
        expect(reply.body).not.toContain('evil')
      }
    const forwarded = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '1',
      'x-original-host': 'evil.example',
      'x-host': 'evil.example',
      forwarded: 'host=evil.example;proto=https',
    }
    for (const path of paths.slice(0, 5)) {
      const reply = await client.get(path, forwarded)
      expect(reply.status).toBeLessThan(400)
      expect(reply.body + (reply.headers.location ?? '')).not.toContain('evil')
      expect(reply.location?.origin ?? house.server.issuer).toBe(house.server.issuer)
    }
  })

  it('RC-2: probes of an orchestrator may use any host, and learn nothing but the state', async () => {
    const server = await startServer({ database: await freshDatabase() })
    for (const path of ['/health', '/health/live', '/health/ready']) {
      const reply = await server.client().get(path, { host: '10.0.0.7:8080' })
      expect([path, reply.status]).toEqual([path, 200])
      expect(reply.body).not.toContain('10.0.0.7')
    }
  })
})
