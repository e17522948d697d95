/**
 * Security rule AU-1 and the audit chain (design 3.9): no change without its event, no event that is changed, and whoever
 * tampers with the database itself is found at the right row, with the database and without it.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { followers } from '../../src/app.ts'
import { signCheckpoints } from '../../src/audit/checkpoints.ts'
import { exportTrail } from '../../src/audit/export.ts'
import { publicKeyOf, publicPem, type SignedCheckpoint } from '../../src/audit/signature.ts'
import { verifyDatabase } from '../../src/audit/verify-database.ts'
import { readCheckpoints, readPublicKey, verifyFile } from '../../src/audit/verify-file.ts'
import type { Verdict } from '../../src/audit/verify.ts'
import type { Ctx } from '../../src/ctx.ts'
import type { Db } from '../../src/db/connect.ts'
import { transact } from '../../src/db/transact.ts'
import { type Happening, record } from '../../src/events/record.ts'
import { sequenceEvents } from '../../src/events/sequence.ts'
import { eraseAccount } from '../../src/users/erase.ts'
import { temporaryFolder } from '../support/child.ts'
import { freshDatabase } from '../support/database.ts'
import { fixtures, type Fixtures } from '../support/fixtures.ts'
import { openHouse } from '../support/flow.ts'

const clock = { ms: Date.now() }
let made: Fixtures
let ctx: Ctx
let folder: string

beforeAll(async () => {
  folder = await temporaryFolder()
})

beforeEach(async () => {
  clock.ms = Date.now()
  made = await fixtures({ db: (await freshDatabase()).sql, clock: () => clock.ms })
  ctx = made.ctx
})

/** Twelve events with every kind of content, and a checkpoint after each four of them. */
const fill = async (): Promise<void> => {
  const told = { ip: '192.0.2.7', user_agent: 'Firefox', user_id: 'u1', client_id: 'app_1', request_id: 'r' }
  const round = (n: number): Omit<Happening, 'now'>[] => [
    { type: 'login.failed', ...told },
    { type: 'user.updated', ...told, data: { by: 'admin', n, ü: ['…', null] } },
    { type: 'key.created', data: { kid: 'k' } },
    { type: 'token.issued', user_agent: 'curl' },
  ]
  for (const n of [0, 1, 2]) {
    for (const happening of round(n)) {
      clock.ms += 1
      await record(ctx.db, { ...happening, now: ctx.now() })
    }
    clock.ms += 61_000
    await sequenceEvents(ctx, followers)
    await signCheckpoints(ctx)
  }
}

/** What somebody does who owns the database: no trigger stops them. */
const tamper = async (work: (db: Db) => Promise<unknown>): Promise<void> => {
  await ctx.db.begin(async (tx) => {
    await tx`alter table audit_events disable trigger keep_rows`
    await work(tx as unknown as Db)
    await tx`alter table audit_events enable trigger keep_rows`
  })
}

const exported = async (): Promise<string> => {
  const pieces: string[] = []
  for await (const piece of exportTrail(ctx, { format: 'jsonl', filter: {} })) pieces.push(piece)
  return pieces.join('')
}

const inDatabase = async (elsewhere: readonly SignedCheckpoint[] = []): Promise<Verdict> =>
  await verifyDatabase(ctx, { key: publicKeyOf(ctx), elsewhere })

/** Without the database: an export of it, and the public key. */
const offline = async (elsewhere: readonly SignedCheckpoint[] = [], text?: string): Promise<Verdict> => {
  const [file, pem] = [join(folder, 'export.jsonl'), join(folder, 'audit.pem')]
  writeFileSync(file, text ?? (await exported()))
  writeFileSync(pem, publicPem(ctx))
  return await verifyFile(file, { key: await readPublicKey(pem), elsewhere })
}

const checkpoints = async (): Promise<SignedCheckpoint[]> => {
  const file = join(folder, 'checkpoints.jsonl')
  writeFileSync(file, await exported())
  return await readCheckpoints(file)
}

const expectBoth = async (problem: object | null, elsewhere: readonly SignedCheckpoint[] = []): Promise<void> => {
  for (const verdict of [await inDatabase(elsewhere), await offline(elsewhere)])
    expect(verdict).toMatchObject({ valid: problem === null, problem })
}

describe('AU-1: the trail', () => {
  it('is whole after honest work, and says of what', async () => {
    await fill()
    await expectBoth(null)
    expect(await inDatabase()).toMatchObject({ rows: 12, first_seq: 1, last_seq: 12, checkpoints: 3, forgotten: 0 })
  })

  it('of nothing at all is whole', async () => {
    await expectBoth(null)
  })

  it('lets no row be changed, removed or emptied, not even by the role of the server', async () => {
    await fill()
    const refused = [
      ctx.db`update audit_events set type = 'login.succeeded' where seq = 1`,
      ctx.db`update audit_events set ip = '198.51.100.1' where seq = 1`,
      ctx.db`update audit_events set ip = null where seq = 1`,
      ctx.db`update audit_events set data = '{}' where seq = 2`,
      ctx.db`update audit_events set origin_salt = null where seq = 1`,
      ctx.db`update audit_events set sequenced_at = sequenced_at + interval '1 month' where seq = 1`,
      ctx.db`delete from audit_events where seq = 12`,
      ctx.db`truncate audit_events`,
    ]
    const [partition] = await ctx.db<
      { name: string }[]
    >`select tableoid::regclass::text as name from audit_events limit 1`
    refused.push(
      ctx.db`truncate ${ctx.db(partition?.name ?? '')}`,
      ctx.db`delete from ${ctx.db(partition?.name ?? '')}`,
    )
    for (const work of refused) await expect(work).rejects.toMatchObject({ code: '42501' })
    await expectBoth(null)
  })

  it('a change whose event cannot be written does not happen', async () => {
    const house = await openHouse()
    await house.sql`create function full_disk() returns trigger language plpgsql as $$ begin raise exception 'no space' using errcode = '53100'; end $$`
    await house.sql`create trigger no_more before insert on events for each row execute function full_disk()`
    const person = house.person()
    await expect(person).rejects.toThrow('no space')
    expect(await house.sql`select 1 from users where kind = 'person'`).toHaveLength(0)
  })
})

describe('AU-1: tampering is found at the right row', () => {
  beforeEach(fill)

  const changes: [string, string][] = [
    ['type', `type = 'login.succeeded'`],
    ['time', `at = at + interval '1 millisecond'`],
    ['outcome', `outcome = 'success'`],
    ['person', `user_id = 'u2'`],
    ['administrator', `actor_id = 'other'`],
    ['address', `ip = '198.51.100.1'`],
    ['browser', `user_agent = null`],
    ['details', `data = '{"n": 9}'`],
    ['salt', `origin_salt = decode(repeat('00', 16), 'hex')`],
    ['hash', `hash = decode(repeat('00', 32), 'hex')`],
  ]
  it.each(changes)('changed: its %s', async (_what, change) => {
    await tamper(async (db) => await db.unsafe(`update audit_events set ${change} where seq = 5`))
    await expectBoth({ seq: 5, kind: 'changed' })
  })

  it('removed in the middle', async () => {
    await tamper(async (db) => await db`delete from audit_events where seq = 7`)
    await expectBoth({ seq: 7, kind: 'missing' })
  })

  it('removed at the beginning, up to a checkpoint, as if its time were over', async () => {
    await tamper(async (db) => await db`delete from audit_events where seq <= 4`)
    expect(await inDatabase()).toMatchObject({ problem: { seq: 1, kind: 'missing' } })
  })

  it('moved: two rows have changed places', async () => {
    await tamper(async (db) => {
      await db`update audit_events set seq = 1000 where seq = 6`
      await db`update audit_events set seq = 6 where seq = 7`
      await db`update audit_events set seq = 7 where seq = 1000`
    })
    await expectBoth({ seq: 6, kind: 'changed' })
  })

  it('added between two rows, and added at a number of its own', async () => {
    const copy = async (seq: number): Promise<void> =>
      await tamper(
        async (db) =>
          await db`
          insert into audit_events select (jsonb_populate_record(e, jsonb_build_object('seq', ${seq}::int,
            'sequenced_at', e.sequenced_at + interval '1 second'))).* from audit_events e where seq = 3`,
      )
    await copy(6)
    await expectBoth({ seq: 6 })
    await tamper(async (db) => await db`delete from audit_events where seq = 6`)
    await expectBoth({ seq: 6, kind: 'missing' })
  })

  it('cut off at the end: found by the last number, and by a checkpoint that was kept elsewhere', async () => {
    const kept = await checkpoints()
    await tamper(async (db) => await db`delete from audit_events where seq > 9`)
    expect(await inDatabase()).toMatchObject({ problem: { seq: 10, kind: 'missing' } })
    // Whoever is thorough mends the database's own notes, too.
    await tamper(async (db) => {
      await db`update audit_head set seq = 9, hash = (select hash from audit_events where seq = 9)`
      await db`delete from audit_checkpoints where seq > 9`
    })
    await expectBoth(null)
    await expectBoth({ seq: 10, kind: 'missing' }, kept)
  })

  it('written anew, with all hashes right: the checkpoints say otherwise', async () => {
    const kept = await checkpoints()
    await tamper(async (db) => {
      await db`insert into events (id, type, at, severity, outcome, user_id, client_id, session_id, ip, user_agent, request_id, data)
        select id, type, at, severity, outcome, user_id, client_id, session_id, ip, user_agent, request_id, data
        from audit_events where seq > 4`
      await db`delete from audit_events where seq > 4`
      await db`update events set user_id = 'somebody else' where type = 'login.failed'`
      await db`update audit_head set seq = 4, hash = (select hash from audit_events where seq = 4)`
    })
    await sequenceEvents(ctx, followers)
    await expectBoth({ seq: 5, until: 8, kind: 'rewritten' })
    await tamper(async (db) => await db`delete from audit_checkpoints where seq > 4`)
    await expectBoth(null)
    await expectBoth({ seq: 5, until: 8, kind: 'rewritten' }, kept)
  })

  it('a changed checkpoint, and one signed by somebody else', async () => {
    await tamper(
      async (db) => await db`update audit_checkpoints set hash = decode(repeat('00', 32), 'hex') where seq = 8`,
    )
    await expectBoth({ seq: 8, kind: 'checkpoint' })
    const other = await fixtures({
      db: ctx.db,
      env: { KEYWRIGHT_ROOT_SECRET: 'another root secret, which is just as long as the first' },
    })
    expect(await verifyDatabase(ctx, { key: publicKeyOf(other.ctx), elsewhere: [] })).toMatchObject({
      problem: { kind: 'checkpoint' },
    })
  })

  it('personal data that is gone though nobody was erased', async () => {
    await ctx.db`update audit_events set ip = null, user_agent = null, origin_salt = null where seq = 1`
    expect(await inDatabase()).toMatchObject({ problem: { seq: 1, kind: 'blanked' } })
  })

  it('lines of an export that were changed, left out, or put in', async () => {
    const lines = (await exported()).trimEnd().split('\n')
    const expectOf = async (text: string[], problem: object): Promise<void> =>
      expect(await offline([], text.join('\n'))).toMatchObject({ valid: false, problem })
    await expectOf(
      lines.map((line) => line.replace('"seq":3,', '"seq":3, ').replace('"n":1', '"n":2')),
      { seq: 6 },
    )
    await expectOf(lines.toSpliced(1, 1), { seq: 2, kind: 'missing' })
    await expectOf(lines.toSpliced(1, 0, lines[0] ?? ''), { seq: 1, kind: 'out_of_order' })
    await expectOf(
      lines.filter((line) => !line.startsWith('{"seq":12,')),
      { seq: 12, kind: 'missing' },
    )
    await expect(offline([], `${lines.join('\n')}\nno line\n`)).rejects.toThrow(/Line 16/)
  })
})

describe('GD-2: who is erased', () => {
  it('is gone from the trail, which stays whole; the salt that could tell them by trying is gone, too', async () => {
    const { user_id } = await made.user()
    await record(ctx.db, { type: 'login.failed', now: ctx.now(), user_id, ip: '192.0.2.99', user_agent: 'Opera' })
    await record(ctx.db, {
      type: 'user.updated',
      now: ctx.now(),
      user_id: 'u2',
      ip: '192.0.2.99',
      data: { by: user_id },
    })
    await sequenceEvents(ctx, followers)
    await transact(ctx.db, async (tx) => await eraseAccount(ctx, tx, { user_id, now: ctx.now() }))
    await sequenceEvents(ctx, followers)
    await expectBoth(null)
    expect(await inDatabase()).toMatchObject({ valid: true })
    const rows =
      await ctx.db`select ip, user_agent, origin_salt from audit_events where user_id = ${user_id} or actor_id = ${user_id}`
    expect(rows.length).toBeGreaterThan(2)
    for (const row of rows) expect(row).toEqual({ ip: null, user_agent: null, origin_salt: null })
    expect((await exported()).includes('192.0.2.99')).toBe(false)
  })
})
