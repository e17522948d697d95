/** Which errors are broken infrastructure, and never a verdict (security rule G-1); limits that every connection has. */
import postgres from 'postgres'
import { beforeAll, describe, expect, it } from 'vitest'
import { testDatabase } from '../../test/support/database.ts'
import { temporaryFolder } from '../../test/support/child.ts'
import { connect, type Db, isUnavailable, isUniqueViolation } from './connect.ts'

let db: Db
beforeAll(async () => {
  db = (await testDatabase()).sql
})
const errorOf = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(() => undefined).catch((error: unknown) => error)
const raising = async (code: string): Promise<unknown> =>
  await errorOf(db.unsafe(`do $$ begin raise exception 'x' using errcode = '${code}'; end $$`))

describe('isUnavailable', () => {
  it.each(['08006', '08P01', '53300', '53100', '57014', '57P01', '57P03', '55P03', '25006', '40001', '40P01'])(
    'SQLSTATE %s is infrastructure',
    async (code) => {
      expect(isUnavailable(await raising(code))).toBe(true)
    },
  )

  it.each(['23505', '23503', '22P02', '42P01', '42601', '55000', 'P0001'])(
    'SQLSTATE %s is not: it is a bug or a fact',
    async (code) => {
      expect(isUnavailable(await raising(code))).toBe(false)
    },
  )

  it.each([
    [
      'nobody listens',
      async () => connect('postgres://nobody@127.0.0.1:1/x', { database_pool: 1, database_prepare: false }),
    ],
    [
      'the socket is gone',
      async () =>
        connect(
          {
            path: `${await temporaryFolder()}/.s.PGSQL.5432`,
            host: 'x',
            port: 5432,
            user: 'x',
            database: 'x',
          },
          { database_pool: 1, database_prepare: false },
        ),
    ],
    [
      'the host does not exist',
      async () =>
        await Promise.resolve(
          connect('postgres://x@no-such-host.invalid/x', { database_pool: 1, database_prepare: false }),
        ),
    ],
  ])('%s', async (_name, open) => {
    const away = await open()
    const error = await errorOf(away`select 1`)
    expect(error).toBeInstanceOf(Error)
    expect(isUnavailable(error)).toBe(true)
    await away.end({ timeout: 0 })
  })

  it('a pool that was ended', async () => {
    const ended = connect('postgres://x@127.0.0.1:1/x', { database_pool: 1, database_prepare: false })
    await ended.end({ timeout: 0 })
    expect(isUnavailable(await errorOf(ended`select 1`))).toBe(true)
  })

  it('what is no error of ours', () => {
    for (const thing of [undefined, null, 'ECONNREFUSED', new Error('x'), { code: 'ENOSPC' }, { code: 7 }])
      expect(isUnavailable(thing)).toBe(false)
  })
})

describe('connect', () => {
  it('gives each connection its limits, so that a stuck database becomes 503 and no pile of requests', async () => {
    const shown = await db<{ name: string; setting: string }[]>`
      select name, setting from pg_settings
      where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'application_name') order by name`
    expect(Object.fromEntries(shown.map(({ name, setting }) => [name, setting]))).toEqual({
      application_name: 'keywright',
      idle_in_transaction_session_timeout: '10000',
      lock_timeout: '3000',
      statement_timeout: '5000',
    })
  })

  it('plans generically and by indexes, as docs/adr/0006 has it', async () => {
    const shown = await db<{ name: string; setting: string }[]>`
      select name, setting from pg_settings
      where source = 'client' and name in ('plan_cache_mode', 'jit', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin')`
    expect(Object.fromEntries(shown.map(({ name, setting }) => [name, setting]))).toEqual({
      plan_cache_mode: 'force_generic_plan',
      jit: 'off',
      enable_seqscan: 'off',
      enable_hashjoin: 'off',
      enable_mergejoin: 'off',
    })
  })

  it('writes are durable: nothing switches synchronous_commit off (RPO 0)', async () => {
    expect((await db`show synchronous_commit`)[0]).toEqual({ synchronous_commit: 'on' })
  })
})

describe('isUniqueViolation', () => {
  it('tells the constraint', async () => {
    await db`create table unique_things (id integer constraint things_once unique)`
    await db`insert into unique_things values (1)`
    const error = await errorOf(db`insert into unique_things values (1)`)
    expect(error).toBeInstanceOf(postgres.PostgresError)
    expect([
      isUniqueViolation(error),
      isUniqueViolation(error, 'things_once'),
      isUniqueViolation(error, 'other'),
    ]).toEqual([true, true, false])
    expect(isUniqueViolation(new Error('23505'))).toBe(false)
  })
})
