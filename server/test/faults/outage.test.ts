/**
 * The database goes away under load and comes back: security rule G-1, promises 2.1 I1 to I5, and 2.2. Only 503 in
 * between, never a verdict, and the server recovers by itself.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Db } from '../../src/db/connect.ts'
import { type Embedded, openEmbedded } from '../../src/db/embedded.ts'
import { temporaryFolder } from '../support/child.ts'
import { fixtures } from '../support/fixtures.ts'
import { type Gate, openGate } from '../support/gate.ts'
import { type Load, startLoad } from '../support/load.ts'
import { until } from '../support/looks.ts'
import { claimsOf, type Oauth, oauthOf } from '../support/oauth.ts'
import { startServer } from '../support/server.ts'

let embedded: Embedded
let gate: Gate
let db: Db
let oauth: Oauth
let load: Load

beforeAll(async () => {
  // A PostgreSQL of its own, because the one of the run serves all the other test files.
  embedded = await openEmbedded({ dataDir: join(await temporaryFolder(), 'data'), log: () => {} })
  const address = embedded.address()
  db = connect(address, { database_pool: 4, database_prepare: true })
  gate = await openGate(address)
  const server = await startServer({ database: { name: address.database, sql: db, env: {} }, env: gate.env })
  oauth = { ...(await oauthOf(server)), ...(await fixtures({ env: server.env, db })) }
})

afterAll(async () => {
  await db.end({ timeout: 1 })
  await embedded.stop()
})

beforeEach(async () => {
  const person = await oauth.person(await oauth.user())
  const client = await oauth.client({ refresh_grace_seconds: 60 })
  load = await startLoad(oauth, { person, client, machine: await oauth.client({ type: 'machine' }) })
  const began = performance.now()
  await until(() => load.allDoneSince(began))
  return async () => await load.stop()
})

const postmaster = (): number => Number.parseInt(readFileSync(join(embedded.folder, 'postmaster.pid'), 'utf8'), 10)

/** Ends PostgreSQL's process, and keeps the gate shut for so long if it is; returns when the server has recovered. */
const outage = async (signal: NodeJS.Signals, shutForMs: number): Promise<{ began: number; back: number }> => {
  const began = performance.now()
  const pid = postmaster()
  if (shutForMs > 0) await gate.shut()
  process.kill(pid, signal)
  await sleep(shutForMs)
  await until(async () => {
    await embedded.ensure()
    return postmaster() !== pid && (await db`select 1`.catch(() => [])).length === 1
  })
  await gate.open()
  const back = performance.now()
  await until(() => load.allDoneSince(back))
  return { began, back }
}

const unavailable = (since: number): number =>
  load.deeds.filter(({ outcome, at }) => outcome === 'unavailable' && at >= since).length

/** Nobody was told anything wrong, and what was acknowledged is there. */
const expectNoVerdict = async (): Promise<void> => {
  await load.stop()
  expect(load.deeds.filter(({ outcome }) => outcome === undefined)).toEqual([])
  // I3: the chain goes on from the last acknowledged token; I1: every used code has one family, every family its code.
  const { grant_id } = claimsOf(load.newest().access_token)
  const [family] = await db<{ revoked_at: Date | null }[]>`
    select revoked_at from refresh_families where id = ${String(grant_id)}`
  expect(family).toEqual({ revoked_at: null })
  const torn = await db`
    select c.grant_id from authorization_codes c left join refresh_families f on f.id = c.grant_id
    where (c.used_at is not null) <> (f.id is not null)`
  expect(torn).toEqual([])
}

describe('the database is restarted under load', () => {
  it.each([
    ['kill -9 of PostgreSQL', 'SIGKILL', 0],
    ['an orderly restart', 'SIGINT', 0],
    ['an outage that is longer than anything is believed from memory', 'SIGKILL', 3500],
  ] as const)(
    'G-1, %s: only 503 in between, then everything works again within five seconds',
    async (_, signal, ms) => {
      const { pid } = oauth.server.process
      const { began, back } = await outage(signal, ms)
      // Where nothing keeps it away it may be back before anybody notices.
      expect(unavailable(began)).toBeGreaterThanOrEqual(ms > 0 ? 1 : 0)
      // RTO: the last failure came no later than five seconds after the database accepts connections.
      const last = Math.max(...load.deeds.filter(({ outcome }) => outcome === 'unavailable').map(({ at }) => at))
      expect(last - back).toBeLessThan(5000)
      await expectNoVerdict()
      expect([oauth.server.process.pid, oauth.server.process.exitCode]).toEqual([pid, null])
    },
  )

  it('2.2: without the database what needs it is 503, and what does not is answered from memory', async () => {
    await gate.shut()
    // The freshest copies live a second, the feed is believed for two.
    await sleep(2500)
    const since = performance.now()
    await until(() =>
      ['userinfo', 'refresh', 'page'].every((what) =>
        load.deeds.some((deed) => deed.what === what && deed.at >= since),
      ),
    )
    const now = load.deeds.filter(({ at }) => at >= since)
    const fromMemory = ['discovery', 'keys', 'life']
    expect(now.filter(({ what, outcome }) => fromMemory.includes(what) && outcome !== 'done')).toEqual([])
    expect(now.filter(({ what, outcome }) => !fromMemory.includes(what) && outcome !== 'unavailable')).toEqual([])
    const ready = await oauth.server.client().get('/health/ready')
    expect([ready.status, ready.headers['retry-after']]).toEqual([503, '1'])
    await gate.open()
    const back = performance.now()
    await until(() => load.allDoneSince(back))
    expect((await oauth.server.client().get('/health/ready')).status).toBe(200)
    await expectNoVerdict()
  })
})

describe('the network between swallows everything, and closes no connection', () => {
  it('G-1: what waits is 503 after six seconds, and once the network is back everything works again by itself', async () => {
    const { pid } = oauth.server.process
    const began = performance.now()
    gate.freeze()
    // Longer than one limit and one attempt to connect: also those who come later, with no connection left, get an answer.
    await sleep(14_000)
    await gate.open()
    const back = performance.now()
    await until(() => load.allDoneSince(back))
    const whole = performance.now()
    const during = load.deeds.filter(({ at }) => at >= began && at < back)
    expect(during.filter(({ outcome }) => outcome === 'unavailable').length).toBeGreaterThan(10)
    // Nobody waits for longer than one limit, whether a connection was theirs or not.
    expect(Math.max(...during.map(({ at, done }) => done - at))).toBeLessThan(8500)
    expect(whole - back).toBeLessThan(8000)
    // The dead connections were ended from our side: the network never told anybody.
    await until(() => gate.frozen() === 0)
    await expectNoVerdict()
    expect([oauth.server.process.pid, oauth.server.process.exitCode]).toEqual([pid, null])
  })
})
