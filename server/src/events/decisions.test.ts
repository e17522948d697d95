/** Decision records: the private half of refusals, in a bounded place. Real SQL. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freshDatabase, testDatabase } from '../../test/support/database.ts'
import type { Db } from '../db/connect.ts'
import { deny } from '../protocol/errors.ts'
import { createDecisions, findDecision, trimDecisions } from './decisions.ts'

let db: Db
const now = new Date('2026-01-02T03:04:05.678Z')
const place = { route: '/oauth/token', request_id: 'request-1', client_id: 'app_1', now }
const denial = deny('invalid_grant', 'The code is not valid.', {
  rule: 'a rule (RFC 6749)',
  expected: 'this',
  got: 'that',
  remedy: 'so',
})

beforeAll(async () => {
  db = (await testDatabase()).sql
})
beforeEach(async () => {
  await db`delete from decisions`
})

describe('a record', () => {
  it('is written at the next flush, whole', async () => {
    const decisions = createDecisions()
    const error_id = decisions.record(denial, place)
    expect(error_id).toMatch(/^err_[0-9A-Za-z]{12}$/)
    expect(await findDecision(db, error_id)).toBeUndefined()
    await decisions.flush(db)
    expect(await findDecision(db, error_id)).toEqual({
      error_id,
      at: now,
      error: 'invalid_grant',
      error_description: 'The code is not valid.',
      rule: 'a rule (RFC 6749)',
      expected: 'this',
      got: 'that',
      remedy: 'so',
      route: '/oauth/token',
      client_id: 'app_1',
      request_id: 'request-1',
    })
  })

  it('has an id that is not guessed, and never the same', () => {
    const decisions = createDecisions()
    const ids = Array.from({ length: 1000 }, () => decisions.record(denial, place))
    expect(new Set(ids).size).toBe(1000)
  })

  it('is cut and cleaned where it repeats what came from outside', async () => {
    const decisions = createDecisions()
    const got = `\u0000a\r\n\u001b${'x'.repeat(2000)}`
    const error_id = decisions.record(deny('x', 'X.', { rule: 'r', got }), { ...place, client_id: undefined })
    await decisions.flush(db)
    const row = await findDecision(db, error_id)
    expect(row).toMatchObject({ expected: null, remedy: null, client_id: null })
    expect(row?.got).toBe(`\ufffda\ufffd\ufffd\ufffd${'x'.repeat(995)}`)
  })

  it('that nobody has is not found', async () => {
    expect(await findDecision(db, 'err_000000000000')).toBeUndefined()
    expect(await findDecision(db, "' or 1=1 --")).toBeUndefined()
  })
})

describe('the place is bounded', () => {
  const count = async (): Promise<unknown> => (await db`select count(*)::int as all from decisions`)[0]?.['all']

  it('a flood between two flushes keeps 2000, and every caller still gets an id', async () => {
    const decisions = createDecisions()
    const ids = Array.from({ length: 2500 }, () => decisions.record(denial, place))
    expect(new Set(ids).size).toBe(2500)
    await decisions.flush(db)
    expect(await count()).toBe(2000)
    await decisions.flush(db)
    expect(await count()).toBe(2000)
  })

  it('the table keeps a week, and the newest 50 000', async () => {
    const days = (many: number): Date => new Date(now.getTime() - many * 86_400_000)
    await db`
      insert into decisions (error_id, at, error, error_description, rule, route, request_id)
      select 'flood' || n, ${days(1)}::timestamptz + n * interval '1 millisecond', 'e', 'd', 'r', 'x', 'q'
      from generate_series(1, 50001) n`
    await db`
      insert into decisions (error_id, at, error, error_description, rule, route, request_id)
      values ('old', ${days(7.1)}, 'e', 'd', 'r', 'x', 'q')`
    await trimDecisions(db, now)
    expect(await findDecision(db, 'old')).toBeUndefined()
    expect(Number(await count())).toBeLessThanOrEqual(50_001)
    expect(await findDecision(db, 'flood50001')).toBeDefined()
  })
})

describe('a database that is away', () => {
  it('costs no reasons: they are written when it is back', async () => {
    const away = await freshDatabase('empty')
    const decisions = createDecisions()
    const before = decisions.record(denial, place)
    await expect(decisions.flush(away.sql)).rejects.toThrow()
    const meanwhile = decisions.record(denial, place)
    await decisions.flush(db)
    for (const error_id of [before, meanwhile]) expect(await findDecision(db, error_id)).toBeDefined()
  })

  it('and does not grow beyond the bound meanwhile', async () => {
    const away = await freshDatabase('empty')
    const decisions = createDecisions()
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 1500; n += 1) decisions.record(denial, place)
      await expect(decisions.flush(away.sql)).rejects.toThrow()
    }
    await decisions.flush(db)
    expect((await db`select count(*)::int as all from decisions`)[0]?.['all']).toBe(2000)
  })
})
