/** Statements with names: each value sent once, whatever the driver would have made of it; none missing. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Fixtures, fixtures } from '../../test/support/fixtures.ts'
import { statement } from './statement.ts'
import { transact } from './transact.ts'

let made: Fixtures
beforeAll(async () => {
  made = await fixtures()
})

describe('a statement with names', () => {
  const both = statement<{ twice: string; at: Date; list: string[]; data: unknown; nothing: string | null }>(
    `select $word::text || $word as twice, $at::timestamptz as at, $list::text[] as list, $data::jsonb as data, $nothing::text as nothing`,
  )
  const at = new Date('2026-01-02T03:04:05.678Z')
  const values = (word: string) => ({ word, at, list: ['a,b', '"c"'], data: made.db.json({ x: [1] }), nothing: null })

  it('gives each value to every place of its name', async () => {
    expect(await both(made.db, values('ab'))).toEqual([
      { twice: 'abab', at, list: ['a,b', '"c"'], data: { x: [1] }, nothing: null },
    ])
  })

  it('keeps values out of its text', async () => {
    const [row] = await both(made.db, values(`'; drop table users; -- $word`))
    expect(row?.twice).toBe(`'; drop table users; -- $word`.repeat(2))
  })

  it('is part of the transaction that it is given', async () => {
    const table = statement('create table made_in_passing as select $n::int as n')
    await expect(
      transact(made.db, async (tx) => {
        await table(tx, { n: 1 })
        throw new Error('over')
      }),
    ).rejects.toThrow('over')
    expect(await made.db`select to_regclass('made_in_passing') as found`).toEqual([{ found: null }])
  })

  it('refuses to run without one of its values', async () => {
    const { word: _word, ...rest } = values('')
    await expect(both(made.db, rest)).rejects.toThrow('the statement names word')
  })
})
