/**
 * Starts that must fail: one sentence on standard error that says what to do, exit code 1, nothing on standard output,
 * no process left, nothing lost (issue A, "Bad input"; security rule G-1 has no part in a start).
 */
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { processesOf } from '../../../scripts/processes.ts'
import { temporaryFolder } from '../support/child.ts'
import { freshDatabase, type TestDatabase, testDatabase } from '../support/database.ts'
import { openGate } from '../support/gate.ts'
import { freePort } from '../support/port.ts'
import { cli, type Server, type ServerOptions, spawnServer, startServer } from '../support/server.ts'

/** Starts a server that is to fail and returns its sentences, one for each line. */
const refusalOf = async (options: ServerOptions): Promise<string[]> => {
  const server = await spawnServer(options)
  expect(await server.exit).toEqual({ code: 1, signal: null })
  expect(server.stdout()).toBe('')
  expect(server.stderr()).toMatch(/^keywright: .*\n$/s)
  // No stack, no path of ours, nothing of the environment.
  expect(server.stderr()).not.toMatch(/\n\s+at |node:internal|file:\/\//)
  expect(processesOf(server.dataDir)).toEqual([])
  return server.stderr().slice('keywright: '.length).trimEnd().split('\n')
}

describe('the port is in use', () => {
  it.each(['the database that was given', 'the PostgreSQL inside'])('one sentence, with %s', async (which) => {
    const blocker = createServer().listen(0, 'localhost')
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    const database = which === 'the PostgreSQL inside' ? 'embedded' : await testDatabase()
    expect(await refusalOf({ port, database })).toEqual([
      `Port ${port} is in use. Stop what listens there, or choose another with PORT=…`,
    ])
    blocker.close()
  })

  it('an empty database is none the worse for it: the next start is a first start like any other', async () => {
    const blocker = createServer().listen(0, 'localhost')
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    const database = await freshDatabase('empty')
    await refusalOf({ port, database })
    blocker.close()
    const server = await startServer({ database })
    expect(await server.stop()).toEqual({ code: 0, signal: null })
  })
})

describe('settings', () => {
  it('all problems at once, one on each line, and no value of a secret', async () => {
    const lines = await refusalOf({
      env: {
        PORT: 'eighty',
        KEYWRIGHT_ISSUER: 'http://localhost:1/?tenant=a',
        KEYWRIGHT_PROFIL: 'production',
        KEYWRIGHT_TRUSTED_PROXIES: '0.0.0.0/0',
        KEYWRIGHT_ROOT_SECRET: 'short-and-secret',
      },
    })
    expect(lines).toHaveLength(5)
    for (const name of [
      'PORT',
      'KEYWRIGHT_ISSUER',
      'KEYWRIGHT_PROFIL',
      'KEYWRIGHT_TRUSTED_PROXIES',
      'KEYWRIGHT_ROOT_SECRET',
    ])
      expect(lines.filter((line) => line.startsWith(`${name}:`))).toHaveLength(1)
    expect(lines.join('\n')).not.toContain('short-and-secret')
    expect(lines.find((line) => line.startsWith('KEYWRIGHT_PROFIL:'))).toContain('did you mean KEYWRIGHT_PROFILE?')
  })

  it('a file of places that is none: one sentence that names it', async () => {
    const file = join(await temporaryFolder(), 'places.mmdb')
    writeFileSync(file, 'an unfinished download')
    expect(await refusalOf({ database: await freshDatabase(), env: { KEYWRIGHT_GEOIP_FILE: file } })).toEqual([
      `The file of places ${file} cannot be used: it is no database in MaxMind DB format, or not a whole one. Give a City or Country database in MaxMind DB format with KEYWRIGHT_GEOIP_FILE=…, or none.`,
    ])
  })

  it('a sqlite: address: one sentence that says what to do instead', async () => {
    expect(await refusalOf({ env: { DATABASE_URL: 'sqlite:///./auth.db' } })).toEqual([
      'DATABASE_URL: this is a sqlite: address, but Keywright runs on PostgreSQL only: remove it to use the PostgreSQL inside, or give a postgres:// address.',
    ])
  })

  it('production without a secret and without TLS', async () => {
    const lines = await refusalOf({
      issuer: 'http://login.example.com',
      env: { KEYWRIGHT_PROFILE: 'production', KEYWRIGHT_ROOT_SECRET: undefined, KEYWRIGHT_LIMITS: undefined },
    })
    expect(lines).toHaveLength(2)
    expect(lines.join('\n')).toMatch(
      /KEYWRIGHT_ISSUER: production needs an https address[^]*KEYWRIGHT_ROOT_SECRET: production needs one/,
    )
  })
})

describe('the database', () => {
  it.each([
    ['nobody listens', async () => `postgres://kw:secret-of-the-database@127.0.0.1:${await freePort()}/kw`],
    [
      'the name of the host is unknown',
      () => Promise.resolve('postgres://kw:secret-of-the-database@no.such.host.invalid/kw'),
    ],
    [
      'the database does not exist',
      async () => (await openGate(inject('postgres').address, 'no_such_database')).env['DATABASE_URL'] ?? '',
    ],
  ])('%s: one sentence, without the password', async (_, address) => {
    const url = await address()
    const [line = '', ...more] = await refusalOf({ env: { DATABASE_URL: url, PGHOST: undefined, PGUSER: undefined } })
    expect(more).toEqual([])
    expect(line).toMatch(/^PostgreSQL at .* cannot be used: .*\. Check DATABASE_URL\.$/)
    expect(line).not.toContain('secret-of-the-database')
  })

  it('made by a newer release: one sentence, and it stays as it is', async () => {
    const database = await freshDatabase()
    await database.sql`insert into migrations (number, name, checksum) values (9999, 'from-the-future', 'x')`
    const [line = '', ...more] = await refusalOf({ database })
    expect(more).toEqual([])
    expect(line).toMatch(
      /^The database was made by a newer release \(it has migration 9999, this release ends at \d+\)\. /,
    )
    expect(await database.sql`select 1 from signing_keys`).toEqual([])
  })

  it('an applied migration was changed: one sentence', async () => {
    const database = await freshDatabase()
    await database.sql`update migrations set checksum = 'another'`
    expect((await refusalOf({ database }))[0]).toMatch(
      /^Migration 1 .* was applied in another form than this release has\./,
    )
  })

  it('its secrets were sealed under another root secret: one sentence, nothing is overwritten', async () => {
    const database = await freshDatabase()
    const server = await startServer({ database })
    await server.stop()
    const before = await database.sql`select kid, private_sealed from signing_keys order by kid`
    const lines = await refusalOf({
      database,
      env: { KEYWRIGHT_ROOT_SECRET: 'quite another secret of thirty-two characters' },
    })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/root secret/i)
    expect(await database.sql`select kid, private_sealed from signing_keys order by kid`).toEqual(before)
  })
})

describe('the root secret is lost, and keys are sealed under it', () => {
  const missing = (dataDir: string): string =>
    `The root secret ${join(dataDir, 'root-secret')} is missing, and this database holds keys that are sealed under it. Put it back from a backup, or set KEYWRIGHT_ROOT_SECRET; docs/database.md says what to do when it is lost.`
  const env = { KEYWRIGHT_ROOT_SECRET: undefined }

  it('in the data folder: one sentence, no new secret; with the old one back it starts as before', async () => {
    const dataDir = join(await temporaryFolder(), 'data')
    const server = await startServer({ database: 'embedded', dataDir, env })
    const keys = await publicKeys(server)
    const { port, issuer } = server
    await server.stop()
    const file = join(dataDir, 'root-secret')
    const secret = readFileSync(file)
    rmSync(file)
    const before = readdirSync(dataDir)
    expect(await refusalOf({ database: 'embedded', dataDir, env })).toEqual([missing(dataDir)])
    // A command makes none either.
    const command = await cli(['keys', 'rotate'], { env: { KEYWRIGHT_DATA_DIR: dataDir } })
    expect([command.code, command.stderr]).toEqual([1, `keywright: ${missing(dataDir)}\n`])
    expect(readdirSync(dataDir)).toEqual(before)
    writeFileSync(file, secret, { mode: 0o600 })
    const again = await startServer({ database: 'embedded', dataDir, env, port, issuer })
    expect(await publicKeys(again)).toEqual(keys)
  })

  it.each([
    ['a new data folder', undefined],
    ['another secret', 'quite another secret of thirty-two characters'],
  ])('beside a database that was given: %s; nothing is written', async (_, KEYWRIGHT_ROOT_SECRET) => {
    const database = await freshDatabase()
    await (await startServer({ database })).stop()
    // Due for everything a start does: a key to be replaced, a role to be made.
    await database.sql`update signing_keys set activated_at = activated_at - interval '1 year'`
    await database.sql`delete from roles`
    const before = await contentOf(database)
    const dataDir = join(await temporaryFolder(), 'data')
    const lines = await refusalOf({ database, dataDir, env: { KEYWRIGHT_ROOT_SECRET } })
    expect(lines).toEqual([
      KEYWRIGHT_ROOT_SECRET === undefined
        ? missing(dataDir)
        : 'The keys of this database are sealed under another root secret. Start with the KEYWRIGHT_ROOT_SECRET that they were made with; docs/database.md says what to do when it is lost.',
    ])
    expect(await contentOf(database)).toEqual(before)
    expect(existsSync(join(dataDir, 'root-secret'))).toBe(false)
  })

  it('for good: without the keys the next start makes a secret and keys', async () => {
    const database = await freshDatabase()
    await (await startServer({ database })).stop()
    await database.sql`delete from signing_keys`
    const server = await startServer({ database, env })
    expect((await publicKeys(server)).length).toBeGreaterThan(0)
    expect(existsSync(join(server.dataDir, 'root-secret'))).toBe(true)
  })
})

const publicKeys = async (server: Server): Promise<unknown[]> =>
  (await server.client().get('/.well-known/jwks.json')).json<{ keys: unknown[] }>().keys

/** How many rows each table has and which keys there are. */
const contentOf = async ({ sql }: TestDatabase): Promise<unknown> => {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`
  const counts = tables.map(async ({ name }) => [name, (await sql`select from ${sql(name)}`).count])
  return [await Promise.all(counts), await sql`select kid, status, private_sealed from signing_keys order by kid`]
}

describe('the data folder', () => {
  it('a file stands in its place: one sentence', async () => {
    const dataDir = join(await temporaryFolder(), 'data')
    writeFileSync(dataDir, 'not a folder')
    const lines = await refusalOf({ database: 'embedded', dataDir })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(dataDir)
  })

  it('its root secret is cut off: one sentence, and the file stays as it is', async () => {
    const dataDir = await temporaryFolder()
    writeFileSync(join(dataDir, 'root-secret'), 'half of it\n', { mode: 0o600 })
    const lines = await refusalOf({ dataDir, env: { KEYWRIGHT_ROOT_SECRET: undefined } })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^The root secret in .* is too short to be whole\. Restore it from a backup/)
  })
})
