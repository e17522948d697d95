/** The API client: what it sends, what it makes of answers, and when it tries again. The package test uses it on a real server. */
import { describe, expect, it } from 'vitest'
import { ApiError, createClient, type ClientOptions } from '../src/client.ts'
import { KeywrightError } from '../src/index.ts'

const issuer = 'https://id.example'
type Sent = { url: string; init: RequestInit }

/** A client whose answers come from a list, the last one again and again; and what it sent. */
const open = (answers: (() => Response)[], options: Partial<ClientOptions> = { token: 'a-token' }) => {
  const sent: Sent[] = []
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    sent.push({ url, init })
    const answer = answers[Math.min(sent.length, answers.length) - 1]
    return await Promise.resolve(answer?.() ?? Response.error())
  }
  return { client: createClient({ issuer, fetch, ...options }), sent }
}

const problem =
  (status: number, headers: Record<string, string> = {}) =>
  (): Response =>
    Response.json(
      {
        type: 'about:blank',
        title: 'No',
        detail: 'Not so.',
        status,
        code: 'a_code',
        error_id: 'err_1',
        request_id: 'r',
      },
      { status, headers: { 'content-type': 'application/problem+json', ...headers } },
    )
const key = (name: string) => ({ id: name, name })
const headersOf = ({ init }: Sent): Headers => new Headers(init.headers)

describe('what is sent', () => {
  it('path, query, body, proof, ETag and idempotency key', async () => {
    const { client, sent } = open([() => Response.json(key('a'), { headers: { etag: '"1"' } })], {
      token: async () => await Promise.resolve('fresh-token'),
    })
    const { etag } = await client.get('/api/v1/api-keys/{id}', { params: { id: 'a/../b?c' } })
    expect(etag).toBe('"1"')
    await client.get('/api/v1/api-keys', { query: { limit: 5 } })
    await client.patch('/api/v1/api-keys/{id}', { params: { id: 'a' }, body: { name: 'ä' }, ifMatch: '"1"' })
    await client.post('/api/v1/api-keys', { body: { name: 'x' }, idempotencyKey: 'once' })
    expect(sent.map(({ url, init }) => `${init.method ?? ''} ${url}`)).toEqual([
      `GET ${issuer}/api/v1/api-keys/a%2F..%2Fb%3Fc`,
      `GET ${issuer}/api/v1/api-keys?limit=5`,
      `PATCH ${issuer}/api/v1/api-keys/a`,
      `POST ${issuer}/api/v1/api-keys`,
    ])
    expect(sent.map((one) => headersOf(one).get('authorization'))).toEqual(Array(4).fill('Bearer fresh-token'))
    expect(sent.map((one) => headersOf(one).get('if-match'))).toEqual([null, null, '"1"', null])
    expect(sent.map((one) => headersOf(one).get('idempotency-key'))).toEqual([null, null, null, 'once'])
    expect(sent.map(({ init }) => init.body)).toEqual([undefined, undefined, '{"name":"ä"}', '{"name":"x"}'])
  })

  it('an API key in its own header', async () => {
    const { client, sent } = open([() => Response.json({ api_keys: [], next: null })], { apiKey: 'kw_ak_1' })
    await client.get('/api/v1/api-keys')
    expect(sent.map((one) => [headersOf(one).get('x-api-key'), headersOf(one).get('authorization')])).toEqual([
      ['kw_ak_1', null],
    ])
  })

  it.each(['', '.', '..'])('nothing for a path that %j would bend', async (id) => {
    const { client, sent } = open([problem(404)])
    await expect(client.get('/api/v1/api-keys/{id}', { params: { id } })).rejects.toThrow(KeywrightError)
    expect(sent).toEqual([])
  })

  it.each([
    ['neither proof', {}],
    ['both proofs', { token: 'a', apiKey: 'b' }],
    ['http beyond this machine', { token: 'a', issuer: 'http://id.example' }],
  ])('%s is refused at the start', (_, options) => {
    expect(() => createClient({ issuer, ...options })).toThrow(KeywrightError)
  })
})

describe('what comes back', () => {
  it('a refusal is an error with the whole problem', async () => {
    const { client } = open([problem(412)])
    const error = await client
      .patch('/api/v1/api-keys/{id}', { params: { id: 'a' }, body: {} })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 412, code: 'a_code', message: 'Not so.', problem: { error_id: 'err_1' } })
  })

  it('an answer that is no problem is an error as well; nothing is undefined', async () => {
    const { client } = open([
      () => new Response('<p>proxy</p>', { status: 404, headers: { 'content-type': 'text/html' } }),
    ])
    await expect(client.get('/api/v1/api-keys')).rejects.toMatchObject({ status: 404, code: 'unknown' })
    const gone = open([() => new Response(null, { status: 204 })])
    expect((await gone.client.delete('/api/v1/api-keys/{id}', { params: { id: 'a' } })).data).toBeUndefined()
  })

  it('pages come one after the other, and only as far as somebody reads', async () => {
    const page = (names: string[], next: string | null) => () => Response.json({ api_keys: names.map(key), next })
    const { client, sent } = open([page(['a', 'b'], 'c1'), page([], 'c2'), page(['c'], null)])
    const seen: string[] = []
    for await (const { name } of client.pages('/api/v1/api-keys', { query: { limit: 2 } })) seen.push(name)
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(sent.map(({ url }) => new URL(url).search)).toEqual(['?limit=2', '?limit=2&cursor=c1', '?limit=2&cursor=c2'])
    const lazy = open([page(['a', 'b'], 'c1')])
    for await (const one of lazy.client.pages('/api/v1/api-keys')) if (one.name === 'a') break
    expect(lazy.sent).toHaveLength(1)
  })
})

describe('trying again', () => {
  const good = (): Response => Response.json({ api_keys: [], next: null }, { status: 200 })
  it('a reading, and a creation with its key: after 503 and after no answer, three times in all', async () => {
    const { client, sent } = open([
      problem(503, { 'retry-after': '0' }),
      () => {
        throw new TypeError('no network')
      },
      good,
    ])
    expect((await client.get('/api/v1/api-keys')).status).toBe(200)
    expect(sent).toHaveLength(3)
    const away = open([problem(503)])
    await expect(
      away.client.post('/api/v1/api-keys', { body: { name: 'x' }, idempotencyKey: 'k' }),
    ).rejects.toMatchObject({ status: 503 })
    expect(away.sent.map((one) => headersOf(one).get('idempotency-key'))).toEqual(['k', 'k', 'k'])
  })

  it('never what could happen twice, and never a refusal', async () => {
    const { client, sent } = open([problem(503)])
    await expect(client.post('/api/v1/api-keys', { body: { name: 'x' } })).rejects.toThrow(ApiError)
    await expect(client.delete('/api/v1/api-keys/{id}', { params: { id: 'a' } })).rejects.toThrow(ApiError)
    expect(sent).toHaveLength(2)
    const refused = open([problem(403)])
    await expect(refused.client.get('/api/v1/api-keys')).rejects.toMatchObject({ status: 403 })
    expect(refused.sent).toHaveLength(1)
  })
})
