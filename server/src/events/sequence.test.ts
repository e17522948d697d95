/** The move of events to their place in the audit trail: in order, whole, once. Real SQL. */
import { describe, expect, inject, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { fixtures } from '../../test/support/fixtures.ts'
import type { Ctx } from '../ctx.ts'
import { connect } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { countDays, type Follower, type SequencedEvent } from './followers.ts'
import { blankEventsOf } from './forget.ts'
import { allEventsOf } from './list.ts'
import { type Happening, record } from './record.ts'
import { sequenceEvents } from './sequence.ts'

const house = async (clock: () => number = Date.now): Promise<Ctx> => {
  const { sql: db } = await freshDatabase()
  return (await fixtures({ db, clock })).ctx
}
const add = async (ctx: Ctx, more: Partial<Happening> = {}): Promise<void> =>
  await record(ctx.db, { type: 'login.failed', now: ctx.now(), ...more })
const rowsOf = async (ctx: Ctx): Promise<{ seq: number; request_id: string | null }[]> =>
  await ctx.db`select seq::int, request_id from audit_events order by seq`

describe('the sequencer', () => {
  it('gives every event the next number, oldest first, and empties the intake', async () => {
    const ctx = await house()
    const start = ctx.now().getTime()
    for (const [request_id, ms] of [
      ['three', 3],
      ['one', 1],
      ['two', 2],
    ] as const)
      await add(ctx, { request_id, now: new Date(start + ms) })
    expect(await sequenceEvents(ctx, [])).toBe(3)
    await add(ctx, { request_id: 'late', now: new Date(start) })
    expect(await sequenceEvents(ctx, [])).toBe(1)
    expect(await rowsOf(ctx)).toEqual([
      { seq: 1, request_id: 'one' },
      { seq: 2, request_id: 'two' },
      { seq: 3, request_id: 'three' },
      { seq: 4, request_id: 'late' },
    ])
    expect(await ctx.db`select 1 from events`).toHaveLength(0)
    expect(await sequenceEvents(ctx, [])).toBe(0)
  })

  it('hands every follower every event once, in order, and what it throws leaves everything where it was', async () => {
    const ctx = await house()
    await add(ctx, { user_id: 'u1', ip: '192.0.2.1', data: { by: 'admin', n: 1 } })
    const seen: SequencedEvent[] = []
    const follow: Follower = async (_ctx, _tx, events) => void seen.push(...events)
    const broken: Follower = async (_ctx, tx) => {
      await tx`insert into event_days (day, type, client_id, outcome, count) values ('2026-01-01', 'x', '', 'success', 1)`
      throw new Error('not now')
    }
    await expect(sequenceEvents(ctx, [broken])).rejects.toThrow('not now')
    expect(await rowsOf(ctx)).toEqual([])
    expect(await ctx.db`select 1 from event_days`).toHaveLength(0)
    await sequenceEvents(ctx, [follow])
    expect(seen).toMatchObject([
      { seq: 1, type: 'login.failed', user_id: 'u1', actor_id: 'admin', ip: '192.0.2.1', data: { by: 'admin', n: 1 } },
    ])
  })

  it('never goes back in time, whatever the clock of a node says', async () => {
    const at = { ms: Date.now() }
    const ctx = await house(() => at.ms)
    await add(ctx)
    await sequenceEvents(ctx, [])
    at.ms -= 40 * 86_400_000
    await add(ctx)
    await sequenceEvents(ctx, [])
    const times = await ctx.db`select distinct sequenced_at from audit_events`
    expect(times).toHaveLength(1)
  })

  it('takes an address for what it is, and keeps nothing else in its place', async () => {
    const ctx = await house()
    await add(ctx, { ip: 'not an address', request_id: 'odd' })
    await add(ctx, { ip: '2001:db8::1', request_id: 'even' })
    await sequenceEvents(ctx, [])
    expect(await ctx.db`select ip from audit_events order by seq`).toEqual([{ ip: null }, { ip: '2001:db8::1' }])
  })

  it('makes the partition of a month when it comes', async () => {
    const at = { ms: Date.now() }
    const ctx = await house(() => at.ms)
    at.ms += 400 * 86_400_000
    await add(ctx)
    await sequenceEvents(ctx, [])
    const month = ctx.now().toISOString().slice(0, 7).replace('-', '_')
    expect(await ctx.db`select tableoid::regclass::text as place from audit_events`).toEqual([
      { place: `audit_events_${month}` },
    ])
  })
})

describe('several nodes', () => {
  it('share the work without a gap and without a double, also while events are written', async () => {
    const ctx = await house()
    const total = 3000
    const write = async (): Promise<void> => {
      for (let n = 0; n < total / 3; n += 1) await add(ctx)
    }
    const writing = { yes: true }
    const node = async (): Promise<void> => {
      while (writing.yes) await sequenceEvents(ctx, [countDays])
    }
    const nodes = [node(), node()]
    await Promise.all([write(), write(), write()])
    writing.yes = false
    await Promise.all(nodes)
    await sequenceEvents(ctx, [countDays])
    expect((await rowsOf(ctx)).map(({ seq }) => seq)).toEqual(Array.from({ length: total }, (_, n) => n + 1))
    expect(await ctx.db`select count(distinct id)::int as ids from audit_events`).toEqual([{ ids: total }])
    expect(await ctx.db`select sum(count)::int as counted from event_days`).toEqual([{ counted: total }])
  })

  it('one that dies half way has moved nothing, and the next goes on', async () => {
    const { sql: db, name } = await freshDatabase()
    const { ctx } = await fixtures({ db })
    for (let n = 0; n < 10; n += 1) await add(ctx)
    const dying = connect(
      { ...inject('postgres').address, database: name },
      { database_pool: 1, database_prepare: true },
    )
    const die: Follower = async () => await dying.end({ timeout: 0 })
    await expect(sequenceEvents({ ...ctx, db: dying }, [die])).rejects.toThrow()
    expect(await ctx.db`select 1 from events`).toHaveLength(10)
    await expect.poll(async () => await sequenceEvents(ctx, [])).toBe(10)
    expect((await rowsOf(ctx)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })
})

describe('readers', () => {
  it('find the events of a person in both places, newest first', async () => {
    const ctx = await house()
    const start = ctx.now().getTime()
    await add(ctx, { user_id: 'u1', now: new Date(start), ip: '192.0.2.1' })
    await sequenceEvents(ctx, [])
    await add(ctx, {
      user_id: 'u1',
      type: 'login.succeeded',
      now: new Date(start + 1),
      ip: '192.0.2.2',
      data: { by: 'a' },
    })
    await add(ctx, { user_id: 'u2' })
    expect(await allEventsOf(ctx.db, 'u1')).toMatchObject([
      { type: 'login.succeeded', ip: null },
      { type: 'login.failed', ip: '192.0.2.1' },
    ])
  })

  it('count the days by type, client and outcome', async () => {
    const ctx = await house()
    const now = new Date('2026-01-02T23:59:59.999Z')
    await add(ctx, { now, client_id: 'app_1' })
    await add(ctx, { now, client_id: 'app_1' })
    await add(ctx, { now: new Date(now.getTime() + 1) })
    await sequenceEvents(ctx, [countDays])
    await add(ctx, { now, client_id: 'app_1' })
    await sequenceEvents(ctx, [countDays])
    expect(await ctx.db`select day::text, type, client_id, outcome, count::int from event_days order by day`).toEqual([
      { day: '2026-01-02', type: 'login.failed', client_id: 'app_1', outcome: 'failure', count: 3 },
      { day: '2026-01-03', type: 'login.failed', client_id: '', outcome: 'failure', count: 1 },
    ])
  })
})

describe('GD-2: what is forgotten', () => {
  it('is gone in both places, what an administrator did keeps its details and loses where they were', async () => {
    const ctx = await house()
    const told = { ip: '192.0.2.1', user_agent: 'Firefox', data: { note: 'x' } }
    const both = async (): Promise<void> => {
      await add(ctx, { user_id: 'gone', ...told })
      await add(ctx, { user_id: 'other', ...told, data: { by: 'gone', note: 'y' } })
      await add(ctx, { user_id: 'other', ...told })
    }
    await both()
    await sequenceEvents(ctx, [])
    await both()
    await transact(ctx.db, async (tx) => await blankEventsOf(tx, 'gone'))
    const rows = await ctx.db`select user_id, actor_id, ip, user_agent, data from all_events order by id`
    const expected = [
      { user_id: 'gone', actor_id: null, ip: null, user_agent: null, data: {} },
      { user_id: 'other', actor_id: 'gone', ip: null, user_agent: null, data: { by: 'gone', note: 'y' } },
      { user_id: 'other', actor_id: null, ...told },
    ]
    expect(rows).toHaveLength(6)
    expect(rows).toEqual(expect.arrayContaining(expected))
    expect(rows.filter(({ ip }) => ip === null)).toHaveLength(4)
  })
})
