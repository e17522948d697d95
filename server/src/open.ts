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

/** Opens the data folder and the database. Throws StartError in one sentence when either cannot be used. */
export const openDatabase = async (config: Config, log: (line: string) => void): Promise<Opened> => {
  // With a database and a secret of its own a server needs no folder.
  if (config.database_url === undefined || config.root_secret === undefined) prepareFolder(config.data_dir)
  const rootSecret = config.root_secret ?? readRootSecret(config.data_dir)
  if (config.database_url !== undefined) return await openGiven(config, config.database_url, rootSecret)
  const embedded = await openEmbedded({ dataDir: config.data_dir, log })
  const db = connect(embedded.address(), config)
  const close = async (): Promise<void> => {
    await db.end({ timeout: 2 })
    await embedded.stop()
  }
  const where = `embedded PostgreSQL in ${embedded.folder}`
  return { db, rootSecret, where, firstStart: embedded.firstStart, notices: [], close }
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

/** Reads the secret of this folder, making it the first time. Two processes that start together agree: link() has one winner. */
const readRootSecret = (folder: string): string => {
  const path = join(folder, 'root-secret')
  const read = (): string | undefined => {
    try {
      return readFileSync(path, 'utf8').trim()
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw new StartError(
        `The root secret ${path} cannot be read by this account. Start as the owner of the folder, or set KEYWRIGHT_ROOT_SECRET.`,
      )
    }
  }
  const known = read()
  if (known !== undefined) return checked(known, path)
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
  return checked(read() ?? '', path)
}

const checked = (secret: string, path: string): string => {
  if (secret.length >= 32) return secret
  throw new StartError(
    `The root secret in ${path} is too short to be whole. Restore it from a backup; without it the keys in the database cannot be opened.`,
  )
}

const openGiven = async (config: Config, url: string, rootSecret: string): Promise<Opened> => {
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
    rootSecret,
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
