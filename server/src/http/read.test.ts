/** Reading a request into plain data: exactly, or not at all (security rule G-6). */
import type { FastifyRequest } from 'fastify'
import { describe, expect, it } from 'vitest'
import type { Ctx } from '../ctx.ts'
import { isDenial } from '../protocol/errors.ts'
import { parseProxies } from './client-ip.ts'
import { mediaType, readRequest, requestId } from './read.ts'
import type { HttpRequest } from './request.ts'

const now = new Date('2026-03-01T12:00:00Z')

/** As much of the record as reading needs. */
const ctx = {
  config: { client_ip_header: 'x-forwarded-for' },
  trustedProxies: parseProxies(['127.0.0.1']),
  now: () => now,
} as unknown as Ctx

type Given = { url?: string; method?: string; headers?: Record<string, string | string[]>; body?: Buffer | undefined }

const raw = ({ url = '/path', method = 'POST', headers = {}, body }: Given): FastifyRequest =>
  ({
    url,
    method,
    headers,
    body,
    id: 'request-1',
    socket: { remoteAddress: '127.0.0.1' },
    params: undefined,
  }) as unknown as FastifyRequest

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const json = { 'content-type': 'application/json' }

/** What a request reads as: the parsed request, or the status and code of its refusal. */
const read = (given: Given, accepts?: 'form' | 'json'): HttpRequest | [number | undefined, string] => {
  const request = readRequest(ctx, raw(given), { method: 'POST', ...(accepts && { accepts }) } as never)
  return isDenial(request) ? [request.status, request.error] : request
}

describe('the request', () => {
  it('path, query, caller and instant', () => {
    const headers = { 'x-forwarded-for': ['198.51.100.1'], 'user-agent': 'x'.repeat(400), 'x-more': ['a', 'b'] }
    const request = read({ url: '/path?a=1&a=2&b=%C3%A4', method: 'GET', headers }) as HttpRequest
    expect(request).toMatchObject({
      path: '/path',
      rawQuery: 'a=1&a=2&b=%C3%A4',
      ip: '198.51.100.1',
      request_id: 'request-1',
      now,
    })
    expect([...request.query]).toEqual([
      ['a', ['1', '2']],
      ['b', ['ä']],
    ])
    expect(request.user_agent).toHaveLength(300)
    expect([request.header('x-more'), request.header('x-none')]).toEqual(['a, b', undefined])
  })

  it('two headers of the proxy are one list', () => {
    const headers = { 'x-forwarded-for': ['198.51.100.1', '203.0.113.9'] }
    expect(read({ headers })).toMatchObject({ ip: '203.0.113.9' })
  })

  it('a query that cannot be read is refused', () => {
    expect(read({ url: '/path?a=%zz' })).toEqual([undefined, 'invalid_request'])
  })

  it.each(['short', 'x'.repeat(129), 'with space', 'line\nbreak1', 'ümlaut-12', ''])(
    'the request id %j is replaced',
    (header) => {
      expect(requestId(header)).toMatch(/^[0-9a-f-]{36}$/)
    },
  )

  it('a well-formed one is taken over, two are not', () => {
    expect(requestId('trace-0123.AB_c')).toBe('trace-0123.AB_c')
    expect(requestId(['trace-0123', 'trace-0124'])).toMatch(/^[0-9a-f-]{36}$/)
    expect(requestId(undefined)).not.toBe(requestId(undefined))
  })

  it('the media type is without parameters and in lower case', () => {
    expect([mediaType('Application/JSON; charset=utf-8'), mediaType(' text/html '), mediaType(undefined)]).toEqual([
      'application/json',
      'text/html',
      '',
    ])
  })
})

describe('a form', () => {
  it('is read as it is', () => {
    const request = read(
      {
        headers: { 'content-type': 'Application/X-WWW-Form-Urlencoded;charset=UTF-8' },
        body: Buffer.from('a=1&b=c+d'),
      },
      'form',
    ) as HttpRequest
    expect([...request.form]).toEqual([
      ['a', ['1']],
      ['b', ['c d']],
    ])
    expect(request.query.size).toBe(0)
  })

  it('nothing sent is a form without parameters', () => {
    expect((read({}, 'form') as HttpRequest).form.size).toBe(0)
    expect((read({ headers: form }, 'form') as HttpRequest).form.size).toBe(0)
  })

  it('of a GET there is none', () => {
    expect((read({ method: 'GET', headers: form, body: Buffer.from('a=1') }, 'form') as HttpRequest).form.size).toBe(0)
  })

  it.each<[string, Given, [number | undefined, string]]>([
    ['another type', { headers: json, body: Buffer.from('{}') }, [415, 'unsupported_media_type']],
    [
      'multipart',
      { headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: Buffer.from('x') },
      [415, 'unsupported_media_type'],
    ],
    [
      'text/plain, which any site can send',
      { headers: { 'content-type': 'text/plain' }, body: Buffer.from('a=1') },
      [415, 'unsupported_media_type'],
    ],
    ['no type and a body', { body: Buffer.from('a=1') }, [415, 'unsupported_media_type']],
    [
      'bytes that are no UTF-8',
      { headers: form, body: Buffer.from([0x61, 0x3d, 0xff]) },
      [undefined, 'invalid_request'],
    ],
    ['broken percent-encoding', { headers: form, body: Buffer.from('a=%') }, [undefined, 'invalid_request']],
    ['NUL', { headers: form, body: Buffer.from('a=%00') }, [undefined, 'invalid_request']],
  ])('%s is refused', (_name, given, expected) => {
    expect(read(given, 'form')).toEqual(expected)
  })
})

describe('JSON', () => {
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

  it.each<[string, unknown]>([
    ['{"a":[1,null,"ä"]}', { a: [1, null, 'ä'] }],
    ['"text"', 'text'],
    ['null', null],
    [deep(32), expect.anything()],
    // Looks like a refusal of ours, and is somebody's data.
    ['{"denied":true,"error":"x"}', { denied: true, error: 'x' }],
  ])('%s is read', (text, expected) => {
    expect(read({ headers: json, body: Buffer.from(text) }, 'json')).toMatchObject({ json: expected })
  })

  it.each([
    '',
    '{',
    '{"a":1,}',
    "{'a':1}",
    '{"a":NaN}',
    '{"__proto__":{"admin":true}}',
    '{"a":{"constructor":{"prototype":{}}}}',
    '[{"a":[{"__proto__":1}]}]',
    '{"a":"\\u0000"}',
    '{"a":"\0"}',
    '{"a":["\\ud800"]}',
    '{"\\udfff":1}',
    deep(33),
    `{"a":${deep(32)}}`,
  ])('%j is refused', (text) => {
    expect(read({ headers: json, body: Buffer.from(text) }, 'json')).toEqual([undefined, 'invalid_request'])
  })

  it('bytes that are no UTF-8, and another type, are refused', () => {
    expect(read({ headers: json, body: Buffer.from([0x22, 0xff, 0x22]) }, 'json')).toEqual([
      undefined,
      'invalid_request',
    ])
    expect(read({ headers: form, body: Buffer.from('{}') }, 'json')).toEqual([415, 'unsupported_media_type'])
    expect(read({ headers: { 'content-type': 'application/jsonp' }, body: Buffer.from('{}') }, 'json')).toEqual([
      415,
      'unsupported_media_type',
    ])
  })
})
