/**
 * Owns reaching the embedded PostgreSQL: where it is, whether it answers, its application role and database.
 * Never starts or stops it. Start reading at `ask`.
 */
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { StartError } from '../config/start-error.ts'
import { codeOf } from './embedded-process.ts'

/** Who connects: a role and its database. */
export type Role = { user: string; database: string }

/** What the driver needs: the path of the Unix socket or, on Windows, a loopback port and a password. */
export type EmbeddedAddress =
  | { path: string; user: string; database: string }
  | { host: string; port: number; user: string; password: string; database: string }

/** The application's role, which is no superuser, and its database of the same name. */
export const application: Role = { user: 'keywright', database: 'keywright' }
/** The role of initdb: only this module uses it. */
export const bootstrap: Role = { user: 'postgres', database: 'postgres' }

/** PostgreSQL names its socket by a port, on which nothing listens. */
export const socketPort = 5432
export const socketName = `.s.PGSQL.${socketPort}`

/** How the socket is reached, and how to give back what that took. */
export type SocketPath = { path: string; release: () => void }

/** The addresses of a running or future server on a folder. */
export type Access = { address: (role: Role) => EmbeddedAddress; release: () => void }

/** Access through the Unix socket in the folder, which is 0700: whoever can enter it needs no password. */
export const socketAccess = (folder: string): Access => {
  const { path, release } = reachSocket(folder)
  return { address: (role) => ({ path, ...role }), release }
}

/**
 * A path of the socket that fits into a socket address (107 bytes on Linux, 103 on macOS), whatever the folder's is.
 * It holds for this process only: hand the folder to other processes, never the path.
 */
export const reachSocket = (folder: string): SocketPath => {
  const path = join(folder, socketName)
  const most = process.platform === 'linux' ? 107 : 103
  if (Buffer.byteLength(path) <= most) return { path, release: () => {} }
  if (process.platform === 'linux') {
    const handle = openSync(folder, 'r')
    return { path: `/proc/self/fd/${handle}/${socketName}`, release: () => closeSync(handle) }
  }
  return linkFolder(folder)
}

/** A short folder with a link to the long one: what systems without /proc have. */
export const linkFolder = (folder: string): SocketPath => {
  const short = mkdtempSync(join(tmpdir(), 'kw-'))
  const release = (): void => rmSync(short, { recursive: true, force: true })
  symlinkSync(folder, join(short, 'd'))
  process.once('exit', release)
  return {
    path: join(short, 'd', socketName),
    release: () => {
      process.off('exit', release)
      release()
    },
  }
}

/**
 * What is there: `ready` answers, `unprepared` lacks our role or database, `starting` says that it starts or stops,
 * `silent` is no server at all.
 */
export type Answer = 'ready' | 'unprepared' | 'starting' | 'silent'

/**
 * Asks with `select 1`, because the socket is there before the server is ready.
 * @throws StartError when a server is there and will not have us
 */
export const ask = async (address: EmbeddedAddress): Promise<Answer> => {
  const db = client(address)
  try {
    await db`select 1`
    return 'ready'
  } catch (error) {
    return answerOf(error)
  } finally {
    await db.end({ timeout: 0 })
  }
}

const client = (address: EmbeddedAddress): postgres.Sql =>
  postgres({ ...address, max: 1, connect_timeout: 5, fetch_types: false, prepare: false, onnotice: () => {} })

const answerOf = (error: unknown): Answer => {
  const code = codeOf(error) ?? ''
  // 28000: the role does not exist, 28P01: so PostgreSQL says where passwords are asked, 3D000: the database does not.
  if (['28000', '28P01', '3D000'].includes(code)) return 'unprepared'
  // 53300: so many are connected that it certainly runs.
  if (code === '53300') return 'ready'
  if (code.startsWith('57P')) return 'starting'
  if (/^(E[A-Z]+|CONNECT[A-Z_]+)$/.test(code) && code !== 'EACCES') return 'silent'
  throw new StartError(`The embedded PostgreSQL refuses this process: ${String(error)}.`)
}

/**
 * Creates what the application works with: its role, no superuser, and a database that role owns. May run several times
 * and in several processes at once. `as` is the address of the bootstrap role.
 * @throws StartError when the bootstrap role is not let in
 */
export const prepareDatabase = async (as: EmbeddedAddress, address: EmbeddedAddress): Promise<void> => {
  const db = client(as)
  try {
    await unlessThere(db.unsafe(`create role ${application.user} login`))
    // Ours are of letters, digits, - and _: nothing to escape.
    if ('password' in address) await db.unsafe(`alter role ${application.user} password '${address.password}'`)
    await unlessThere(db.unsafe(`create database ${application.database} owner ${application.user}`))
  } catch (error) {
    // One that dies or starts at this moment is asked again by the caller.
    if (answerOf(error) !== 'unprepared') return
    throw new StartError(
      'The embedded PostgreSQL does not know the password in the file postgres-password of the data folder: put that file back as it was.',
    )
  } finally {
    await db.end({ timeout: 0 })
  }
}

/** 42710 and 42P04: it is there. 23505: another process makes it at this moment. */
const unlessThere = async (statement: Promise<unknown>): Promise<void> => {
  try {
    await statement
  } catch (error) {
    if (!['42710', '42P04', '23505'].includes(codeOf(error) ?? '')) throw error
  }
}
