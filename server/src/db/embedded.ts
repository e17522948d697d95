/**
 * Owns the PostgreSQL that comes with Keywright: that exactly one server answers on the data folder, for all processes
 * that use it. Never touches the application's tables. Start reading at `openEmbedded`, then `serve`.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../config/start-error.ts'
import {
  type Access,
  type Answer,
  application,
  ask,
  bootstrap,
  type EmbeddedAddress,
  prepareDatabase,
  type Role,
  socketAccess,
  socketName,
} from './embedded-address.ts'
import { type Binaries, findBinaries } from './embedded-binaries.ts'
import {
  clusterFolder,
  createCluster,
  giveCluster,
  hasCluster,
  openDataDir,
  removeLeftovers,
} from './embedded-folder.ts'
import { endOrphans, livingPostmaster, removeStaleLocks } from './embedded-locks.ts'
import { codeOf } from './embedded-process.ts'
import { chooseRunAs } from './embedded-run-as.ts'
import { type Server, startServer, untilReady } from './embedded-server.ts'
import { loopbackAccess, passwordAuthentication, startThroughPgCtl } from './embedded-windows.ts'

export type { EmbeddedAddress } from './embedded-address.ts'

export type Embedded = {
  /** Where the driver connects to, as the application's role. It holds for this process only. */
  address: () => EmbeddedAddress
  /**
   * Makes sure that a server answers: returns at once when one does, starts one when none lives, also after the process
   * that started it has died. Any number may call it at once. Throws StartError when it cannot be, or after `stop`.
   */
  ensure: () => Promise<void>
  /** Stops the server when this process started it, and leaves that of another process alone. It cannot be undone. */
  stop: () => Promise<void>
  /** Whether this process started the server that runs now. */
  owner: () => boolean
  /** PostgreSQL's own folder in the data folder. */
  folder: string
  /** Whether this process made that folder just now. */
  firstStart: boolean
}

/**
 * Opens the embedded PostgreSQL of a data folder; when it returns a server answers and the application's database is
 * there. Afterwards a server that dies is started again without anybody asking, by its owner at once and by others when
 * the owner is gone. `log` gets a sentence about each such event.
 * @throws StartError in one sentence: no binaries for this platform, a folder of another owner or version, no way into
 * the folder, disk full
 */
export const openEmbedded = async (options: EmbeddedOptions): Promise<Embedded> => {
  const state = newState(options)
  const removed = removeLeftovers(state.dataDir)
  try {
    await ensure(state)
    await removed
  } catch (error) {
    await stop(state)
    throw error
  }
  return {
    address: () => addressOf(state, application),
    ensure: async () => await ensure(state),
    stop: async () => await stop(state),
    owner: () => state.server !== undefined,
    folder: state.folder,
    firstStart: state.firstStart,
  }
}

export type EmbeddedOptions = {
  dataDir: string
  log: (line: string) => void
  /** How long a living server may be silent before we give up; one that says it starts has all the time it needs. */
  patienceMs?: number
}

type State = {
  dataDir: string
  folder: string
  binaries: Binaries
  log: (line: string) => void
  patienceMs: number
  access?: Access
  /** The server that this process started; without it another process's is used. */
  server?: Server | undefined
  /** The one run of `serve` that everybody waits for. */
  serving?: Promise<void> | undefined
  guestTimer?: NodeJS.Timeout
  recovering?: boolean
  stopped: boolean
  firstStart: boolean
  /** How long to wait before the next restart: none after a quiet time, longer for a server that keeps dying. */
  pauseMs: number
  /** Since when backends of a dead server have kept it from being started again. */
  heldSince?: number | undefined
}

const newState = ({ dataDir, log, patienceMs = 60_000 }: EmbeddedOptions): State => {
  const place = resolve(dataDir)
  openDataDir(place)
  try {
    const binaries = findBinaries(join(place, 'postgres-lib'))
    return {
      dataDir: place,
      folder: clusterFolder(place),
      binaries,
      log,
      patienceMs,
      stopped: false,
      firstStart: false,
      pauseMs: 0,
    }
  } catch (error) {
    throw inWords(error, place)
  }
}

const ensure = async (state: State): Promise<void> => {
  state.serving ??= serve(state).finally(() => {
    state.serving = undefined
  })
  try {
    await state.serving
  } catch (error) {
    throw inWords(error, state.dataDir)
  }
}

/** A full disk, a file that may not be read: what the system refuses is no bug of ours, and told in a sentence. */
const inWords = (error: unknown, dataDir: string): unknown =>
  error instanceof StartError || codeOf(error) === undefined
    ? error
    : new StartError(`The embedded PostgreSQL in ${dataDir} cannot be used: ${String(error)}.`, { cause: error })

/** How long somebody has been waiting for an answer, and how often that was told. */
type Wait = { since: number; told: number }

const serve = async (state: State): Promise<void> => {
  const wait: Wait = { since: performance.now(), told: 0 }
  while (!state.stopped) {
    const answer = hasCluster(state.dataDir, state.binaries) ? await askThere(state) : 'silent'
    if (answer === 'ready') {
      state.heldSince = undefined
      watchOthers(state)
      return
    }
    if (answer === 'unprepared') await prepareDatabase(addressOf(state, bootstrap), addressOf(state, application))
    else await startOrWait(state, answer, wait)
  }
  throw new StartError('The embedded PostgreSQL was stopped.')
}

/** Where there is no socket there is nobody to ask: the usual case of a start. */
const askThere = async (state: State): Promise<Answer> =>
  process.platform === 'win32' || existsSync(join(state.folder, socketName))
    ? await ask(addressOf(state, application))
    : 'silent'

const addressOf = (state: State, role: Role): EmbeddedAddress => {
  state.access ??= process.platform === 'win32' ? loopbackAccess(state.dataDir) : socketAccess(state.folder)
  return state.access.address(role)
}

const startOrWait = async (state: State, answer: Answer, wait: Wait): Promise<void> => {
  const living = livingPostmaster(state.folder)
  if (state.server === undefined && living === undefined) return await start(state)
  const waitedMs = performance.now() - wait.since
  if (answer === 'silent' && waitedMs > state.patienceMs) {
    throw new StartError(
      `PostgreSQL (process ${living?.pid ?? state.server?.pid}) holds ${state.folder} and does not answer: stop that process, then start again.`,
    )
  }
  if (waitedMs > 10_000 * (wait.told + 1)) {
    wait.told += 1
    state.log(
      `The embedded PostgreSQL is not ready after ${wait.told * 10} seconds; after a crash it may have much to repeat.`,
    )
  }
  await sleep(10)
}

const start = async (state: State): Promise<void> => {
  const { dataDir, folder, binaries } = state
  const runAs = await chooseRunAs(dataDir, binaries)
  if (!hasCluster(dataDir, binaries)) {
    const windows = process.platform === 'win32'
    const authentication = windows ? passwordAuthentication(dataDir) : ['--auth-local=trust', '--auth-host=reject']
    state.firstStart = (await createCluster({ dataDir, binaries, runAs, authentication })) || state.firstStart
  }
  await giveCluster(folder, runAs)
  if (isStopped(state)) return
  const options = { folder, binaries, runAs }
  const server = process.platform === 'win32' ? await startThroughPgCtl(dataDir, options) : startServer(options)
  state.server = server
  await untilReady(server, folder)
  if (!server.hasEnded()) {
    void watchOwn(state, server)
    return
  }
  state.server = undefined
  await judge(state, await server.ended)
}

/** A server that did not come up: another one was first, remains of a dead one are in the way, or it really cannot. */
const judge = async (state: State, reason: string): Promise<void> => {
  if (state.stopped) return
  if (/lock file .* already exists/.test(reason)) {
    await sleep(20)
    if (livingPostmaster(state.folder) !== undefined) return
    endOrphans(state.folder, state.log)
    removeStaleLocks(state.folder)
    return
  }
  if (!reason.includes('still in use')) {
    throw new StartError(`The embedded PostgreSQL in ${state.folder} does not start: ${reason}.`)
  }
  state.heldSince ??= performance.now()
  const heldMs = performance.now() - state.heldSince
  // Most queries end by themselves within this time; one that counts millions of rows would hold the folder for long.
  if (heldMs > 500) endOrphans(state.folder, state.log)
  if (heldMs > state.patienceMs) {
    throw new StartError(
      `Queries of a PostgreSQL that died still hold ${state.folder}: end those processes, then start again.`,
    )
  }
  await sleep(50)
}

const watchOwn = async (state: State, server: Server): Promise<void> => {
  const started = performance.now()
  const reason = await server.ended
  if (state.server === server) state.server = undefined
  if (state.stopped) return
  state.log(`The embedded PostgreSQL (process ${server.pid}) ended: ${reason}. Starting it again.`)
  if (performance.now() - started > 10_000) state.pauseMs = 0
  await recover(state)
}

/** Somebody else's server: its end is seen by looking. A dead owner's server goes too, and we take over. */
const watchOthers = (state: State): void => {
  if (state.server !== undefined || state.guestTimer !== undefined) return
  state.guestTimer = setInterval(() => {
    if (state.server !== undefined || state.serving !== undefined) return
    if (livingPostmaster(state.folder) === undefined) void recover(state)
  }, 250).unref()
}

/** Never gives up: a full disk may have room again. */
const recover = async (state: State): Promise<void> => {
  if (state.recovering === true) return
  state.recovering = true
  while (!state.stopped) {
    await sleep(state.pauseMs, undefined, { ref: false })
    state.pauseMs = Math.min(state.pauseMs * 2 + 100, 30_000)
    try {
      await ensure(state)
      // One that died again at once has found us busy here.
      if (livingPostmaster(state.folder) !== undefined) break
    } catch (error) {
      if (!isStopped(state)) state.log(`${error instanceof Error ? error.message : String(error)} Trying again.`)
    }
  }
  state.recovering = false
}

/** A function, because it changes while we wait, which the compiler does not expect of a property. */
const isStopped = ({ stopped }: State): boolean => stopped

const stop = async (state: State): Promise<void> => {
  state.stopped = true
  clearInterval(state.guestTimer)
  await state.server?.stop()
  await state.serving?.catch(() => {})
  // It may have been started while we waited.
  await state.server?.stop()
  state.access?.release()
  delete state.access
}
