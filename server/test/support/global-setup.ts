/**
 * Owns the one PostgreSQL of a test run: an embedded one in a temporary folder, with a migrated template database that
 * every test file copies. Started before the first test, gone after the last. Start reading at `setup`.
 */
import { globSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { connect } from '../../src/db/connect.ts'
import { openEmbedded } from '../../src/db/embedded.ts'
import { application, bootstrap, type EmbeddedAddress, type Role, socketAccess } from '../../src/db/embedded-address.ts'
import { loopbackAccess } from '../../src/db/embedded-windows.ts'
import { migrate } from '../../src/db/migrate.ts'

/** What every test file needs to make its own database; handed from here to the workers by vitest. */
export type TestPostgres = { address: EmbeddedAddress; maintenance: EmbeddedAddress; template: string; owner: string }

/** Folders of runs: the number is the process that made it, so that a later run can tell a dead one's. */
const prefix = join(tmpdir(), 'kw-run-')

declare module 'vitest' {
  // Merging is the only way vitest offers to type what is provided.
  // oxlint-disable-next-line typescript/consistent-type-definitions
  interface ProvidedContext {
    postgres: TestPostgres
    /** The folder in which everything of this run lies. */
    scratch: string
  }
}

const settings = { database_pool: 1, database_prepare: false }

/** Called by vitest once before all test files; what it returns is called once after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers()
  // A short name: the address of a socket has about 100 bytes, and all processes of the run use this one.
  const scratch = await mkdtemp(`${prefix}${process.pid}-`)
  // PostgreSQL's own user must be able to pass through, as through any data folder.
  await chmod(scratch, 0o711)
  const dataDir = join(scratch, 'pg')
  const embedded = await openEmbedded({ dataDir, log: (line) => console.log(line) })
  const cleanUp = async (): Promise<void> => {
    await embedded.stop()
    await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  const access = process.platform === 'win32' ? loopbackAccess(dataDir) : socketAccess(embedded.folder)
  const addressOf = (role: Role): EmbeddedAddress => access.address(role)
  const postgres = {
    address: addressOf(application),
    maintenance: addressOf(bootstrap),
    template: 'keywright_template',
    owner: application.user,
  }
  await makeTemplate(postgres).catch(async (error: unknown) => {
    await cleanUp()
    throw error
  })
  project.provide('postgres', postgres)
  project.provide('scratch', scratch)
  return async () => {
    access.release()
    await cleanUp()
  }
}

/** An interrupted run cannot clean up behind itself; its processes are gone with it, its folder goes now. */
async function removeLeftovers(): Promise<void> {
  for (const folder of globSync(`${prefix}*`)) {
    const pid = Number(folder.slice(prefix.length).split('-')[0])
    if (!isAlive(pid)) await rm(folder, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A template may have no connection while it is copied: the pool is closed before anybody hears of it. */
async function makeTemplate({ address, maintenance, template, owner }: TestPostgres): Promise<void> {
  const administrator = connect(maintenance, settings)
  await administrator`create database ${administrator(template)} owner ${administrator(owner)}`
  await administrator.end()
  const db = connect({ ...address, database: template }, settings)
  await migrate(db)
  await db.end()
}
