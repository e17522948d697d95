/** Each test file has its own migrated database, and another process can reach it. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { migrations } from '../../src/db/migrate.ts'
import { childEnv, repository } from './child.ts'
import { freshDatabase, testDatabase } from './database.ts'

test('the database of a file is one, migrated, and owned by a role that is no superuser', async () => {
  const database = await testDatabase()
  expect(await testDatabase()).toBe(database)
  expect(await database.sql`select number from migrations order by number`).toHaveLength(migrations().length)
  const [role] =
    await database.sql`select usesuper, current_database() as name from pg_user where usename = current_user`
  expect(role).toEqual({ usesuper: false, name: database.name })
})

test('a fresh database does not share rows with the first, an empty one has no table', async () => {
  const [first, second, empty] = [await testDatabase(), await freshDatabase(), await freshDatabase('empty')]
  await first.sql`create table only_in_one (id integer)`
  const count = async (database: typeof first): Promise<unknown> => {
    const [row] = await database.sql`select count(*)::int as tables from pg_tables where schemaname = 'public'`
    return row?.tables
  }
  expect(await count(empty)).toBe(0)
  expect(await count(first)).toBe(Number(await count(second)) + 1)
})

test('another process reaches it with DATABASE_URL', async () => {
  const { env, name } = await testDatabase()
  const program = `
    import { connect } from '${join(repository, 'server/src/db/connect.ts')}'
    const db = connect(process.env.DATABASE_URL, { database_pool: 1, database_prepare: true })
    const [row] = await db\`select current_database() as name\`
    console.log(row.name)
    await db.end()`
  const args = ['--input-type=module', '--eval', program]
  const { stdout, stderr } = spawnSync(process.execPath, args, { env: childEnv(env), encoding: 'utf8' })
  expect({ stdout, stderr }).toEqual({ stdout: `${name}\n`, stderr: '' })
})
