/**
 * Owns the databases of test files: each is a copy of the migrated template (about 60 ms), on the one PostgreSQL of the
 * run, and is dropped after its file. Start reading at `testDatabase`.
 */
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { afterAll, inject } from 'vitest'
import { connect, type Db, withoutLimit } from '../../src/db/connect.ts'
import type { EmbeddedAddress } from '../../src/db/embedded-address.ts'

/** A database of its own for one test file. */
export type TestDatabase = {
  name: string
  /** A pool in this process, for setting up and for looking at what happened. */
  sql: Db
  /** What another process needs to reach it: DATABASE_URL, and the socket's folder as PostgreSQL's programs name it. */
  env: Record<string, string>
}

const opened: TestDatabase[] = []
let shared: Promise<TestDatabase> | undefined

afterAll(async () => {
  for (const database of opened.splice(0)) await drop(database)
})

/** The database of this test file: the same one at every call. */
export function testDatabase(): Promise<TestDatabase> {
  shared ??= freshDatabase()
  return shared
}

/** Another new database, migrated like the first; an `empty` one has no table at all. */
export async function freshDatabase(content: 'migrated' | 'empty' = 'migrated'): Promise<TestDatabase> {
  const { address, template, owner } = inject('postgres')
  const name = `test_${randomBytes(6).toString('hex')}`
  const from = content === 'empty' ? 'template0' : template
  await maintain((db) => db`create database ${db(name)} owner ${db(owner)} template ${db(from)}`)
  const sql = connect({ ...address, database: name }, { database_pool: 5, database_prepare: true })
  const database = { name, sql, env: addressEnv(address, name) }
  opened.push(database)
  return database
}

async function drop({ name, sql }: TestDatabase): Promise<void> {
  await sql.end()
  await maintain((db) => db`drop database if exists ${db(name)} with (force)`)
}

async function maintain(work: (db: Db) => Promise<unknown>): Promise<void> {
  const db = connect(inject('postgres').maintenance, { database_pool: 1, database_prepare: false })
  // Making and dropping a database waits for the disk, which may take its time.
  await db`set statement_timeout = 0`
  await db`set lock_timeout = 0`
  await work(withoutLimit(db))
  await db.end()
}

/**
 * A socket's folder cannot stand in a URL that the driver understands, so it goes into PGHOST, as for PostgreSQL's own
 * programs: DATABASE_URL then names the database only.
 */
function addressEnv(address: EmbeddedAddress, name: string): Record<string, string> {
  if ('path' in address) {
    return { DATABASE_URL: `postgres:///${name}`, PGHOST: dirname(address.path), PGUSER: address.user }
  }
  const { host, port, user, password } = address
  return { DATABASE_URL: `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${name}` }
}
