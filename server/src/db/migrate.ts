/**
 * Owns the schema's versions: numbered SQL files, applied once each, forward only, under an advisory lock so that nodes
 * that start together wait for each other.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../config/start-error.ts'
import { type Db, withoutLimit } from './connect.ts'

export type Migration = { number: number; name: string; sql: string; checksum: string }

const folder = new URL('./migrations/', import.meta.url)
const lockKey = 0x6b77

/** The migrations of this release, in order. */
export const migrations = (): Migration[] =>
  readdirSync(folder)
    .filter((file) => /^\d{4}-[a-z0-9-]+\.sql$/.test(file))
    .toSorted()
    .map((file) => {
      const sql = readFileSync(new URL(file, folder), 'utf8')
      return { number: Number(file.slice(0, 4)), name: file.slice(5, -4), sql, checksum: hash('sha256', sql) }
    })

/**
 * Applies what is missing, each in a transaction of its own, and returns the names of what was applied. Throws StartError
 * when the database was made by a newer release, when an applied migration is not the one of this release, or when
 * somebody else holds a table for minutes.
 */
export const migrate = async (db: Db): Promise<string[]> => {
  const done: string[] = []
  for (;;) {
    const applied = await patiently(async () => await applyNext(withoutLimit(db)))
    if (applied === undefined) return done
    done.push(applied)
  }
}

const applyNext = async (db: Db): Promise<string | undefined> =>
  await db.begin(async (tx) => {
    await tx`set local statement_timeout = 0`
    await tx`set local lock_timeout = 0`
    await tx`select pg_advisory_xact_lock(${lockKey})`
    // Whoever waits for a table makes everybody behind wait too, on every node: only for a moment, then again.
    await tx`set local lock_timeout = '1s'`
    await tx`create table if not exists migrations (
      number integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`
    const rows = await tx<
      { number: number; checksum: string }[]
    >`select number, checksum from migrations order by number`
    const [next] = pending(migrations(), new Map(rows.map((row) => [row.number, row.checksum])))
    if (next === undefined) return undefined
    await tx.unsafe(next.sql).simple()
    await tx`insert into migrations (number, name, checksum) values (${next.number}, ${next.name}, ${next.checksum})`
    return next.name
  })

const attempts = 60

/** Tries again while somebody else holds a table that is to be changed: a long report, or a backup. */
const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === '55P03')) throw error
      if (attempt >= attempts) {
        throw new StartError(
          'The tables cannot be brought up to date: somebody else has held one of them for minutes, a backup perhaps. Nothing was changed; start again when that is over (pg_stat_activity names it).',
          { cause: error },
        )
      }
      await sleep(2000)
    }
  }
}

/** Decides what is to be applied, given the checksums of what was. */
export const pending = (known: Migration[], applied: ReadonlyMap<number, string>): Migration[] => {
  const newest = Math.max(0, ...known.map((migration) => migration.number))
  const beyond = [...applied.keys()].find((number) => number > newest)
  if (beyond !== undefined) {
    throw new StartError(
      `The database was made by a newer release (it has migration ${beyond}, this release ends at ${newest}). Start that release, or restore a backup.`,
    )
  }
  for (const migration of known) {
    const checksum = applied.get(migration.number)
    if (checksum !== undefined && checksum !== migration.checksum) {
      throw new StartError(
        `Migration ${migration.number} (${migration.name}) was applied in another form than this release has. Start the release that made this database.`,
      )
    }
  }
  return known.filter((migration) => !applied.has(migration.number))
}
