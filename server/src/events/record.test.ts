/** Writing down what happened: in its transaction, with the catalogue's severity, without room for forgery (AU-1). */
import { beforeAll, describe, expect, it } from 'vitest'
import { testDatabase } from '../../test/support/database.ts'
import type { Db } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { catalog, type EventType } from './catalog.ts'
import { callerOf, record, rowOf } from './record.ts'

let db: Db
const now = new Date('2026-01-02T03:04:05.678Z')
beforeAll(async () => {
  db = (await testDatabase()).sql
})

describe('record', () => {
  it('writes every member', async () => {
    const session_id = '01940000-0000-7000-8000-000000000001'
    await record(db, {
      type: 'login.succeeded',
      now,
      user_id: 'u1',
      client_id: 'app_1',
      session_id,
      ip: '192.0.2.1',
      user_agent: 'Firefox',
      request_id: 'request-1',
      data: { method: 'password', tries: 3, nested: { list: [1, null, 'ü'] } },
    })
    const [row] = await db`
      select type, at, severity, outcome, user_id, client_id, session_id, ip, user_agent, request_id, data
      from all_events where request_id = 'request-1'`
    expect(row).toEqual({
      type: 'login.succeeded',
      at: now,
      severity: 'info',
      outcome: 'success',
      user_id: 'u1',
      client_id: 'app_1',
      session_id,
      ip: '192.0.2.1',
      user_agent: 'Firefox',
      request_id: 'request-1',
      data: { method: 'password', tries: 3, nested: { list: [1, null, 'ü'] } },
    })
  })

  it('leaves empty what is not known', async () => {
    await record(db, { type: 'key.created', now, request_id: 'request-2' })
    const [row] =
      await db`select user_id, client_id, session_id, ip, user_agent, data from all_events where request_id = 'request-2'`
    expect(row).toEqual({ user_id: null, client_id: null, session_id: null, ip: null, user_agent: null, data: {} })
  })

  it('goes with its transaction', async () => {
    const failing = transact(db, async (tx) => {
      await record(tx, { type: 'key.created', now, request_id: 'request-3' })
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await db`select 1 from all_events where request_id = 'request-3'`).toHaveLength(0)
  })

  it('takes every type of the catalogue, with a severity and an outcome that the table knows', async () => {
    for (const type of Object.keys(catalog) as EventType[]) await record(db, { type, now, request_id: 'every' })
    expect(await db`select 1 from all_events where request_id = 'every'`).toHaveLength(Object.keys(catalog).length)
  })
})

describe('rowOf', () => {
  it('takes line breaks and control characters out of a User-Agent', () => {
    expect(
      rowOf({ type: 'login.failed', now, user_agent: 'a\r\nlogin.succeeded\u0000\u001b[31m\u007f\u009b2J' }).user_agent,
    ).toBe('a  login.succeeded  [31m  2J')
  })

  it('gives each event an id of its own, which sorts by time', () => {
    const [one, two] = [rowOf({ type: 'login.failed', now }), rowOf({ type: 'login.failed', now })]
    const later = rowOf({ type: 'login.failed', now: new Date(now.getTime() + 1) })
    expect(one.id).not.toBe(two.id)
    expect(one.id < later.id && two.id < later.id).toBe(true)
  })
})

describe('callerOf', () => {
  it('takes the three facts that an audit wants, and nothing else of a request', () => {
    const request = { ip: '192.0.2.1', user_agent: undefined, request_id: 'r', form: 'secret' }
    expect(callerOf(request)).toEqual({ ip: '192.0.2.1', user_agent: undefined, request_id: 'r' })
  })
})
