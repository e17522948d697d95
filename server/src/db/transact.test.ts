/** Transactions: a returned refusal commits, a thrown error does not, a deadlock is tried again. Real SQL. */
import { beforeAll, describe, expect, it } from 'vitest'
import { testDatabase } from '../../test/support/database.ts'
import { deny, isDenial } from '../protocol/errors.ts'
import type { Db } from './connect.ts'
import { transact } from './transact.ts'

let db: Db
beforeAll(async () => {
  db = (await testDatabase()).sql
  await db`create table things (id integer primary key, note text)`
})
const notes = async (): Promise<(string | null)[]> =>
  (await db<{ note: string | null }[]>`select note from things order by id`).map((row) => row.note)

describe('transact', () => {
  it('commits what it did, and returns what came of it', async () => {
    expect(await transact(db, async (tx) => (await tx`insert into things values (1, 'one') returning id`).length)).toBe(
      1,
    )
    expect(await notes()).toEqual(['one'])
  })

  it('commits with a refusal: that is a value, and may have had effects', async () => {
    const refused = await transact(db, async (tx) => {
      await tx`insert into things values (2, 'two')`
      return deny('invalid_grant', 'No.', { rule: 'r' })
    })
    expect(isDenial(refused)).toBe(true)
    expect(await notes()).toEqual(['one', 'two'])
  })

  it('rolls back with an error', async () => {
    const failing = transact(db, async (tx) => {
      await tx`insert into things values (3, 'three')`
      throw new Error('a bug')
    })
    await expect(failing).rejects.toThrow('a bug')
    expect(await notes()).toEqual(['one', 'two'])
  })

  it('tries again what PostgreSQL asks to try again: two that lock each other both succeed', async () => {
    const [one, two] = [contender('a', [1, 2]), contender('b', [2, 1])]
    await Promise.all([one.fight(two), two.fight(one)])
    expect(one.tries() + two.tries()).toBe(3)
    expect(new Set(await notes()).size).toBe(1)
  })

  it.each(['40001', '40P01'])('gives up after three times %s, and throws it', async (code) => {
    let tries = 0
    const failing = transact(db, async (tx) => {
      tries += 1
      await tx.unsafe(`do $$ begin raise exception 'again' using errcode = '${code}'; end $$`)
    })
    await expect(failing).rejects.toMatchObject({ code })
    expect(tries).toBe(3)
  })

  it('does not try again what would only fail again', async () => {
    let tries = 0
    const failing = transact(db, async (tx) => {
      tries += 1
      await tx`insert into things values (1, 'again')`
    })
    await expect(failing).rejects.toMatchObject({ code: '23505' })
    expect(tries).toBe(1)
  })
})

type Contender = {
  locked: Promise<void>
  done: Promise<void>
  tries: () => number
  fight: (other: Contender) => Promise<void>
}

/** Changes two rows in an order; at its first try it holds one until the other contender holds the other. */
const contender = (note: string, [first = 0, second = 0]: number[]): Contender => {
  const locked = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  let tries = 0
  return {
    locked: locked.promise,
    done: done.promise,
    tries: () => tries,
    fight: async (other) => {
      await transact(db, async (tx) => {
        tries += 1
        // Whoever was sacrificed lets the other go first, or the two could meet again.
        if (tries > 1) await other.done
        await tx`update things set note = ${note} where id = ${first}`
        locked.resolve()
        await other.locked
        await tx`update things set note = ${note} where id = ${second}`
      })
      done.resolve()
    },
  }
}
