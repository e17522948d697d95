/** The rules of proxies, each by its number (security.md 1.7, 3.8): who is calling is seen in what is recorded. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import { basic, eventsOf, expectError, type Headers, type Oauth, openOauth } from '../support/oauth.ts'
import { sendRaw } from '../support/raw.ts'
import { spawnServer } from '../support/server.ts'

const form = { grant_type: 'authorization_code', code: 'x' }

/** The address that a refused request was recorded with. */
const seenAs = async (oauth: Oauth, client: TestClient, headers: Headers): Promise<string | null | undefined> => {
  const proof = basic(client.client_id, client.client_secret ?? '')
  const reply = await oauth.server.client().post('/oauth/token', form, { ...proof, ...headers })
  expectError(reply, 400, 'invalid_grant')
  return (await eventsOf(oauth.db, reply))[0]?.ip
}
const loopback = /^(127\.0\.0\.1|::1)$/

describe('PX-1: without a trusted proxy', () => {
  let oauth: Oauth
  let web: TestClient
  beforeAll(async () => {
    oauth = await openOauth()
    web = await oauth.client()
  })

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip'])(
    '%s is not believed',
    async (name) => {
      expect(await seenAs(oauth, web, { [name]: name === 'forwarded' ? 'for=192.0.2.7' : '192.0.2.7' })).toMatch(
        loopback,
      )
    },
  )

  it('forwarded host and scheme change nothing: addresses come from the issuer (RC-2)', async () => {
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
    }
    const reply = await oauth.server.client().get('/.well-known/openid-configuration', headers)
    expect(reply.json().issuer).toBe(oauth.server.issuer)
    expect(reply.body).not.toContain('evil.example')
  })

  it('PX-2: headers of a client certificate prove nothing, whatever a proxy elsewhere calls them', async () => {
    const headers = {
      'x-ssl-client-cert': 'MIIB',
      'x-ssl-client-verify': 'SUCCESS',
      'ssl-client-cert': 'MIIB',
      'x-client-cert': 'MIIB',
      'client-cert': ':MIIB:',
      'x-forwarded-client-cert': 'Hash=abc;Subject="CN=admin"',
      'x-forwarded-user': 'admin',
      'x-remote-user': 'admin',
    }
    const reply = await oauth.server
      .client()
      .post('/oauth/token', { grant_type: 'client_credentials', client_id: web.client_id }, headers)
    expectError(reply, 401, 'invalid_client')
    expect((await oauth.server.client().get('/oauth/userinfo', headers)).status).toBe(401)
    expect((await oauth.server.client().get('/account', headers)).location?.pathname).toBe('/login')
  })

  it.each([
    ['Transfer-Encoding and Content-Length together', ['Transfer-Encoding: chunked', 'Content-Length: 4'], '0\r\n\r\n'],
    ['two Content-Length', ['Content-Length: 4', 'Content-Length: 5'], 'a=bc'],
    ['a list of Content-Length', ['Content-Length: 4, 4'], 'a=bc'],
    ['a signed Content-Length', ['Content-Length: +4'], 'a=bc'],
    ['a Transfer-Encoding nobody knows', ['Transfer-Encoding: chunked, identity'], 'a=bc'],
    ['chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['a space before the colon', ['Content-Length : 4'], 'a=bc'],
    ['a folded header', ['X-A: b\r\n c', 'Content-Length: 4'], 'a=bc'],
    ['a bare line feed in a header', ['X-A: b\nContent-Length: 4'], 'a=bc'],
    ['a bad chunk', ['Transfer-Encoding: chunked'], 'zz\r\n\r\n'],
    ['a chunk that ends in a bare line feed', ['Transfer-Encoding: chunked'], '4\na=bc\n0\n\n'],
  ])('PX-2: %s is 400, so that no two readers see two requests', async (_name, headers, body) => {
    const reply = await sendRaw(
      oauth.server.port,
      [
        'POST /oauth/token HTTP/1.1',
        `Host: localhost:${oauth.server.port}`,
        'Content-Type: application/x-www-form-urlencoded',
        ...headers,
        'Connection: close',
      ],
      body,
    )
    expect(reply.status).toBe(400)
  })

  it('PX-2: a request without Host, or with two, is refused', async () => {
    const none = await sendRaw(oauth.server.port, ['GET /oauth/userinfo HTTP/1.1', 'Connection: close'])
    expect(none.status).toBe(400)
    const host = `Host: localhost:${oauth.server.port}`
    const two = await sendRaw(oauth.server.port, [
      'GET /oauth/userinfo HTTP/1.1',
      host,
      'Host: evil.example',
      'Connection: close',
    ])
    expect(two.status).toBe(400)
    expect(two.body).toContain('"error":"invalid_request"')
  })
})

describe('PX-1: behind a trusted proxy', () => {
  let oauth: Oauth
  let web: TestClient
  beforeAll(async () => {
    oauth = await openOauth({ env: { KEYWRIGHT_TRUSTED_PROXIES: '127.0.0.1,::1,10.0.0.0/8' } })
    web = await oauth.client()
  })

  it.each([
    ['the client', '192.0.2.7', '192.0.2.7'],
    ['read from right to left, past the proxies', '192.0.2.7, 10.1.2.3, 10.4.5.6', '192.0.2.7'],
    ['what the client claims itself is left of it and is not read', '203.0.113.9, 192.0.2.7, 10.1.2.3', '192.0.2.7'],
    ['an IPv6 address', '2001:db8::7', '2001:db8::7'],
    ['in brackets with a port', '[2001:db8::7]:1234', '2001:db8::7'],
    ['with a port', '192.0.2.7:1234', '192.0.2.7'],
    ['an IPv4-mapped address is IPv4', '::ffff:192.0.2.7', '192.0.2.7'],
    ['a zone is dropped', 'fe80::1%eth0', 'fe80::1'],
  ])('%s: %s', async (_name, header, seen) => {
    expect(await seenAs(oauth, web, { 'x-forwarded-for': header })).toBe(seen)
  })

  it.each([
    'unknown',
    '_hidden',
    '192.0.2',
    '192.0.2.7.9',
    '0300.0.2.7x',
    '192.0.2.7;10.0.0.1',
    '',
    ' ',
    ',',
    'localhost',
    '999.1.1.1',
  ])('what cannot be read leaves the peer: %j', async (header) => {
    expect(await seenAs(oauth, web, { 'x-forwarded-for': header })).toMatch(loopback)
  })

  it('one hop that cannot be read on the way leaves the peer too', async () => {
    expect(await seenAs(oauth, web, { 'x-forwarded-for': '192.0.2.7, unknown, 10.1.2.3' })).toMatch(loopback)
  })

  it('only the configured header counts', async () => {
    expect(await seenAs(oauth, web, { 'x-real-ip': '192.0.2.7' })).toMatch(loopback)
  })
})

it('PX-1: a peer that is no trusted proxy is not believed, though there are some', async () => {
  const oauth = await openOauth({ env: { KEYWRIGHT_TRUSTED_PROXIES: '10.0.0.0/8,192.0.2.1' } })
  const web = await oauth.client()
  for (const header of ['203.0.113.9', '203.0.113.9, 10.1.2.3', '192.0.2.1'])
    expect(await seenAs(oauth, web, { 'x-forwarded-for': header })).toMatch(loopback)
})

it.each(['0.0.0.0/0', '::/0', '*'])(
  'PX-1: trusting everybody (%s) is refused at the start, in production',
  async (range) => {
    const server = await spawnServer({
      issuer: 'https://login.example',
      env: { KEYWRIGHT_PROFILE: 'production', KEYWRIGHT_TRUSTED_PROXIES: range, KEYWRIGHT_LIMITS: 'on' },
    })
    expect(await server.exit).toEqual({ code: 1, signal: null })
    expect(server.stderr()).toContain('KEYWRIGHT_TRUSTED_PROXIES')
  },
)
