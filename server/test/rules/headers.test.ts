/** Security rules HD-1 and CR-1 for pages (security.md 1.7): what a browser is told to allow. */
import { beforeAll, expect, it } from 'vitest'
import { type App, ask, authorizePath, type House, obtain, openHouse, type Person, signIn } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let app: App
let ada: Person
let client: HttpClient

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ first_party: true, post_logout_redirect_uris: ['https://out.example/'] })
  ada = await house.person()
  client = house.server.client()
  await signIn(client, ada)
})

const policyOf = (reply: Reply): Map<string, string> =>
  new Map(
    String(reply.headers['content-security-policy'] ?? '')
      .split('; ')
      .map((part): [string, string] => [part.split(' ')[0] ?? '', part.split(' ').slice(1).join(' ')]),
  )

/** Every kind of page, with where its forms may lead besides here. */
const pages = async (): Promise<[string, Reply, string][]> => {
  const stranger = house.server.client()
  const third = await house.app({ redirect_uris: ['https://third.example:8443/cb'] })
  const native = await house.app({ type: 'native', redirect_uris: ['com.example.app:/cb'] })
  return [
    ['home', await client.get('/'), ''],
    ['login', await stranger.get('/login'), ''],
    ['login for an application', await ask(stranger, app), ` ${new URL(app.redirect_uri).origin}`],
    ['consent', await ask(client, third), ' https://third.example:8443'],
    ['consent with a private-use scheme', await ask(client, native), ' com.example.app:'],
    ['select-account', await ask(client, app, { prompt: 'select_account' }), ` ${new URL(app.redirect_uri).origin}`],
    [
      'form-post',
      await obtain(client, app, ada, { response_mode: 'form_post' }),
      ` ${new URL(app.redirect_uri).origin}`,
    ],
    ['logout', await client.get('/logout'), ''],
    [
      'logout of an application',
      await client.get(`/oauth/logout?client_id=${app.client_id}&post_logout_redirect_uri=https://out.example/`),
      ' https://out.example',
    ],
    ['logged-out', await stranger.get('/logout'), ''],
    ['account', await client.get('/account'), ''],
    ['error', await client.get('/oauth/authorize?client_id=x'), ''],
    ['not found', await client.get('/nothing'), ''],
    ['method', await client.request('/login', { method: 'DELETE' }), ''],
  ]
}

it('HD-1: every page has the whole policy, a nonce of its own, and no way around it', async () => {
  const nonces = new Set<string>()
  for (const [name, reply, targets] of await pages()) {
    expect([name, reply.headers['content-type']]).toEqual([name, 'text/html; charset=utf-8'])
    const policy = policyOf(reply)
    const nonce = /'nonce-([\w-]{22,})'/.exec(policy.get('script-src') ?? '')?.[1] ?? ''
    nonces.add(nonce)
    expect([name, Object.fromEntries(policy)]).toEqual([
      name,
      {
        'default-src': "'none'",
        'script-src': `'nonce-${nonce}' 'strict-dynamic'`,
        'style-src': `'self' 'nonce-${nonce}'`,
        'img-src': "'self' data:",
        'font-src': "'self'",
        'connect-src': "'self'",
        'base-uri': "'none'",
        'object-src': "'none'",
        'frame-ancestors': "'none'",
        'form-action': `'self'${targets}`,
      },
    ])
    expect(reply.headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
    expect([name, reply.headers['x-powered-by'], reply.headers.server]).toEqual([name, undefined, undefined])
    // What the policy would block must not be there: scripts and styles without the nonce, handlers, inline styles.
    for (const [tag] of reply.body.matchAll(/<(?:script|style)\b[^>]*>/g)) expect(tag).toContain(`nonce="${nonce}"`)
    expect(reply.body).not.toMatch(/\son[a-z]+=|\sstyle=|<iframe|<object|<embed|<base/)
  }
  expect(nonces.size).toBe((await pages()).length)
})

it('HD-1: answers that are no pages are not sniffed and not kept; a redirect tells nobody where it came from', async () => {
  const replies = [
    await client.get(authorizePath(app)),
    await client.get('/oauth/userinfo'),
    await client.post('/oauth/token', {}),
    await client.get('/health'),
  ]
  for (const reply of replies)
    expect(reply.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
  expect(replies[0]?.headers['referrer-policy']).toBe('no-referrer')
})

it('HD-1: what a page loads is ours, and named by its content', async () => {
  const page = await client.get('/account')
  const assets = [...page.body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path)
  expect(assets.length).toBeGreaterThanOrEqual(3)
  for (const path of new Set(assets)) {
    const reply = await client.get(path)
    expect([path, reply.status]).toEqual([path, 200])
    expect(reply.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(reply.headers['x-content-type-options']).toBe('nosniff')
    expect(reply.headers['set-cookie']).toBeUndefined()
    expect((await client.get(path, { 'if-none-match': String(reply.headers.etag) })).status).toBe(304)
  }
  for (const path of [
    '/assets/nothing.css',
    '/assets/..%2f..%2fpackage.json',
    '/assets/%2e%2e/%2e%2e/main.ts',
    '/assets/',
  ])
    expect([path, (await client.get(path)).status]).toEqual([path, 404])
})

it('CR-1: pages and the authorization endpoint have no CORS header, for any origin and any method', async () => {
  const spa = await house.app({ type: 'spa', redirect_uris: ['https://spa.example/cb'], first_party: true })
  for (const origin of ['https://spa.example', 'https://evil.example', 'null', house.server.issuer]) {
    for (const path of [
      authorizePath(spa),
      '/authorize',
      '/oauth/continue',
      '/login',
      '/consent',
      '/logout',
      '/oauth/logout',
      '/account',
      '/',
    ]) {
      const asked = {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      }
      for (const reply of [
        await client.get(path, { origin }),
        await client.request(path, { method: 'OPTIONS', headers: asked }),
      ]) {
        const cors = Object.keys(reply.headers).filter((name) => name.startsWith('access-control-'))
        expect([path, origin, cors]).toEqual([path, origin, []])
      }
    }
  }
})
