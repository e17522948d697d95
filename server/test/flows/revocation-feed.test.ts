/**
 * `GET /oauth/revocations`, as an API follows it: who may, what comes first, what comes next, what a heartbeat vouches for,
 * and what ends it. Security design 3.3, promise I2.
 */
import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { setClientStatus } from '../../src/clients/manage.ts'
import { changeStatus } from '../../src/users/status.ts'
import { makeApiKey } from '../support/api-keys.ts'
import { testDatabase } from '../support/database.ts'
import type { TestClient } from '../support/fixtures.ts'
import { openGate } from '../support/gate.ts'
import { startInProcess } from '../support/in-process.ts'
import { until } from '../support/looks.ts'
import { claimsOf, type Oauth, oauthOf, tokensOf } from '../support/oauth.ts'
import { startCluster, startServer } from '../support/server.ts'
import { expectEnd, type Heard, listen, type Listening } from '../support/sse.ts'

let here: Oauth
let there: Oauth
let listener: TestClient

beforeAll(async () => {
  const [first, second] = await startCluster(2)
  if (first === undefined || second === undefined) throw new Error('two nodes')
  here = await oauthOf(first)
  there = await oauthOf(second)
  listener = await here.client({ type: 'machine', scope: 'revocations:read orders:read' })
})

const tokenOf = async (client: TestClient, scope = 'revocations:read'): Promise<string> =>
  tokensOf(await here.token(client, { grant_type: 'client_credentials', scope })).access_token

const follow = async (node: Oauth, token: string, headers: Record<string, string> = {}): Promise<Listening> =>
  await listen(`${node.server.origin}/oauth/revocations`, {
    host: new URL(node.server.issuer).host,
    authorization: `Bearer ${token}`,
    ...headers,
  })

const isBeat = ({ event }: Heard): boolean => event === 'heartbeat'
const keysOf = ({ heard }: Listening): unknown[] => heard.filter((one) => !isBeat(one)).map(({ data }) => data['key'])
const revokeOne = async (node: Oauth): Promise<string> => {
  const { access_token } = tokensOf(await here.token(listener, { grant_type: 'client_credentials' }))
  expect((await node.post('/oauth/revoke', listener, { token: access_token })).status).toBe(200)
  return String(claimsOf(access_token)['jti'])
}

describe('who may follow', () => {
  it('discovery names it', async () => {
    const document = (await here.server.client().get('/.well-known/openid-configuration')).json()
    expect(document['keywright_revocation_feed']).toBe(`${here.server.issuer}/oauth/revocations`)
  })

  it('a client with the scope; RFC 6750 §3: nobody without a token, and no token without the scope', async () => {
    const client = here.server.client()
    const none = await client.get('/oauth/revocations')
    expect([none.status, none.headers['www-authenticate'], none.body]).toEqual([401, 'Bearer realm="keywright"', ''])
    const broken = await client.get('/oauth/revocations', { authorization: 'Bearer nonsense' })
    expect([broken.status, broken.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="keywright", error="invalid_token"',
    ])
    const other = await client.get('/oauth/revocations', {
      authorization: `Bearer ${await tokenOf(listener, 'orders:read')}`,
    })
    expect([other.status, other.headers['www-authenticate']]).toEqual([
      403,
      'Bearer realm="keywright", error="insufficient_scope", scope="revocations:read"',
    ])
    const stream = await follow(here, await tokenOf(listener))
    expect([stream.status, stream.headers['content-type'], stream.headers['cache-control']]).toEqual([
      200,
      'text/event-stream',
      'no-store',
    ])
    stream.close()
  })

  it('AD-1: a person with the scope, for our API, who holds the permission', async () => {
    const resource = `${here.server.issuer}/api/v1`
    const app = await here.client({ scope: 'openid revocations:read', resources: [resource] })
    const ada = await here.person()
    const ask = async (params: Record<string, string>): Promise<Listening> =>
      await follow(here, (await here.grant(ada, app, { scope: 'openid revocations:read', ...params })).access_token)
    expect((await ask({ resource })).status).toBe(403)
    await here.db`insert into user_roles (user_id, role_id) select ${ada.user.user_id}, id from roles where name = 'admin'`
    // Copies of rows live for a second.
    await sleep(1100)
    expect((await ask({})).status).toBe(401)
    const stream = await ask({ resource })
    expect(stream.status).toBe(200)
    stream.close()
  })

  it('AK-1: an API key with the permission, in either header; switched off, it is let go within two seconds', async () => {
    const ada = await here.user()
    await here.db`insert into user_roles (user_id, role_id) select ${ada.user_id}, id from roles where name = 'admin'`
    const poor = await makeApiKey(here.db, ada.user_id)
    expect((await follow(here, poor.key)).status).toBe(403)
    const { id, key } = await makeApiKey(here.db, ada.user_id, ['revocations:read'])
    const byBearer = await follow(here, key)
    const address = `${here.server.origin}/oauth/revocations`
    const byHeader = await listen(address, { host: new URL(here.server.issuer).host, 'x-api-key': key })
    expect([byBearer.status, byHeader.status]).toEqual([200, 200])
    await here.db`update api_keys set status = 'inactive' where id = ${id}`
    await Promise.all([expectEnd(byBearer, 2000), expectEnd(byHeader, 2000)])
  })

  it('HEAD opens no stream', async () => {
    const authorization = `Bearer ${await tokenOf(listener)}`
    const reply = await here.server
      .client()
      .request('/oauth/revocations', { method: 'HEAD', headers: { authorization } })
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'text/event-stream'])
  })

  it('one caller has a hundred streams of a node and no more; those that close make room', async () => {
    const crowd = await here.client({ type: 'machine', scope: 'revocations:read' })
    const token = await tokenOf(crowd)
    const streams = await Promise.all(Array.from({ length: 101 }, async () => await follow(here, token)))
    expect(streams.filter(({ status }) => status === 200)).toHaveLength(100)
    const refused = streams.find(({ status }) => status !== 200)
    expect([refused?.status, refused?.headers['retry-after']]).toEqual([503, '5'])
    for (const stream of streams) stream.close()
    await until(async () => {
      const again = await follow(here, token)
      again.close()
      return again.status === 200
    })
  })
})

describe('what is told', () => {
  it('first what lives, then a heartbeat each half second, then each revocation of either node within two seconds', async () => {
    const before = await revokeOne(here)
    const stream = await follow(there, await tokenOf(listener))
    await stream.untilHeard(isBeat)
    expect(keysOf(stream)).toContain(before)
    expect(stream.heard.findIndex(isBeat)).toBe(stream.heard.length - 1)
    const after = await revokeOne(here)
    const acknowledged = performance.now()
    const told = await stream.untilHeard(({ data }) => data['key'] === after)
    expect(told.at - acknowledged).toBeLessThan(2000)
    expect(told).toMatchObject({ event: 'revocation', data: { kind: 'jti', key: after } })
    expect(Object.keys(told.data)).toEqual(['seq', 'kind', 'key', 'not_before', 'expires_at'])
    expect(typeof told.data['seq']).toBe('number')
    expect(Date.parse(String(told.data['expires_at']))).toBeGreaterThan(Date.now())
    await until(() => stream.heard.filter(isBeat).length >= 4)
    const beats = stream.heard.filter(isBeat)
    for (const { id, data } of beats) {
      expect(id).toMatch(/^\d+-\d+$/)
      expect(Number(data['age'])).toBeLessThanOrEqual(2000)
    }
    const steps = beats.slice(1).map(({ data }, index) => Number(data['t']) - Number(beats[index]?.data['t']))
    expect(Math.min(...steps)).toBeGreaterThan(0)
    expect(Math.max(...steps)).toBeLessThan(1500)
    expect(keysOf(stream).length).toBe(new Set(keysOf(stream)).size)
    stream.close()
  })

  it('people are told by a hash, every other kind by its name', async () => {
    const ada = await here.person()
    const stream = await follow(here, await tokenOf(listener))
    await here.revoking(async (ctx) => await changeStatus(ctx, ada.user.user_id, 'disabled'))
    const key = hash('sha256', ada.user.user_id, 'base64url')
    await stream.untilHeard(({ data }) => data['kind'] === 'user' && data['key'] === key)
    expect(JSON.stringify(stream.heard)).not.toContain(ada.user.user_id)
    stream.close()
  })

  it('more than a page that lives comes whole', async () => {
    const keys = Array.from({ length: 1203 }, (_, index) => `many-${index}`)
    const now = new Date()
    const expires_at = new Date(Date.now() + 60_000)
    await here.db`insert into revocations ${here.db(keys.map((key) => ({ kind: 'jti', key, not_before: now, expires_at })))}`
    const stream = await follow(here, await tokenOf(listener))
    await stream.untilHeard(isBeat)
    expect(keysOf(stream)).toEqual(expect.arrayContaining(keys))
    stream.close()
  })
})

describe('Last-Event-ID', () => {
  it('resumes: what came meanwhile and not what was known; a transaction that commits late is not lost', async () => {
    const known = await revokeOne(here)
    const token = await tokenOf(listener)
    const first = await follow(here, token)
    await first.untilHeard(({ data }) => data['key'] === known)
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const { promise: isWritten, resolve: written } = Promise.withResolvers<void>()
    // It takes its number now and commits when everybody has gone on.
    const late = here.db.begin(async (tx) => {
      await tx`insert into revocations (kind, key, not_before, expires_at)
        values ('session', 'commits late', now(), now() + interval '10 minutes')`
      written()
      await held
    })
    await isWritten
    const meanwhile = await revokeOne(here)
    await first.untilHeard(({ data }) => data['key'] === meanwhile)
    const beats = first.heard.filter(isBeat).length
    await until(() => first.heard.filter(isBeat).length > beats + 1)
    first.close()
    // Each read finds again what is younger than the open transaction: nobody is told twice.
    expect(keysOf(first).length).toBe(new Set(keysOf(first)).size)
    const id = first.heard.findLast(isBeat)?.id ?? ''
    release()
    await late
    // The other node resumes as well as the one that gave the id.
    for (const node of [here, there]) {
      const second = await follow(node, token, { 'last-event-id': id })
      await second.untilHeard(({ data }) => data['key'] === 'commits late')
      await second.untilHeard(isBeat)
      expect(keysOf(second)).not.toContain(known)
      second.close()
    }
  })

  it.each([
    ['that is nobody’s', () => 'nonsense'],
    ['too old', (id: string) => `${id.split('-')[0] ?? ''}-${Math.floor(Date.now() / 1000) - 3601}`],
    ['of a later time than this database’s', (id: string) => `9000000000000000000-${id.split('-')[1] ?? ''}`],
  ])('one %s: everything', async (_, made) => {
    const known = await revokeOne(here)
    const token = await tokenOf(listener)
    const first = await follow(here, token)
    const { id = '' } = await first.untilHeard(isBeat)
    first.close()
    const second = await follow(here, token, { 'last-event-id': made(id) })
    await second.untilHeard(isBeat)
    expect(keysOf(second)).toContain(known)
    second.close()
  })
})

describe('what ends it', () => {
  it('the revocation of the token of the listener, within two seconds', async () => {
    const token = await tokenOf(listener)
    const stream = await follow(there, token)
    await stream.untilHeard(isBeat)
    await here.post('/oauth/revoke', listener, { token })
    await expectEnd(stream, 2000)
  })

  it('G-3: the client of the listener is disabled, within two seconds', async () => {
    const one = await here.client({ type: 'machine', scope: 'revocations:read' })
    const stream = await follow(there, await tokenOf(one))
    await stream.untilHeard(isBeat)
    await here.revoking(async (ctx) => await setClientStatus(ctx, one.client_id, 'disabled'))
    await expectEnd(stream, 2000)
  })

  it('the end of the token', async () => {
    const still = await startInProcess()
    const one = await still.client({ type: 'machine', scope: 'revocations:read' })
    const { access_token } = tokensOf(await still.token(one, { grant_type: 'client_credentials' }))
    const headers = { authorization: `Bearer ${access_token}` }
    const stream = await listen(`${still.server.issuer}/oauth/revocations`, headers)
    await stream.untilHeard(isBeat)
    still.pass(299)
    await sleep(1100)
    expect(stream.isOver()).toBe(false)
    still.pass(1)
    await expectEnd(stream, 2000)
  })

  it('SIGTERM: the stream ends and does not hold the drain', async () => {
    const server = await startServer()
    const node = await oauthOf(server)
    const stream = await follow(node, await tokenOf(listener))
    await stream.untilHeard(isBeat)
    const asked = performance.now()
    expect(await server.stop()).toEqual({ code: 0, signal: null })
    expect(performance.now() - asked).toBeLessThan(5000)
    expect(stream.isOver()).toBe(true)
  })

  it('F19: a node that cannot read sends no heartbeat, and goes on when it can', async () => {
    const gate = await openGate(inject('postgres').address, (await testDatabase()).name)
    const far = await oauthOf(await startServer({ env: gate.env }))
    const stream = await follow(far, await tokenOf(listener))
    await stream.untilHeard(isBeat)
    await gate.shut()
    await sleep(2600)
    const beats = stream.heard.filter(isBeat).length
    const acknowledged = await revokeOne(here)
    await sleep(1500)
    expect(stream.heard.filter(isBeat).length).toBe(beats)
    expect(stream.comments).toContain('does not know')
    await gate.open()
    await stream.untilHeard(({ data }) => data['key'] === acknowledged)
    await until(() => stream.heard.filter(isBeat).length > beats)
    stream.close()
  })
})
