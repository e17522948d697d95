/** Versions of the schema: applied once, in order, by one node at a time; a foreign database is refused in one sentence. */
import { describe, expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { StartError } from '../config/start-error.ts'
import { type Migration, migrate, migrations, pending } from './migrate.ts'

const names = migrations().map((migration) => migration.name)
const migration = (number: number, checksum = `c${number}`): Migration => ({
  number,
  name: `m${number}`,
  sql: '',
  checksum,
})
const applied = (...rows: [number, string][]): Map<number, string> => new Map(rows)

describe('pending', () => {
  const known = [migration(1), migration(2), migration(3)]
  it.each([
    ['nothing yet', applied(), [1, 2, 3]],
    ['some', applied([1, 'c1']), [2, 3]],
    ['all', applied([1, 'c1'], [2, 'c2'], [3, 'c3']), []],
    ['a gap, as two branches leave one', applied([1, 'c1'], [3, 'c3']), [2]],
  ])('applied %s', (_name, rows, missing) => {
    expect(pending(known, rows).map((one) => one.number)).toEqual(missing)
  })

  it('a newer database is refused', () => {
    expect(() => pending(known, applied([4, 'c4']))).toThrow(StartError)
    expect(() => pending(known, applied([4, 'c4']))).toThrow(
      /newer release \(it has migration 4, this release ends at 3\)/,
    )
  })

  it('a changed migration is refused', () => {
    expect(() => pending(known, applied([2, 'other']))).toThrow(/Migration 2 \(m2\) was applied in another form/)
  })
})

describe('migrations', () => {
  it('are numbered from 1 without gap or double', () => {
    expect(migrations().map((one) => one.number)).toEqual(names.map((_, index) => index + 1))
    expect(names.length).toBeGreaterThan(0)
  })
})

describe('migrate', () => {
  it('makes an empty database whole, and then has nothing to do', async () => {
    const { sql } = await freshDatabase('empty')
    expect(await migrate(sql)).toEqual(names)
    expect(await migrate(sql)).toEqual([])
    expect(await sql`select number, name from migrations order by number`).toEqual(
      migrations().map(({ number, name }) => ({ number, name })),
    )
  })

  it('of nodes that start together one does each part of the work, the others wait for it', async () => {
    const { sql } = await freshDatabase('empty')
    const results = await Promise.all([migrate(sql), migrate(sql), migrate(sql), migrate(sql)])
    expect(results.flat().toSorted()).toEqual(names.toSorted())
  })

  it('while somebody reads a table that is to be changed, nobody else waits for it, and it comes to its end', async () => {
    const { sql } = await freshDatabase('empty')
    await migrate(sql)
    // The one that changes events; it can be applied twice.
    await sql`delete from migrations where number = 3`
    await sql`alter table events add constraint events_severity_check check (true), add constraint events_outcome_check check (true)`
    const results: unknown[] = []
    await sql.begin(async (tx) => {
      await tx`select 1 from events limit 1`
      void (async () => results.push(await migrate(sql)))()
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const asked = performance.now()
      await sql`insert into events (id, type, at, severity, outcome) values (gen_random_uuid(), 'x', now(), 'info', 'success')`
      expect(performance.now() - asked).toBeLessThan(1000)
      expect(results).toEqual([])
    })
    await expect.poll(() => results, { timeout: 5000 }).toEqual([['hot-tables']])
  })

  it('changes nothing when it refuses', async () => {
    const { sql } = await freshDatabase()
    await sql`update migrations set checksum = 'other' where number = 1`
    await expect(migrate(sql)).rejects.toThrow(StartError)
    await sql`update migrations set checksum = ${migrations()[0]?.checksum ?? ''} where number = 1`
    await sql`insert into migrations (number, name, checksum) values (9999, 'future', 'x')`
    await expect(migrate(sql)).rejects.toThrow(/newer release/)
    expect(await sql`select number from migrations where number <> 9999`).toHaveLength(names.length)
  })

  it('has the constraints that are the last rule-keepers', async () => {
    const { sql } = await freshDatabase()
    const bad = [
      "insert into users (id, username) values ('app_1', 'x')",
      "insert into users (id) values ('u1')",
      "insert into users (id, username) values ('u1', 'a@b')",
      "insert into users (id, username) values ('u1', 'Ada')",
      "insert into clients (client_id, client_name, type, token_endpoint_auth_method, grant_types, require_pkce) values ('app_x', 'X', 'spa', 'none', '{authorization_code}', false)",
      "insert into clients (client_id, client_name, type, token_endpoint_auth_method, grant_types) values ('x', 'X', 'web', 'client_secret_basic', '{}')",
      "insert into revocations (kind, key, not_before, expires_at) values ('odd', 'k', now(), now())",
    ]
    for (const statement of bad) await expect(sql.unsafe(statement)).rejects.toMatchObject({ code: '23514' })
  })
})
