/**
 * Opening the embedded PostgreSQL: what is there afterwards, how it is set, and that stopping leaves nothing.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Embedded, openEmbedded } from '../../src/db/embedded.ts'
import { isRoot, newFolder, postgresIn, postmasterOf, startAgent } from './support.ts'

const lines: string[] = []
const log = (line: string): void => void lines.push(line)

describe('one that is open', () => {
  const dataDir = join(newFolder(0o755), 'data')
  let embedded: Embedded
  let db: postgres.Sql

  beforeAll(async () => {
    embedded = await openEmbedded({ dataDir, log })
    db = postgres({ ...embedded.address(), max: 2, onnotice: () => {} })
  })
  afterAll(async () => {
    await db.end()
    await embedded.stop()
  })

  test('is new, is ours, and lies where it says', () => {
    expect(embedded).toMatchObject({ firstStart: true, folder: join(dataDir, 'postgres') })
    expect(embedded.owner()).toBe(true)
    expect(embedded.address()).toEqual({
      path: join(dataDir, 'postgres', '.s.PGSQL.5432'),
      user: 'keywright',
      database: 'keywright',
    })
    expect(lines).toEqual([])
  })

  test('the data folder may be passed through and not be read, that of PostgreSQL is closed', () => {
    expect(statSync(dataDir).mode & 0o777).toBe(0o711)
    const { mode, uid } = statSync(embedded.folder)
    expect(mode & 0o777).toBe(0o700)
    expect(uid).toBe(isRoot ? 65_534 : process.getuid?.())
    expect(statSync(join(embedded.folder, '.s.PGSQL.5432')).mode & 0o777).toBe(0o700)
  })

  test('the role of the application is no superuser and owns its database', async () => {
    const [row] = await db`
      select current_user::text as name, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
        (select datdba = r.oid from pg_database where datname = current_database()) as owns
      from pg_roles r where rolname = current_user`
    expect(row).toEqual({
      name: 'keywright',
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
      rolbypassrls: false,
      owns: true,
    })
    await db`create table things (name text primary key)`
    await db`create extension citext`
    await db`create schema apart`
    await expect(db`copy things to program 'cat'`).rejects.toMatchObject({ code: '42501' })
    await expect(db`select pg_read_file('PG_VERSION')`).rejects.toMatchObject({ code: '42501' })
  })

  test('nothing that was committed can be lost, and memory is modest', async () => {
    const names = [
      'fsync',
      'synchronous_commit',
      'full_page_writes',
      'shared_buffers',
      'max_connections',
      'io_method',
      'TimeZone',
      'listen_addresses',
      'data_checksums',
      'server_encoding',
      'log_min_messages',
      'log_min_error_statement',
      'log_error_verbosity',
    ]
    const rows = await db<{ name: string; value: string }[]>`
      select name, current_setting(name) as value from pg_settings where name in ${db(names)}`
    expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      shared_buffers: '32MB',
      max_connections: '200',
      io_method: 'sync',
      TimeZone: 'UTC',
      listen_addresses: '',
      data_checksums: 'on',
      server_encoding: 'UTF8',
      // What a broken statement says may be secret: neither it nor its values are written anywhere.
      log_min_messages: 'log',
      log_min_error_statement: 'panic',
      log_error_verbosity: 'terse',
    })
  })

  test('letters of all languages have their cases, and the order is that of bytes', async () => {
    const [row] = await db`select lower('ÄÖŠΩЖ') as lower, 'Z' < 'a' as bytewise, 'é' > 'z' as after`
    expect(row).toEqual({ lower: 'äöšωж', bytewise: true, after: true })
  })

  test('it listens on no TCP port', () => {
    const inodes = postgresIn(dataDir).flatMap((pid) => socketsOf(pid))
    expect(inodes.length).toBeGreaterThan(0)
    const listening = ['tcp', 'tcp6'].flatMap((name) => {
      const table = existsSync(`/proc/net/${name}`) ? readFileSync(`/proc/net/${name}`, 'utf8') : ''
      return table.split('\n').map((line) => line.trim().split(/\s+/)[9])
    })
    expect(listening.filter((inode) => inode !== undefined && inodes.includes(inode))).toEqual([])
  })

  test('a hundred calls at once are one look, and change nothing', async () => {
    const server = postmasterOf(dataDir)
    const before = await sessions()
    await Promise.all(Array.from({ length: 100 }, () => embedded.ensure()))
    await expect.poll(sessions, { timeout: 10_000 }).toBeGreaterThan(before)
    await sleep(300)
    expect(await sessions()).toBeLessThan(before + 5)
    expect(postmasterOf(dataDir)).toBe(server)
  })

  /** How many connections have come and gone. */
  const sessions = async (): Promise<number> => {
    const [row] = await db<{ count: number }[]>`
      select sessions::int as count from pg_stat_database where datname = current_database()`
    return row?.count ?? 0
  }
})

describe('from start to start', () => {
  test('what was committed is there again; stopping leaves no process; ensure after it is refused', async () => {
    const dataDir = join(newFolder(0o755), 'data')
    const first = await openEmbedded({ dataDir, log })
    const db = postgres({ ...first.address(), max: 1 })
    await db`create table things as select 7 as number`
    await db.end()
    expect(postgresIn(dataDir).length).toBeGreaterThan(3)
    await first.stop()
    expect(postgresIn(dataDir)).toEqual([])
    expect(first.owner()).toBe(false)
    await expect(first.ensure()).rejects.toThrow('The embedded PostgreSQL was stopped.')
    expect(postgresIn(dataDir)).toEqual([])

    const second = await openEmbedded({ dataDir, log })
    expect(second.firstStart).toBe(false)
    const again = postgres({ ...second.address(), max: 1 })
    expect(await again`select number from things`).toEqual([{ number: 7 }])
    await again.end()
    await second.stop()
    expect(lines).toEqual([])
  })

  test('remains of killed starts go, those of a start that is under way stay', async () => {
    const dataDir = newFolder(0o755)
    const dead = 4_194_305
    for (const name of [
      '.new-x1y2',
      `.new-${dead}-abc`,
      `.probe-${dead}-abc`,
      `.new-${process.ppid}-now`,
      '.newer',
      'new-1',
    ]) {
      mkdirSync(join(dataDir, name))
      writeFileSync(join(dataDir, name, 'PG_VERSION'), '18')
    }
    const embedded = await openEmbedded({ dataDir, log })
    await embedded.stop()
    expect(readdirSync(dataDir).toSorted()).toEqual([`.new-${process.ppid}-now`, '.newer', 'new-1', 'postgres'])
  })

  test('a process that opened and stopped it ends by itself; PostgreSQL gets none of its secrets', async () => {
    const dataDir = join(newFolder(0o755), 'data')
    const secret = 'not-for-the-database'
    const agent = startAgent({
      dataDir,
      env: { KEYWRIGHT_ROOT_SECRET: secret, PGDATABASE: 'elsewhere', PGOPTIONS: '-c port=1' },
    })
    await agent.opened()
    const environment = readFileSync(`/proc/${postmasterOf(dataDir)}/environ`, 'utf8')
    expect(environment).toContain('LC_ALL=C')
    expect(environment).not.toContain(secret)
    await agent.stop()
    expect(postgresIn(dataDir)).toEqual([])
  })

  test('a process that ends without stopping it takes it along, in order', async () => {
    const dataDir = join(newFolder(0o755), 'data')
    const agent = startAgent({ dataDir })
    await agent.opened()
    await agent.sql('create table things as select 1 as number')
    agent.process.kill('SIGTERM')
    await expect.poll(() => postgresIn(dataDir), { timeout: 10_000 }).toEqual([])
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
  })
})

const socketsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))
    return match?.[1] === undefined ? [] : [match[1]]
  })
