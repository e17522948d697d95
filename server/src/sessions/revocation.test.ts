/** The revocation feed on real SQL: two nodes on one database, transactions that commit out of order, a database that is away. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { testDatabase } from '../../test/support/database.ts'
import { connect, type Db, isUnavailable } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { uuidv7 } from '../io/ids.ts'
import { createFeed, type Feed, freshMs, type RevocationKind, type TokenFacts } from './revocation.ts'
import { removeNode } from './nodes.ts'

let db: Db
let nodes: { feed: Feed; id: string }[] = []
const second = 1000

beforeAll(async () => {
  db = (await testDatabase()).sql
})
beforeEach(async () => {
  await db`delete from revocations`
})
afterEach(async () => {
  for (const { id } of nodes) await removeNode(db, id)
  nodes = []
})

const node = (options: { on?: Db; clock?: () => number; lifetimeSeconds?: number } = {}): Feed => {
  const id = randomUUID()
  const { on = db, clock = Date.now, lifetimeSeconds = 3600 } = options
  const now = () => new Date(clock())
  const feed = createFeed({ db: on, nodeId: id, lifetimeSeconds, now, startedAt: now() })
  nodes.push({ feed, id })
  return feed
}

const issued = new Date('2026-06-01T12:00:00.500Z')
const token = (change: Partial<TokenFacts> = {}): TokenFacts => ({
  sub: 'u1',
  client_id: 'app_1',
  sid: 's1',
  grant_id: 'g1',
  jti: uuidv7(issued),
  iat: Math.floor(issued.getTime() / second),
  kid: 'k1',
  roles: ['admin'],
  ...change,
})

/** A clock shortly after the token was issued, so that entries made at it are alive. */
const clock = (): number => issued.getTime() + 1

describe('what a revocation hits', () => {
  const one = token()
  const cases: [RevocationKind, string, boolean][] = [
    ['jti', one.jti, true],
    ['jti', 'another', false],
    ['session', 's1', true],
    ['session', 's2', false],
    ['family', 'g1', true],
    ['family', 's1', false],
    ['kid', 'k1', true],
    ['kid', 'k2', false],
    ['user', 'u1', true],
    ['user', 'app_1', false],
    ['client', 'app_1', true],
    ['client', 'u1', false],
    ['role', 'admin', true],
    ['role', 'editor', false],
  ]
  it.each(cases)('%s %s: %s', async (kind, key, dead) => {
    const feed = node({ clock })
    await feed.write(db, [{ kind, key }], new Date(clock()))
    await feed.announce()
    expect(await feed.isRevoked(one)).toBe(dead)
  })

  it.each<[RevocationKind, boolean]>([
    ['user', false],
    ['client', false],
    ['role', false],
    ['session', true],
    ['family', true],
  ])('%s: what is issued afterwards is dead too: %s', async (kind, dead) => {
    const feed = node({ clock })
    const key = { user: 'u1', client: 'app_1', role: 'admin', session: 's1', family: 'g1' }[kind as 'user']
    await feed.write(db, [{ kind, key }], issued)
    await feed.announce()
    expect(await feed.isRevoked(token({ jti: uuidv7(new Date(issued.getTime() + 1)) }))).toBe(dead)
    expect(await feed.isRevoked(token({ jti: uuidv7(issued) }))).toBe(true)
  })

  it('within one second the millisecond of the jti decides; without one the whole second counts as before', async () => {
    const feed = node({ clock })
    await feed.write(db, [{ kind: 'user', key: 'u1' }], issued)
    await feed.announce()
    const later = new Date(issued.getTime() + 1)
    expect(await feed.isRevoked(token({ jti: uuidv7(later), iat: Math.floor(later.getTime() / second) }))).toBe(false)
    expect(await feed.isRevoked(token({ jti: 'foreign', iat: Math.floor(later.getTime() / second) }))).toBe(true)
  })

  it('an entry is kept as long as the longest token lives and a minute, and then forgotten', async () => {
    let instant = issued.getTime()
    const feed = node({ clock: () => instant, lifetimeSeconds: 300 })
    const dead = token()
    await feed.write(db, [{ kind: 'jti', key: dead.jti }], issued)
    await feed.announce()
    instant += 359 * second
    expect(await feed.isRevoked(dead)).toBe(true)
    instant += 2 * second
    expect(await feed.isRevoked(dead)).toBe(false)
  })

  it('a later revocation of the same key counts, whichever is read first', async () => {
    const feed = node({ clock })
    await feed.write(db, [{ kind: 'user', key: 'u1' }], issued)
    await feed.write(db, [{ kind: 'user', key: 'u1' }], new Date(issued.getTime() - 60 * second))
    await feed.announce()
    expect(await feed.isRevoked(token())).toBe(true)
  })

  it('writes nothing for nothing', async () => {
    await node().write(db, [], new Date())
    expect(await db`select 1 from revocations`).toHaveLength(0)
  })
})

describe('two nodes on one database', () => {
  const now = (): Date => new Date()
  const fresh = (): TokenFacts => token({ jti: uuidv7(now()) })

  it('revoked on one is known on the other within two seconds', async () => {
    const [one, two] = [node(), node()]
    await Promise.all([one.pull(), two.pull()])
    const dead = fresh()
    await transact(db, async (tx) => await one.write(tx, [{ kind: 'jti', key: dead.jti }], now()))
    const acknowledged = performance.now()
    expect(await two.isRevoked(dead)).toBe(false)
    // What the job of a server does every 250 ms.
    while (!(await two.isRevoked(dead))) {
      expect(performance.now() - acknowledged).toBeLessThan(freshMs)
      await two.pull()
    }
    expect(await two.isRevoked(fresh())).toBe(false)
  })

  it('a node that does not read at all asks the database once its view is two seconds old', async () => {
    const [one, two] = [node(), node()]
    await two.pull()
    const dead = fresh()
    await one.write(db, [{ kind: 'jti', key: dead.jti }], now())
    expect(await two.isRevoked(dead)).toBe(false)
    await sleep(freshMs + 50)
    expect(two.ageMs()).toBeGreaterThan(freshMs)
    expect(await two.isRevoked(dead)).toBe(true)
    expect(two.ageMs()).toBeLessThan(freshMs)
  })

  it('announce waits until the other has read, or two seconds', async () => {
    const [one, two] = [node(), node()]
    await Promise.all([one.pull(), two.pull()])
    const dead = fresh()
    await one.write(db, [{ kind: 'jti', key: dead.jti }], now())
    let done = false
    const announced = one.announce().finally(() => {
      done = true
    })
    await sleep(200)
    expect(done).toBe(false)
    await two.pull()
    await announced
    expect(await two.isRevoked(dead)).toBe(true)
    const begun = performance.now()
    await one.announce()
    expect(performance.now() - begun).toBeLessThan(2 * freshMs)
  })

  it('one that is alone waits for nobody, and one that has said goodbye is not waited for', async () => {
    const [one, two] = [node(), node()]
    await Promise.all([one.pull(), two.pull()])
    await removeNode(db, nodes.at(-1)?.id ?? '')
    const begun = performance.now()
    await one.announce()
    expect(performance.now() - begun).toBeLessThan(freshMs)
    expect(two.ageMs()).toBeGreaterThan(0)
  })

  it('a revocation that is rolled back never was', async () => {
    const feed = node()
    const alive = fresh()
    const failing = transact(db, async (tx) => {
      await feed.write(tx, [{ kind: 'jti', key: alive.jti }], now())
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await feed.announce()
    expect(await feed.isRevoked(alive)).toBe(false)
  })
})

describe('transactions that commit out of order', () => {
  it('one that began earlier and commits later is not missed', async () => {
    const feed = node()
    await feed.pull()
    const [early, late] = [token({ jti: uuidv7(new Date()) }), token({ jti: uuidv7(new Date()) })]
    const open = await holdOpen(async (tx) => await feed.write(tx, [{ kind: 'jti', key: early.jti }], new Date()))
    await transact(db, async (tx) => await feed.write(tx, [{ kind: 'jti', key: late.jti }], new Date()))
    // The later number is read while the earlier is still open …
    for (let round = 0; round < 3; round += 1) await feed.pull()
    expect([await feed.isRevoked(early), await feed.isRevoked(late)]).toEqual([false, true])
    await open.commit()
    // … and the earlier one must be seen all the same.
    await feed.pull()
    expect(await feed.isRevoked(early)).toBe(true)
  })

  it('many at once, in any order, are all seen', async () => {
    const feed = node()
    const tokens = Array.from({ length: 4 }, () => token({ jti: uuidv7(new Date()) }))
    const opened = []
    for (const { jti } of tokens) {
      opened.push(await holdOpen(async (tx) => await feed.write(tx, [{ kind: 'jti', key: jti }], new Date())))
      await feed.pull()
    }
    for (const open of opened.toReversed()) {
      await open.commit()
      await feed.pull()
    }
    for (const one of tokens) expect(await feed.isRevoked(one)).toBe(true)
  })
})

type Work = Parameters<typeof transact<void>>[1]

/** Runs work in a transaction of its own and leaves that open until `commit`. */
const holdOpen = async (work: Work): Promise<{ commit: () => Promise<void> }> => {
  let release: () => void = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const written = Promise.withResolvers<void>()
  const whole = transact(db, async (tx) => {
    await work(tx)
    written.resolve()
    await released
  })
  await written.promise
  return {
    commit: async () => {
      release()
      await whole
    },
  }
}

describe('a database that is away', () => {
  it('a fresh view answers; a stale one throws what becomes 503, and never answers (G-1)', async () => {
    const { address } = inject('postgres')
    const { name } = await testDatabase()
    const own = connect({ ...address, database: name }, { database_pool: 1, database_prepare: false })
    const feed = node({ on: own })
    const dead = token({ jti: uuidv7(new Date()) })
    await feed.write(own, [{ kind: 'jti', key: dead.jti }], new Date())
    await feed.announce()
    await own.end()
    const alive = token({ jti: uuidv7(new Date()), grant_id: 'g2', sid: 's2' })
    expect([await feed.isRevoked(dead), await feed.isRevoked(alive)]).toEqual([true, false])
    await sleep(freshMs + 50)
    for (const one of [dead, alive]) {
      const error: unknown = await feed.isRevoked(one).catch((reason: unknown) => reason)
      expect(isUnavailable(error)).toBe(true)
    }
  })
})

it('follows the clock of the database', async () => {
  const feed = node()
  await feed.pull()
  expect(Math.abs(feed.skewMs())).toBeLessThan(1000)
})
