/** What cannot be read is refused with a clear 4xx in the endpoint's own form, never with a 500 (security rule G-6). */
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import type { Request } from '../support/http.ts'
import { basic, decisionOf, expectError, type Headers, type Oauth, openOauth } from '../support/oauth.ts'
import { sendRaw } from '../support/raw.ts'

let oauth: Oauth
let machine: TestClient
const refusals: { error_id: string; path: string }[] = []
const form = 'application/x-www-form-urlencoded'
const endpoints = ['/oauth/token', '/oauth/introspect', '/oauth/revoke', '/oauth/userinfo']

beforeAll(async () => {
  oauth = await openOauth()
  machine = await oauth.client({ type: 'machine' })
})

const authorization = (): Headers => basic(machine.client_id, machine.client_secret ?? '')
const text = (body: string | Buffer, type = form): Request => ({
  method: 'POST',
  body,
  headers: { 'content-type': type },
})
const many = Array.from({ length: 101 }, (_, index) => `p${index}=1`).join('&')

const bodies: [string, Request, number, string][] = [
  ['JSON', { method: 'POST', json: { grant_type: 'client_credentials' } }, 415, 'unsupported_media_type'],
  ['plain text', text('grant_type=x', 'text/plain'), 415, 'unsupported_media_type'],
  ['multipart', text('--b\r\n\r\n--b--', 'multipart/form-data; boundary=b'), 415, 'unsupported_media_type'],
  ['a form under a lookalike type', text('a=b', `${form}x`), 415, 'unsupported_media_type'],
  ['a type that is none', text('a=b', ';;;'), 415, 'unsupported_media_type'],
  ['a body without a type', { method: 'POST', body: 'a=b' }, 415, 'unsupported_media_type'],
  [
    'a compressed form',
    { ...text(gzipSync('a=b')), headers: { 'content-type': form, 'content-encoding': 'gzip' } },
    415,
    'unsupported_media_type',
  ],
  ['NUL as %00', text('token=a%00b'), 400, 'invalid_request'],
  ['NUL as it is', text('token=a\0b'), 400, 'invalid_request'],
  ['NUL in a name', text('tok%00en=a'), 400, 'invalid_request'],
  ['invalid UTF-8 as %ff', text('token=%ff'), 400, 'invalid_request'],
  ['an overlong sequence', text('token=%c0%af'), 400, 'invalid_request'],
  ['half a surrogate pair', text('token=%ed%a0%80'), 400, 'invalid_request'],
  ['invalid UTF-8 as it is', text(Buffer.from([0x74, 0x3d, 0xff, 0xfe])), 400, 'invalid_request'],
  ['broken percent-encoding', text('token=%zz'), 400, 'invalid_request'],
  ['percent-encoding cut off', text('token=%4'), 400, 'invalid_request'],
  ['101 parameters', text(many), 400, 'invalid_request'],
  ['a repeated parameter', text('token=a&token=b'), 400, 'invalid_request'],
  [
    'a repeated parameter with an unusual name',
    text('%22%3E%3Cscript%3E=a&%22%3E%3Cscript%3E=b'),
    400,
    'invalid_request',
  ],
  ['70 KiB', text(`token=${'x'.repeat(70 * 1024)}`), 413, 'payload_too_large'],
]

describe.each(endpoints)('POST %s', (path) => {
  it.each(bodies)('%s', async (_name, request, status, error) => {
    const headers = { ...authorization(), ...request.headers }
    const reply = await oauth.server.client().request(path, { ...request, headers })
    refusals.push({ error_id: expectError(reply, status, error), path })
    expect(reply.body).not.toContain('<')
  })

  it('a query that cannot be read', async () => {
    for (const query of ['a=%ff', 'a=%00', '%zz', many]) {
      const reply = await oauth.server.client().post(`${path}?${query}`, {}, authorization())
      expectError(reply, 400, 'invalid_request')
    }
  })

  it('an address of 9 KiB is 414, one just below the limit is read', async () => {
    const long = await oauth.server.client().post(`${path}?a=${'x'.repeat(9 * 1024)}`, {}, authorization())
    expectError(long, 414, 'uri_too_long')
    const fits = `${path}?a=${'x'.repeat(8192 - path.length - 3)}`
    expect((await oauth.server.client().post(fits, {}, authorization())).status).not.toBe(414)
    expect((await oauth.server.client().post(`${fits}x`, {}, authorization())).status).toBe(414)
  })

  it('70 KiB in pieces, without a length, is 413 before all of it came', async () => {
    const piece = `${(4096).toString(16)}\r\n${'a'.repeat(4096)}\r\n`
    const reply = await sendRaw(
      oauth.server.port,
      [
        `POST ${path} HTTP/1.1`,
        `Host: localhost:${oauth.server.port}`,
        `Content-Type: ${form}`,
        'Transfer-Encoding: chunked',
        'Connection: close',
      ],
      piece.repeat(20),
    )
    expect(reply.status).toBe(413)
    expect(reply.body).toContain('payload_too_large')
  })

  it('64 KiB exactly are read', async () => {
    const body = `token=${'x'.repeat(64 * 1024 - 6)}`
    const reply = await oauth.server.client().request(path, { ...text(body), headers: { 'content-type': form } })
    expect([400, 401]).toContain(reply.status)
  })

  it.each(['PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND'])(
    '%s is 405 with Allow (RFC 9110 §15.5.6)',
    async (method) => {
      const reply = await oauth.server.client().request(path, { method })
      expectError(reply, 405, 'method_not_allowed')
      expect(reply.headers.allow).toBe(path === '/oauth/userinfo' ? 'GET, HEAD, POST' : 'POST')
    },
  )
})

it('each of them left a decision record', async () => {
  expect(refusals).toHaveLength(endpoints.length * bodies.length)
  for (const { error_id, path } of refusals) expect((await decisionOf(oauth.db, error_id)).route).toBe(path)
})

describe('elsewhere', () => {
  it.each(['/oauth/token', '/oauth/introspect', '/oauth/revoke'])(
    'GET and HEAD %s are 405 (RFC 6749 §3.2)',
    async (path) => {
      const reply = await oauth.server.client().get(path)
      expectError(reply, 405, 'method_not_allowed')
      const head = await oauth.server.client().request(path, { method: 'HEAD' })
      expect([head.status, head.headers.allow, head.body]).toEqual([405, 'POST', ''])
    },
  )

  it('an unknown address is a problem to a program and a page to a person', async () => {
    const problem = await oauth.server.client().get('/nothing/here', { accept: 'application/json' })
    expect(problem.status).toBe(404)
    expect(problem.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(problem.json()).toEqual({
      type: 'about:blank',
      title: 'Not found',
      status: 404,
      detail: 'There is nothing at this address.',
      code: 'not_found',
      error_id: expect.stringMatching(/^err_/) as string,
      request_id: problem.headers['x-request-id'],
    })
    const page = await oauth.server.client().get('/nothing/here')
    expect([page.status, page.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8'])
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
  })

  it.each(['/%zz', '/%', '/oauth/%ff', '/%00', '/..%2f..%2fetc', '//evil.example/', '/oauth\\token', '/\u00ff'])(
    'the path %j is a 4xx that repeats nothing as HTML',
    async (path) => {
      const reply = await sendRaw(oauth.server.port, [
        `GET ${path}?<script>alert(1)</script> HTTP/1.1`,
        `Host: localhost:${oauth.server.port}`,
        'Connection: close',
      ])
      expect(reply.status).toBeGreaterThanOrEqual(400)
      expect(reply.status).toBeLessThan(500)
      expect(reply.body).not.toContain('<script>')
      expect(reply.headers).not.toMatch(/^location:/im)
    },
  )

  it('an address that cannot be decoded is a problem like any other, with its request id (G-8)', async () => {
    const reply = await sendRaw(oauth.server.port, [
      'GET /%zz HTTP/1.1',
      `Host: localhost:${oauth.server.port}`,
      'X-Request-ID: a-request-of-the-tests',
      'Connection: close',
    ])
    expect(reply.headers).toMatch(/^content-type: application\/problem\+json/im)
    expect(reply.headers).toMatch(/^x-request-id: a-request-of-the-tests$/im)
    expect(JSON.parse(reply.body)).toMatchObject({
      status: 400,
      code: 'invalid_request',
      detail: 'The request could not be read.',
    })
  })

  it('headers above 16 KiB are 431 (RFC 6585 §5)', async () => {
    const reply = await sendRaw(oauth.server.port, [
      'GET / HTTP/1.1',
      `Host: localhost:${oauth.server.port}`,
      `X-Filler: ${'x'.repeat(17 * 1024)}`,
      'Connection: close',
    ])
    expect(reply.status).toBe(431)
  })

  it('something that is not HTTP is 400, and the server goes on', async () => {
    expect((await sendRaw(oauth.server.port, ['hello'])).status).toBe(400)
    expect((await oauth.server.client().get('/health/live')).status).toBe(200)
  })

  it('another Host is 421 (security rule RC-2)', async () => {
    const reply = await oauth.server.client().post('/oauth/token', {}, { host: 'evil.example' })
    expectError(reply, 421, 'misdirected_request')
    expect(reply.body).not.toContain('evil.example')
  })

  it('a POST without a body is a form without parameters', async () => {
    const reply = await oauth.server.client().request('/oauth/token', { method: 'POST', headers: authorization() })
    expectError(reply, 400, 'invalid_request')
    expect(reply.json().error_description).toBe('The parameter grant_type is missing.')
  })

  it('a form type with parameters and in other letters is a form', async () => {
    for (const type of [`${form}; charset=UTF-8`, form.toUpperCase(), `${form};charset="utf-8"`]) {
      const headers = { ...authorization(), 'content-type': type }
      const reply = await oauth.server
        .client()
        .request('/oauth/token', { method: 'POST', body: 'grant_type=client_credentials', headers })
      expect(reply.status).toBe(200)
    }
  })

  it('unknown parameters and empty ones count as not sent (RFC 6749 §3.2)', async () => {
    const reply = await oauth.token(machine, { grant_type: 'client_credentials', unknown: 'x', scope: '' })
    expect(reply.status).toBe(200)
  })
})
