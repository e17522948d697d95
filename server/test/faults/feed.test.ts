/**
 * The revocation feed when a node cannot read it (security design 3.3, 2.2, F19): two seconds later the node believes
 * its memory no more. It asks the database, and where that cannot answer either, it answers 503: never a stale yes.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { testDatabase } from '../support/database.ts'
import type { TestClient } from '../support/fixtures.ts'
import { type Gate, openGate } from '../support/gate.ts'
import { describe as describeReply, type Reply } from '../support/http.ts'
import { until } from '../support/looks.ts'
import { claimsOf, type Oauth, oauthOf, type Person, type Tokens, tokensOf } from '../support/oauth.ts'
import { startServer } from '../support/server.ts'

let gate: Gate
/** One node beside the database, one that reaches it through the gate. */
let near: Oauth
let far: Oauth
let ada: Person
let client: TestClient
let tokens: Tokens

beforeAll(async () => {
  gate = await openGate(inject('postgres').address, (await testDatabase()).name)
  near = await oauthOf(await startServer())
  far = await oauthOf(await startServer({ env: gate.env }))
  ada = await near.person()
  client = await near.client()
})

type Asked = {
  what: string
  ask: (node: Oauth) => Promise<Reply>
  isYes: (reply: Reply) => boolean
  /** It reads the row that a revocation changes, and needs no feed. */
  byRow?: true
}

/** Everything that a revocation protects. */
const asked: Asked[] = [
  {
    what: 'userinfo',
    ask: async (node) => await node.userinfo(tokens.access_token),
    isYes: (reply) => reply.status === 200,
  },
  {
    what: 'introspection',
    ask: async (node) => await node.post('/oauth/introspect', client, { token: tokens.access_token }),
    isYes: (reply) => reply.status === 200 && reply.json()['active'] === true,
  },
  {
    what: 'introspection of the refresh token',
    byRow: true,
    ask: async (node) => await node.post('/oauth/introspect', client, { token: tokens.refresh_token ?? '' }),
    isYes: (reply) => reply.status === 200 && reply.json()['active'] === true,
  },
  {
    what: 'the own page',
    ask: async (node) => await node.server.client(ada.browser.jar).get('/account'),
    isYes: (reply) => reply.status === 200,
  },
]

/** What each of them answers at a node, in words. */
const ask = async (node: Oauth): Promise<Record<string, string>> => {
  const answers = asked.map(async ({ what, ask: send, isYes }): Promise<[string, string]> => {
    const reply = await send(node)
    if (isYes(reply)) return [what, 'yes']
    const isPage = reply.headers['content-type']?.startsWith('text/html') === true
    const said = isPage || reply.json()['error'] === 'temporarily_unavailable'
    const isAway = reply.status === 503 && Number(reply.headers['retry-after']) > 0 && said
    return [what, isAway ? 'unavailable' : describeReply(reply)]
  })
  return Object.fromEntries(await Promise.all(answers))
}

const everybody = (answer: string, byRow = answer): Record<string, string> =>
  Object.fromEntries(asked.map((one) => [one.what, one.byRow ? byRow : answer]))

const untilAll = async (node: Oauth, answer: string): Promise<void> =>
  await until(async () => Object.values(await ask(node)).every((one) => one === answer))

/** Locks the table of revocations for everybody; returns what unlocks it. */
const lockFeed = async (): Promise<() => Promise<void>> => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: isLocked, resolve: locked } = Promise.withResolvers<void>()
  const holding = near.db.begin(async (tx) => {
    await tx`set local idle_in_transaction_session_timeout = 0`
    await tx`set local lock_timeout = 0`
    await tx`lock table revocations in access exclusive mode`
    locked()
    await released
  })
  const unlock = async (): Promise<void> => {
    release()
    await holding
  }
  onTestFinished(unlock)
  await isLocked
  return unlock
}

describe('a node that cannot read the feed', () => {
  it('G-1, 3.3: while the feed is locked for longer than two seconds, what it protects is 503, then works again', async () => {
    tokens = await near.grant(ada, client)
    expect(await ask(near)).toEqual(everybody('yes'))
    const unlock = await lockFeed()
    await sleep(2100)
    // Both nodes, at once; each answer takes as long as a statement may wait for a lock.
    const expected = everybody('unavailable', 'yes')
    expect(await Promise.all([ask(near), ask(far)])).toEqual([expected, expected])
    expect((await near.server.client().get('/health/ready')).status).toBe(503)
    // A revocation that cannot be written is not acknowledged.
    const refused = await near.post('/oauth/revoke', client, { token: tokens.refresh_token ?? '' })
    expect([refused.status, refused.json()['error']]).toEqual([503, 'temporarily_unavailable'])
    await unlock()
    await untilAll(near, 'yes')
    await untilAll(far, 'yes')
    await until(async () => (await near.server.client().get('/health/ready')).status === 200)
  })

  it('F19, I2: a node that lost the database answers 503 once a revocation elsewhere is acknowledged, and learns of it later', async () => {
    tokens = await near.grant(ada, client)
    await untilAll(far, 'yes')
    await gate.shut()
    const revoking = performance.now()
    const done = await near.post('/oauth/revoke', client, { token: tokens.refresh_token ?? '' })
    expect(done.status).toBe(200)
    // It waits for the node that is lost, and not for longer than that node believes itself.
    expect(performance.now() - revoking).toBeLessThan(4000)
    expect(await ask(far)).toEqual(everybody('unavailable'))
    expect((await far.server.client().get('/health/ready')).status).toBe(503)
    // The node beside the database knows at once.
    expect((await near.userinfo(tokens.access_token)).status).toBe(401)
    await gate.open()
    await until(async () => (await far.server.client().get('/health/ready')).status === 200)
    expect((await far.userinfo(tokens.access_token)).status).toBe(401)
    expect(await far.introspect(client, tokens.access_token)).toEqual({ active: false })
    expect(await far.introspect(client, tokens.refresh_token ?? '')).toEqual({ active: false })
  })

  it('F19, I2: where the connection swallows everything, it says so within two seconds of being asked', async () => {
    tokens = await near.grant(ada, client)
    await untilAll(far, 'yes')
    gate.freeze()
    const done = await near.post('/oauth/revoke', client, { token: tokens.refresh_token ?? '' })
    expect(done.status).toBe(200)
    const asking = performance.now()
    expect((await far.userinfo(tokens.access_token)).status).toBe(503)
    expect(performance.now() - asking).toBeLessThan(2000)
    // What reads rows before it comes to the feed waits for those.
    expect(await ask(far)).toEqual(everybody('unavailable'))
    await gate.open()
    await until(async () => (await far.userinfo(tokens.access_token)).status === 401)
    expect(await far.introspect(client, tokens.access_token)).toEqual({ active: false })
    await until(async () => (await far.server.client().get('/health/ready')).status === 200)
  })
})

describe('a feed that answers slowly', () => {
  it('moves no clock: what a slow answer cannot prove about the time is not believed', async () => {
    const machine = await near.client({ type: 'machine' })
    const unlock = await lockFeed()
    // Less than a reading may take, so that it succeeds, late.
    await sleep(1300)
    await unlock()
    const ahead: number[] = []
    for (const end = performance.now() + 400; performance.now() < end; ) {
      const reply = await near.token(machine, { grant_type: 'client_credentials' })
      ahead.push(Number(claimsOf(tokensOf(reply).access_token)['iat']) * 1000 - Date.now())
    }
    // Server and test have one clock: nothing is issued in the future.
    expect(Math.max(...ahead)).toBeLessThanOrEqual(0)
  })
})
