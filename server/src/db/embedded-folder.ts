/**
 * Owns the data folder of the embedded PostgreSQL: its modes, its making, whose it is.
 * Never starts a server. Start reading at `openDataDir`, then `createCluster`.
 */
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../config/start-error.ts'
import type { Binaries } from './embedded-binaries.ts'
import { codeOf, isAlive, plainEnv, run } from './embedded-process.ts'
import { loaderPath, type RunAs } from './embedded-run-as.ts'

/** Where PostgreSQL's own folder lies in the data folder. */
export const clusterFolder = (dataDir: string): string => join(dataDir, 'postgres')

/**
 * Makes the data folder when there is none. Mode 0711: PostgreSQL's user must pass through it, and read nothing in it.
 * @throws StartError when it cannot be made or used
 */
export const openDataDir = (dataDir: string): void => {
  try {
    const made = mkdirSync(dataDir, { recursive: true, mode: 0o711 })
    if (made !== undefined && process.platform !== 'win32') chmodSync(dataDir, 0o711)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new StartError(
      `The data folder ${dataDir} cannot be used (${codeOf(error) ?? String(error)}): make it a folder this user may write to, or choose another one with KEYWRIGHT_DATA_DIR.`,
    )
  }
}

const tenMinutes = 600_000

/**
 * Removes what killed starts left. What belongs to a living process stays, because it may be making a cluster right now;
 * not for ever, because its number may be somebody else's by now. Whatever cannot be removed is left to the next start.
 */
export const removeLeftovers = async (dataDir: string): Promise<void> => {
  const leftovers = readdirSync(dataDir).filter((name) => isLeftover(dataDir, name))
  // An initdb that has just lost its process cleans up too, for a moment, and gets in our way.
  const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }
  await Promise.allSettled(leftovers.map(async (name) => await rm(join(dataDir, name), options)))
}

const isLeftover = (dataDir: string, name: string): boolean => {
  const maker = /^\.(?:new|probe)-(\d*)/.exec(name)?.[1]
  if (maker === undefined) return false
  const since = statSync(join(dataDir, name), { throwIfNoEntry: false })?.mtimeMs ?? 0
  return maker === '' || !isAlive(Number(maker)) || Date.now() - since > tenMinutes
}

/**
 * Tells whether there is a cluster that this process can work with.
 * @throws StartError when there is one, but of another version or of another person, or when the folder holds other things
 */
export const hasCluster = (dataDir: string, { major }: Binaries): boolean => {
  const folder = clusterFolder(dataDir)
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found === undefined) return false
  const own = process.getuid?.()
  if (own !== undefined && own !== 0 && found.uid !== own) {
    throw new StartError(
      `${folder} belongs to user ${found.uid} and this process runs as user ${own}: start as that user, give the folder to this one, or choose another one with KEYWRIGHT_DATA_DIR.`,
    )
  }
  const version = readVersion(folder)
  if (version === undefined) return false
  if (version !== String(major)) {
    throw new StartError(
      `${folder} was made by PostgreSQL ${version} and this release brings PostgreSQL ${major}: start the release that made it and export your data, or choose an empty folder with KEYWRIGHT_DATA_DIR.`,
    )
  }
  return true
}

const readVersion = (folder: string): string | undefined => {
  try {
    return readFileSync(join(folder, 'PG_VERSION'), 'utf8').trim()
  } catch {
    if (readdirSync(folder).length === 0) return undefined
    throw new StartError(
      `${folder} is not a data folder of PostgreSQL and is not empty: move it away, or choose another one with KEYWRIGHT_DATA_DIR.`,
    )
  }
}

type NewCluster = { dataDir: string; binaries: Binaries; runAs: RunAs; authentication: string[] }

/**
 * Makes a cluster aside and moves it into place, so that a kill -9 leaves no half of one and of several processes that
 * start together one wins. initdb writes everything to disk before it ends.
 * @returns whether this process made it; false when another one was first
 * @throws StartError when initdb fails (disk full, say)
 */
export const createCluster = async ({ dataDir, binaries, runAs, authentication }: NewCluster): Promise<boolean> => {
  const aside = mkdtempSync(join(dataDir, `.new-${process.pid}-`))
  try {
    if (runAs.owner !== undefined) chownSync(aside, runAs.owner.uid, runAs.owner.gid)
    const command = [...runAs.prefix, binaries.initdb, '-D', aside, ...initdbOptions, ...authentication]
    const env = plainEnv(loaderPath(binaries))
    const { code, output } = await run(command, { cwd: aside, env, ...runAs.identity })
    if (code !== 0) throw new StartError(`PostgreSQL could not make its folder in ${dataDir}: ${lastError(output)}.`)
    return await moveIntoPlace(aside, dataDir)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

// The built-in C.UTF-8 sorts by bytes and knows upper and lower case of all letters, on every system alike.
const initdbOptions = [
  '--username=postgres',
  '--encoding=UTF8',
  '--no-instructions',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
]

const moveIntoPlace = async (aside: string, dataDir: string): Promise<boolean> => {
  // A virus scanner of Windows looks into new files, and for as long they cannot be moved.
  for (let tries = process.platform === 'win32' ? 50 : 1; ; tries -= 1) {
    try {
      renameSync(aside, clusterFolder(dataDir))
      break
    } catch (error) {
      if (existsSync(join(clusterFolder(dataDir), 'PG_VERSION'))) return false
      if (tries === 1) {
        throw new StartError(
          `PostgreSQL's new folder cannot be moved to ${clusterFolder(dataDir)} (${codeOf(error)}): mount a volume at ${dataDir}, not below it.`,
        )
      }
      await sleep(100)
    }
  }
  if (process.platform !== 'win32') syncFolder(dataDir)
  return true
}

/** Without this the new name may be lost in a power cut, and with it everything that was committed since. */
const syncFolder = (folder: string): void => {
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

/**
 * Gives a cluster to whom PostgreSQL runs as now: the folder was moved, or what may be passed through has changed. Only
 * while no server runs. The folder itself goes last, so that an interrupted change is done again.
 */
export const giveCluster = async (folder: string, { owner }: RunAs): Promise<void> => {
  if (owner === undefined || statSync(folder).uid === owner.uid) return
  const inside = readdirSync(folder).map((name) => join(folder, name))
  const { uid, gid } = owner
  const command = ['chown', '-R', '-h', `${uid}:${gid}`, ...inside]
  const { code, output } = await run(command, { cwd: '/', env: plainEnv() })
  if (code !== 0) throw new StartError(`${folder} cannot be given to user ${uid}: ${lastError(output)}.`)
  chownSync(folder, uid, gid)
}

/** The sentence in the output of a PostgreSQL program that says why it failed. */
export const lastError = (output: string): string => {
  const lines = output.split('\n').map((line) => line.trim())
  const errors = lines.filter((line) => /(PANIC|FATAL|error|fatal):/.test(line) && !passing.test(line))
  const line = errors.at(-1) ?? lines.findLast((other) => other !== '') ?? 'it said nothing'
  return line.replace(/^.*?(PANIC|FATAL|error|fatal):\s*/, '').replace(/\.$/, '')
}

const passing = /the database system is|terminating (connection|background)/
