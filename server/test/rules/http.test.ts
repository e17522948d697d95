/** The rule of what is read from a request, by its number (security.md 1.0b). Tables over every endpoint are in ../flows/bad-input. */
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import { basic, expectError, type Headers, type Oauth, openOauth } from '../support/oauth.ts'
import { sendRaw } from '../support/raw.ts'

let oauth: Oauth
let machine: TestClient
const form = { 'content-type': 'application/x-www-form-urlencoded' }

beforeAll(async () => {
  oauth = await openOauth()
  machine = await oauth.client({ type: 'machine' })
})

const proof = (): Headers => basic(machine.client_id, machine.client_secret ?? '')
const post = async (body: string | Buffer, headers: Headers = {}) =>
  await oauth.server
    .client()
    .request('/oauth/token', { method: 'POST', body, headers: { ...form, ...proof(), ...headers } })

it('G-6: an unknown method and TRACE are 405 with Allow', async () => {
  for (const method of ['PUT', 'DELETE', 'TRACE', 'PROPFIND', 'REPORT']) {
    const reply = await oauth.server.client().request('/oauth/token', { method })
    expectError(reply, 405, 'method_not_allowed')
    expect(reply.headers.allow).toBe('POST')
  }
})

it('G-6: a wrong type is 415, a Content-Encoding too', async () => {
  expectError(await post('{}', { 'content-type': 'application/json' }), 415, 'unsupported_media_type')
  for (const encoding of ['gzip', 'br', 'deflate', 'x-unknown', 'gzip, identity'])
    expectError(
      await post(gzipSync('grant_type=client_credentials'), { 'content-encoding': encoding }),
      415,
      'unsupported_media_type',
    )
  expect((await post('grant_type=client_credentials', { 'content-encoding': 'identity' })).status).toBe(200)
})

it('G-6: a form of 64 KiB is read, one byte more is 413 and is not waited for', async () => {
  const fits = 'grant_type=client_credentials&unknown='
  expect((await post(fits + 'x'.repeat(64 * 1024 - fits.length))).status).toBe(200)
  expectError(await post(fits + 'x'.repeat(64 * 1024 - fits.length + 1)), 413, 'payload_too_large')
  // Announced and never sent: the answer comes before the body.
  const reply = await sendRaw(oauth.server.port, [
    'POST /oauth/token HTTP/1.1',
    `Host: localhost:${oauth.server.port}`,
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 1000000000',
    'Connection: close',
  ])
  expect(reply.status).toBe(413)
})

it('G-6: an address above 8 KiB is 414, headers above 16 KiB are 431', async () => {
  expectError(await oauth.server.client().post(`/oauth/token?${'a'.repeat(8192)}`, {}), 414, 'uri_too_long')
  const reply = await sendRaw(oauth.server.port, [
    'POST /oauth/token HTTP/1.1',
    `Host: localhost:${oauth.server.port}`,
    `X-Filler: ${'x'.repeat(16 * 1024)}`,
    'Connection: close',
  ])
  expect(reply.status).toBe(431)
})

it('G-6: NUL and invalid UTF-8 are 400, in names and values, in body and query', async () => {
  const bad = ['a=%00', '%00=a', 'a=%ff', 'a=%c3%28', 'a=%ed%a0%80', 'a=%f4%90%80%80', 'a=%']
  for (const text of bad) {
    expectError(await post(`grant_type=client_credentials&${text}`), 400, 'invalid_request')
    const query = await oauth.server
      .client()
      .post(`/oauth/token?${text}`, { grant_type: 'client_credentials' }, proof())
    expectError(query, 400, 'invalid_request')
  }
  for (const bytes of [[0x00], [0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80]])
    expectError(
      await post(Buffer.concat([Buffer.from('grant_type=client_credentials&a='), Buffer.from(bytes)])),
      400,
      'invalid_request',
    )
})

it('G-6: NUL in an address is 400 too, before anybody looks for what it names', async () => {
  for (const path of ['users/%00', 'users/me/consents/a%00b'])
    expect((await oauth.server.client().request(`/api/v1/${path}`, { method: 'DELETE' })).status).toBe(400)
})

it('G-6: names of the language are parameters like any other', async () => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', '__proto__[admin]', 'hasOwnProperty'])
    expect((await post(`grant_type=client_credentials&${encodeURIComponent(name)}=1`)).status).toBe(200)
  expect((await post('__proto__=1&__proto__=2&grant_type=client_credentials')).status).toBe(400)
})
