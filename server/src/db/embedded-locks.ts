/**
 * Owns what holds PostgreSQL's folder: its own locks (we have none of ours) and queries of a dead server. Removes only
 * what is provably nobody's. Start reading at `livingPostmaster`.
 */
import { existsSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { socketName } from './embedded-address.ts'
import { isAlive, orphanedBackends, worksIn } from './embedded-process.ts'

/** What postmaster.pid says: it is PostgreSQL's own lock on the folder. */
export type Postmaster = { pid: number; port: number; ready: boolean }

/** Reads postmaster.pid; undefined when there is none or it is being written. */
export const readPostmaster = (folder: string): Postmaster | undefined => {
  try {
    const lines = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number(lines[0])
    if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
    return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
  } catch {
    return undefined
  }
}

/** The process that serves the folder; undefined when the one in postmaster.pid is dead, or is some other program now. */
export const livingPostmaster = (folder: string): Postmaster | undefined => {
  const found = readPostmaster(folder)
  return found !== undefined && isAlive(found.pid) && worksIn(found.pid, folder) !== false ? found : undefined
}

/**
 * Removes locks of a dead server whose process number some other program has now, as happens when a container starts
 * again: PostgreSQL would refuse to start for as long as that one lives. The two locks are judged one by one, each right
 * before it goes; a server started meanwhile keeps at least one, and that stops a second one.
 */
export const removeStaleLocks = (folder: string): void => {
  for (const name of ['postmaster.pid', `${socketName}.lock`]) {
    const path = join(folder, name)
    const pid = existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : Number.NaN
    if (isAlive(pid) && worksIn(pid, folder) === false) unlinkSync(path)
  }
}

/** Ends the queries that a dead server has left in its folder, and tells each. */
export const endOrphans = (folder: string, log: (line: string) => void): void => {
  for (const pid of orphanedBackends(folder)) {
    try {
      process.kill(pid, 'SIGKILL')
      log(`Ended process ${pid}: a query of a PostgreSQL that died, which kept it from starting again.`)
    } catch {
      // It has ended by itself; if it has not, PostgreSQL says so at the next start.
    }
  }
}
