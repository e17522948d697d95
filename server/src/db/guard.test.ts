/**
 * Connections that are lost or go silent, on real SQL through a gate: nobody waits for ever, a transaction that lost its
 * connection does nothing more anywhere, and the pool is whole again afterwards (security rule G-1, promise I1).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { testDatabase } from '../../test/support/database.ts'
import { type Gate, openGate } from '../../test/support/gate.ts'
import { until } from '../../test/support/looks.ts'
import { connect, type Db, isUnavailable, withoutLimit } from './connect.ts'
import { transact } from './transact.ts'

const limitMs = 600
let near: Db
let gate: Gate
let db: Db

beforeAll(async () => {
  const database = await testDatabase()
  near = database.sql
  await near`create table things (id integer)`
  gate = await openGate(inject('postgres').address, database.name)
})
beforeEach(async () => {
  await near`truncate things`
  await gate.open()
  db = through(2)
})
afterEach(async () => {
  await gate.shut()
  await db.end({ timeout: 0 })
})

const through = (database_pool: number): Db =>
  connect(gate.env['DATABASE_URL'] ?? '', { database_pool, database_prepare: true }, limitMs)

/** What came of it: `unavailable`, or what it gave or threw. */
const outcome = async (work: PromiseLike<unknown>): Promise<unknown> => {
  try {
    return await work
  } catch (error) {
    return isUnavailable(error) ? 'unavailable' : error
  }
}
const count = async (): Promise<number> => (await near`select from things`).count
const cut = async (): Promise<void> => {
  await gate.shut()
  await gate.open()
}

/** Every connection of the pool serves a statement and a transaction, at once: none is left behind in some other state. */
const expectWhole = async (connections: number): Promise<void> => {
  const began = performance.now()
  const served = Array.from({ length: connections }, async () => [
    (await db<{ one: number }[]>`select 1 as one from pg_sleep(0.05)`)[0]?.one,
    await transact(db, async (tx) => (await tx<{ two: number }[]>`select 2 as two from pg_sleep(0.05)`)[0]?.two),
  ])
  expect(await Promise.all(served)).toEqual(Array.from({ length: connections }, () => [1, 2]))
  expect(performance.now() - began).toBeLessThan(3000)
}

describe('a transaction whose connection is lost', () => {
  it('in a statement: it fails as unavailable, and the process and the pool live on', async () => {
    const failing = outcome(transact(db, async (tx) => await tx`select pg_sleep(5)`))
    await sleep(100)
    await cut()
    expect(await failing).toBe('unavailable')
    await expectWhole(2)
  })

  it('in a savepoint, and whoever catches that goes on in vain', async () => {
    const failing = outcome(
      transact(db, async (tx) => {
        await outcome(tx.savepoint(async (inner) => await inner`select pg_sleep(5)`))
        await tx`insert into things values (1)`
      }),
    )
    await sleep(100)
    await cut()
    expect(await failing).toBe('unavailable')
    await expectWhole(2)
    expect(await count()).toBe(0)
  })

  it('between two statements: the second one runs nowhere, also when its connection has been made again', async () => {
    let second: unknown
    const failing = outcome(
      transact(db, async (tx) => {
        await tx`insert into things values (1)`
        await cut()
        await until(async () => (await outcome(db`select 1`)) !== 'unavailable')
        second = await outcome(tx`insert into things values (2)`)
      }),
    )
    expect(await failing).toBe('unavailable')
    await until(() => second !== undefined)
    expect(second).toBe('unavailable')
    await expectWhole(2)
    expect(await count()).toBe(0)
  })

  it('before its commit', async () => {
    const failing = outcome(
      transact(db, async (tx) => {
        await tx`insert into things values (1)`
        await cut()
        await sleep(50)
      }),
    )
    expect(await failing).toBe('unavailable')
    await expectWhole(2)
    expect(await count()).toBe(0)
  })

  it('what is written at the very moment of the loss does not spoil the next connection', async () => {
    // With the usual limit, so that it is not the watch that helps.
    const patient = connect(gate.env['DATABASE_URL'] ?? '', { database_pool: 2, database_prepare: true })
    const took: number[] = []
    const ask = async (): Promise<unknown> => {
      const began = performance.now()
      const answer = await outcome(patient`select 1`)
      took.push(performance.now() - began)
      return answer
    }
    for (let round = 0; round < 10; round += 1) {
      await until(async () => (await ask()) !== 'unavailable')
      const all: Promise<unknown>[] = [cut()]
      for (let turn = 0; turn < 20; turn += 1) {
        all.push(ask())
        await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(all)
    }
    expect(Math.max(...took)).toBeLessThan(3000)
    await patient.end({ timeout: 0 })
  })
})

describe('a connection that swallows everything', () => {
  const cases: [string, (pool: Db) => PromiseLike<unknown>][] = [
    ['a statement', (pool) => pool`select 1`],
    ['a statement as text', (pool) => pool.unsafe('select 1')],
    ['a notification', (pool) => pool.notify('things', '')],
    ['the begin of a transaction', async (pool) => await transact(pool, async () => await Promise.resolve())],
  ]
  it.each(cases)('%s is given up after the limit', async (_, ask) => {
    await db`select 1`
    gate.freeze()
    const began = performance.now()
    expect(await outcome(ask(db))).toBe('unavailable')
    expect(performance.now() - began).toBeGreaterThan(limitMs * 0.8)
    expect(performance.now() - began).toBeLessThan(limitMs * 3)
    await gate.open()
    await expectWhole(2)
    expect(gate.frozen()).toBe(0)
  })

  it.each(['in a statement', 'in its commit'])('a transaction, %s', async (where) => {
    const failing = outcome(
      transact(db, async (tx) => {
        await tx`insert into things values (1)`
        gate.freeze()
        if (where === 'in a statement') await tx`insert into things values (2)`
      }),
    )
    expect(await failing).toBe('unavailable')
    await gate.open()
    await expectWhole(2)
    expect([await count(), gate.frozen()]).toEqual([0, 0])
  })

  it('everybody who waits for a connection is told, and what was given up neither runs later nor holds anything', async () => {
    gate.freeze()
    const began = performance.now()
    const all = Array.from({ length: 20 }, async (_, index) =>
      index % 2 === 0
        ? await outcome(transact(db, async (tx) => await tx`insert into things values (1)`))
        : await outcome(db`insert into things values (1)`),
    )
    expect(new Set(await Promise.all(all))).toEqual(new Set(['unavailable']))
    expect(performance.now() - began).toBeLessThan(limitMs * 3)
    await gate.open()
    await expectWhole(2)
    // Of each connection the first statement may have been on its way; transactions have been rolled back.
    expect(await count()).toBeLessThanOrEqual(2)
    const [open] = await near<{ count: number }[]>`
      select count(*)::int from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`
    expect(open?.count).toBe(0)
  })

  it('answers that stop half way count as silence too', async () => {
    const asked = outcome(db`select repeat('x', 1000) from generate_series(1, 300000)`)
    await sleep(20)
    gate.freeze()
    expect(await asked).toBe('unavailable')
    await gate.open()
    await expectWhole(2)
  })
})

describe('what is no silence', () => {
  it('a slow statement within the limit, after a long rest, and beside one that is given up', async () => {
    await Promise.all([db`select pg_sleep(0.1)`, db`select 1`])
    await sleep(limitMs * 2)
    const late = outcome(db`select pg_sleep(${(limitMs * 3) / 1000})`)
    await sleep(limitMs * 0.7)
    expect(await db`select 1 as one from pg_sleep(0.35)`).toEqual([{ one: 1 }])
    expect(await late).toBe('unavailable')
  })

  it('a transaction that does other things meanwhile: PostgreSQL has its own limit for that', async () => {
    const result = transact(db, async (tx) => {
      await tx`insert into things values (1)`
      await sleep(limitMs * 2)
      return await tx`select 1 as one`
    })
    expect(await result).toEqual([{ one: 1 }])
  })

  it('work that may take any time', async () => {
    const patient = withoutLimit(db)
    const seconds = (limitMs * 2.5) / 1000
    expect(await patient`select 1 as one from pg_sleep(${seconds})`).toEqual([{ one: 1 }])
    const inside = await patient.begin(async (tx) => await tx`select 2 as two from pg_sleep(${seconds})`)
    expect(inside).toEqual([{ two: 2 }])
  })
})
