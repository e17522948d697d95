/** Health and request ids over HTTP, as an orchestrator and an operator see them (api.md, security rule G-8). */
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { testDatabase } from '../support/database.ts'
import { type Gate, openGate } from '../support/gate.ts'
import type { Reply } from '../support/http.ts'
import { eventually, expectNoStore, type Oauth, openOauth } from '../support/oauth.ts'

let oauth: Oauth
let gate: Gate
const management = 'a-management-token-of-the-tests'
const paths = ['/health', '/health/live', '/health/ready', '/oauth/health']

beforeAll(async () => {
  gate = await openGate(inject('postgres').address, (await testDatabase()).name)
  oauth = await openOauth({ env: { ...gate.env, KEYWRIGHT_MANAGEMENT_TOKEN: management } })
})

const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
  await oauth.server.client().get(path, headers)

describe('a healthy server', () => {
  it.each(paths)('%s says so to everybody, and nothing more', async (path) => {
    // A machine that is busy with other tests may make it unready for a moment, which is then true.
    const reply = await eventually(async () => {
      const answer = await get(path)
      return answer.status === 200 ? answer : undefined
    })
    expectNoStore(reply)
    const body = reply.json()
    expect(Object.keys(body).toSorted()).toEqual(['status', 'timestamp', 'version'])
    // A disk that is nearly full makes it degraded, which is still ready.
    expect(['healthy', 'degraded']).toContain(body['status'])
    expect(new Date(String(body['timestamp'])).toISOString()).toBe(body['timestamp'])
    expect(body['version']).toMatch(/^\d+\.\d+\.\d+/)
  })

  it('shows its checks to who holds the management token', async () => {
    for (const path of ['/health', '/health/ready']) {
      const { checks } = (await get(path, { authorization: `Bearer ${management}` })).json<{ checks: object }>()
      expect(checks).toMatchObject({
        database: { status: 'healthy' },
        keys: { status: 'healthy' },
        feed: { status: 'healthy' },
        memory: { status: 'healthy' },
        disk: { detail: expect.any(String) as string },
      })
    }
  })

  it.each(['Bearer wrong', `Bearer ${management}x`, `Basic ${management}`, 'Bearer ', management])(
    'shows none for %j',
    async (authorization) => {
      const reply = await get('/health', { authorization })
      expect(reply.json()).toHaveProperty('status')
      expect(reply.json()).not.toHaveProperty('checks')
    },
  )

  it('answers probes that come by another name, and HEAD', async () => {
    expect((await get('/health/live', { host: '10.1.2.3:8080' })).status).toBe(200)
    expect((await get('/.well-known/jwks.json', { host: '10.1.2.3:8080' })).status).toBe(421)
    const head = await oauth.server.client().request('/health/live', { method: 'HEAD' })
    expect([head.status, head.body]).toEqual([200, ''])
  })
})

describe('X-Request-ID', () => {
  it.each(['abcdefgh', 'A-b_c.1234567890', 'x'.repeat(128)])('%.20s is taken and echoed', async (id) => {
    expect((await get('/', { 'x-request-id': id })).headers['x-request-id']).toBe(id)
  })

  it.each(['short', 'x'.repeat(129), 'with space in it', 'line%0d%0abreak', '<script>alert(1)</script>', ''])(
    '%j is replaced by one of ours',
    async (id) => {
      const reply = await get('/', { 'x-request-id': id })
      expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    },
  )

  it('stands in the log line of the request, with the fields of api.md', async () => {
    const machine = await oauth.client({ type: 'machine' })
    await oauth.token(
      machine,
      { grant_type: 'client_credentials' },
      { 'x-request-id': 'find-me-in-the-log', 'user-agent': 'tests/1.0' },
    )
    expect(await oauth.server.untilLog((line) => line['request_id'] === 'find-me-in-the-log')).toMatchObject({
      level: 'info',
      request_id: 'find-me-in-the-log',
      method: 'POST',
      route: '/oauth/token',
      status: 200,
      ip: expect.any(String) as string,
      user_agent: 'tests/1.0',
      client_id: machine.client_id,
      grant_type: 'client_credentials',
    })
  })
})

describe('without its database', () => {
  it('is alive, not ready, and says why only to the operator; then it recovers by itself', async () => {
    await gate.shut()
    const down = await eventually(async () => {
      const reply = await get('/health/ready')
      return reply.status === 503 ? reply : undefined
    })
    expect(down.headers['retry-after']).toBe('1')
    expect(Object.keys(down.json()).toSorted()).toEqual(['status', 'timestamp', 'version'])
    expect(down.json()['status']).toBe('unhealthy')
    const detailed = (await get('/health', { authorization: `Bearer ${management}` })).json<{ checks: object }>()
    expect(detailed.checks).toMatchObject({ database: { status: 'unhealthy' }, keys: { status: 'healthy' } })
    expect((await get('/health/live')).status).toBe(200)
    for (const path of ['/.well-known/openid-configuration', '/.well-known/jwks.json'])
      expect((await get(path)).status).toBe(200)
    await gate.open()
    const up = await eventually(async () => {
      const reply = await get('/health/ready')
      return reply.status === 200 ? reply : undefined
    })
    expect(['healthy', 'degraded']).toContain(up.json()['status'])
  })
})
