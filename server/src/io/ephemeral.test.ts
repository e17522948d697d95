/** Request counters over several nodes: real SQL, no loosening when the database is away (security rule RL-1, invariant I7). */
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase, testDatabase } from '../../test/support/database.ts'
import type { Db } from '../db/connect.ts'
import { createEphemeral } from './ephemeral.ts'

let db: Db
const start = new Date('2026-01-01T00:00:00Z')
const at = (seconds: number): Date => new Date(start.getTime() + seconds * 1000)
beforeAll(async () => {
  db = (await testDatabase()).sql
})

describe('one node', () => {
  it('counts in windows, and says when the window ends', () => {
    const node = createEphemeral()
    expect(node.hit('k', 60, at(0))).toEqual({ count: 1, resetSeconds: 60 })
    expect(node.hit('k', 60, at(59.9))).toEqual({ count: 2, resetSeconds: 1 })
    expect(node.hit('k', 60, at(60))).toEqual({ count: 1, resetSeconds: 60 })
    expect(node.hit('other', 60, at(60)).count).toBe(1)
  })

  it('forgets windows that are over', async () => {
    const node = createEphemeral()
    node.hit('gone', 60, at(0))
    await node.settle(db, at(61))
    expect(await db`select 1 from ephemeral where key like 'gone|%'`).toHaveLength(0)
  })
})

describe('two nodes', () => {
  it('learn from each other what they counted', async () => {
    const [one, two] = [createEphemeral(), createEphemeral()]
    for (let n = 0; n < 5; n += 1) one.hit('shared', 60, at(0))
    for (let n = 0; n < 3; n += 1) two.hit('shared', 60, at(1))
    await one.settle(db, at(1))
    await two.settle(db, at(1))
    expect(two.hit('shared', 60, at(2)).count).toBe(9)
    one.hit('shared', 60, at(2))
    await one.settle(db, at(2))
    expect(one.hit('shared', 60, at(3)).count).toBe(10)
  })

  it('count what comes while they settle', async () => {
    const [one, two] = [createEphemeral(), createEphemeral()]
    one.hit('while', 60, at(0))
    const settling = one.settle(db, at(0))
    one.hit('while', 60, at(0))
    await settling
    expect(one.hit('while', 60, at(0)).count).toBe(3)
    await one.settle(db, at(0))
    two.hit('while', 60, at(0))
    await two.settle(db, at(0))
    expect(two.hit('while', 60, at(0)).count).toBe(5)
  })

  it('settle more keys than fit in one statement', async () => {
    const [one, two] = [createEphemeral(), createEphemeral()]
    for (let n = 0; n < 1200; n += 1) one.hit(`many${n}`, 60, at(0))
    await one.settle(db, at(0))
    for (const n of [0, 499, 500, 1199]) two.hit(`many${n}`, 60, at(0))
    await two.settle(db, at(0))
    for (const n of [0, 499, 500, 1199]) expect(two.hit(`many${n}`, 60, at(0)).count).toBe(3)
  })
})

it('a database that is away loosens nothing: what was counted stays, and is told when it is back', async () => {
  const away = await freshDatabase('empty')
  const [one, two] = [createEphemeral(), createEphemeral()]
  for (let n = 0; n < 700; n += 1) one.hit(n < 600 ? `filler${n}` : 'away', 60, at(0))
  await expect(one.settle(away.sql, at(0))).rejects.toThrow()
  expect(one.hit('away', 60, at(0)).count).toBe(101)
  await one.settle(db, at(0))
  expect(one.hit('away', 60, at(0)).count).toBe(102)
  two.hit('away', 60, at(0))
  await two.settle(db, at(0))
  expect(two.hit('away', 60, at(0)).count).toBe(103)
})
