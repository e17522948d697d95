/**
 * Owns the opening of what a process stands on: the data folder with its root secret, and the database, embedded or
 * given. Used by the server and by every command. Start reading at `openDatabase`.
 */
import { randomBytes } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config/schema.ts'
import { StartError } from './config/start-error.ts'
import { connect, type Db } from './db/connect.ts'
import { openEmbedded } from './db/embedded.ts'
import { holdsSealedKeys } from './keys/root-secret.ts'

export type Opened = {
  db: Db
  rootSecret: string
  /** For the boot line: which PostgreSQL this is, without password. */
  where: string
  firstStart: boolean
  /** For the boot lines: what the operator should know about this database. */
  notices: string[]
  /** Closes the pool, and the embedded server if this process owns it. */
  close: () => Promise<void>
}

type Base = Omit<Opened, 'rootSecret'>

/** Opens the data folder and the database. Throws StartError in one sentence when either cannot be used. */
export const openDatabase = async (config: Config, log: (line: string) => void): Promise<Opened> => {
  // With a database and a secret of its own a server needs no folder.
  if (config.database_url === undefined || config.root_secret === undefined) prepareFolder(config.data_dir)
  const known = config.root_secret ?? readRootSecret(config.data_dir)
  const base =
    config.database_url === undefined ? await openInside(config, log) : await openGiven(config, config.database_url)
  try {
    return { ...base, rootSecret: known ?? (await firstRootSecret(config.data_dir, base)) }
  } catch (error) {
    await base.close()
    throw error
  }
}

const openInside = async (config: Config, log: (line: string) => void): Promise<Base> => {
  const embedded = await openEmbedded({ dataDir: config.data_dir, log })
  const db = connect(embedded.address(), config)
  const close = async (): Promise<void> => {
    await db.end({ timeout: 2 })
    await embedded.stop()
  }
  const where = `embedded PostgreSQL in ${embedded.folder}`
  return { db, where, firstStart: embedded.firstStart, notices: [], close }
}

const prepareFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o711 })
    accessSync(folder, constants.W_OK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
    throw new StartError(`The data folder ${folder} cannot be used (${code}). Choose another with KEYWRIGHT_DATA_DIR=…`)
  }
}

const rootSecretFile = (folder: string): string => join(folder, 'root-secret')

/** Reads the secret of this folder; undefined when there is none yet. */
const readRootSecret = (folder: string): string | undefined => {
  const path = rootSecretFile(folder)
  try {
    return checked(readFileSync(path, 'utf8').trim(), path)
  } catch (error) {
    if (error instanceof StartError) throw error
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new StartError(
      `The root secret ${path} cannot be read by this account. Start as the owner of the folder, or set KEYWRIGHT_ROOT_SECRET.`,
    )
  }
}

/** The secret of a folder that had none: a new one, unless the database shows that there must have been one. */
const firstRootSecret = async (folder: string, { db, firstStart }: Base): Promise<string> => {
  if (firstStart || !(await holdsSealedKeys(db))) return makeRootSecret(folder)
  // Another process may have made it, and the keys, since we looked.
  const made = readRootSecret(folder)
  if (made !== undefined) return made
  throw new StartError(
    `The root secret ${rootSecretFile(folder)} is missing, and this database holds keys that are sealed under it. Put it back from a backup, or set KEYWRIGHT_ROOT_SECRET; docs/database.md says what to do when it is lost.`,
  )
}

/** Makes the secret of this folder. Two processes that start together agree: link() has one winner. */
const makeRootSecret = (folder: string): string => {
  const path = rootSecretFile(folder)
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  const file = openSync(own, 'wx', 0o600)
  writeSync(file, `${randomBytes(32).toString('base64url')}\n`)
  closeSync(file)
  try {
    linkSync(own, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    unlinkSync(own)
  }
  return readRootSecret(folder) ?? checked('', path)
}

const checked = (secret: string, path: string): string => {
  if (secret.length >= 32) return secret
  throw new StartError(
    `The root secret in ${path} is too short to be whole. Restore it from a backup; without it the keys in the database cannot be opened.`,
  )
}

const openGiven = async (config: Config, url: string): Promise<Base> => {
  const db = connect(url, config)
  // Several hosts may stand in it, which is no URL to Node.
  const [, host = '', pathname = ''] = /^[a-z]+:\/\/(?:[^@/]*@)?([^/?]*)(\/[^?]*)?/.exec(url) ?? []
  const place = host || 'the socket'
  const facts = await inspect(db).catch(async (error: unknown) => {
    await db.end({ timeout: 0 })
    throw new StartError(`PostgreSQL at ${place} cannot be used: ${whyNot(error)}`)
  })
  return {
    db,
    where: `PostgreSQL at ${host}${pathname}`,
    firstStart: false,
    notices: facts.endsStatements ? [] : [noLimits],
    close: async () => await db.end({ timeout: 2 }),
  }
}

/** A connection says its limits when it begins, but for one behind PgBouncer. */
const noLimits =
  'PostgreSQL ends no statement by itself here: give its role the limits that docs/database.md has for PgBouncer.'

const inspect = async (db: Db): Promise<{ endsStatements: boolean }> => {
  const [row] = await db<{ version: number; statement_timeout: string }[]>`
    select current_setting('server_version_num')::int as version, current_setting('statement_timeout') as statement_timeout`
  if (row === undefined || row.version < 150_000) throw new Error('it is older than PostgreSQL 15')
  return { endsStatements: row.statement_timeout !== '0' }
}

const whyNot = (error: unknown): string => {
  const message = error instanceof Error ? error.message : 'no answer'
  return message.startsWith('unsupported startup parameter')
    ? `${message}. Behind PgBouncer in transaction mode set KEYWRIGHT_DATABASE_PREPARE=off.`
    : `${message}. Check DATABASE_URL.`
}
