/**
 * Owns what is known of processes by their numbers: who lives, who works in a folder, how a short program ended.
 * Never decides who is to be stopped. Start reading at `isAlive`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename } from 'node:path'

/** The code of a system or database error (`ENOENT`, `57P03`); undefined for anything else. */
export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined

/** Tells whether a process runs. A zombie does not, though kill(pid, 0) says so: nobody may reap under a plain pid 1. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
  const stat = readProc(`/proc/${pid}/stat`)
  // The name in parentheses may itself hold spaces and parentheses; the state follows the last one.
  return stat === undefined || !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
}

/** Tells whether a process works in this folder; undefined when that cannot be found out. */
export const worksIn = (pid: number, folder: string): boolean | undefined => {
  if (process.platform !== 'linux') return undefined
  try {
    const [theirs, ours] = [statSync(`/proc/${pid}/cwd`), statSync(folder)]
    return theirs.dev === ours.dev && theirs.ino === ours.ino
  } catch (error) {
    return codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM' ? undefined : false
  }
}

/**
 * The backends of a dead PostgreSQL that still work in its folder: a query that never waits does not notice that its
 * server is gone, and holds its shared memory. A shell somebody has there is none, nor is a backend whose server lives.
 */
export const orphanedBackends = (folder: string): number[] => {
  const backends = process.platform === 'linux' ? backendsOfProc() : backendsOfPs()
  const inside = backends.filter(({ pid }) => worksIn(pid, folder) ?? lsofSaysIn(pid, folder))
  return inside.filter(({ ppid }) => !(worksIn(ppid, folder) ?? ppid !== 1)).map(({ pid }) => pid)
}

type Backend = { pid: number; ppid: number }

const backendsOfProc = (): Backend[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readProc(`/proc/${pid}/cmdline`)?.startsWith('postgres: ') === true && isPostgres(pid))
    .map((pid) => ({ pid: Number(pid), ppid: parentOf(pid) }))

const isPostgres = (pid: string): boolean => {
  try {
    return /^postgres( \(deleted\))?$/.test(basename(readlinkSync(`/proc/${pid}/exe`)))
  } catch {
    return false
  }
}

const parentOf = (pid: string): number => Number(/^PPid:\s+(\d+)/m.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1])

const readProc = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const backendsOfPs = (): Backend[] => {
  const { stdout } = spawnSync('ps', ['-axo', 'pid=,ppid=,command='], { encoding: 'utf8' })
  return parseProcesses(stdout)
}

/** The backends in the answer of `ps -axo pid=,ppid=,command=`. */
export const parseProcesses = (text: string): Backend[] =>
  text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+postgres: /.exec(line)
    return match === null ? [] : [{ pid: Number(match[1]), ppid: Number(match[2]) }]
  })

/** macOS has no /proc. */
const lsofSaysIn = (pid: number, folder: string): boolean => {
  const { stdout } = spawnSync('lsof', ['-a', '-p', String(pid), '-d', 'cwd', '-Fn'], { encoding: 'utf8' })
  const cwd = parseLsof(stdout)
  try {
    return cwd !== undefined && statSync(cwd).ino === statSync(folder).ino
  } catch {
    return false
  }
}

/** The working folder in the answer of `lsof -a -p PID -d cwd -Fn`: one field a line, the name's begins with `n`. */
export const parseLsof = (text: string): string | undefined => /^n(.*)$/m.exec(text)?.[1]

/** How a program ended, with all that it wrote. `code` is undefined when it could not be started or a signal ended it. */
export type Ran = { code: number | undefined; output: string }

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin'

/** Only what programs need: no secret of ours may be read in the environment of PostgreSQL. */
export const plainEnv = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  // Windows gets its own: Node adds what no program there can do without.
  ...(process.platform === 'win32' ? {} : { PATH: searchPath }),
  LC_ALL: 'C',
  ...more,
})

type RunOptions = { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number }

/** Runs a program to its end, without input and apart from our terminal's signals. */
export const run = async ([program = '', ...args]: string[], options: RunOptions): Promise<Ran> =>
  await new Promise((resolve) => {
    const child = spawn(program, args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    let output = ''
    const collect = (part: Buffer): void => {
      output += part.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', (error) => resolve({ code: undefined, output: error.message }))
    child.once('close', (code) => resolve({ code: code ?? undefined, output }))
  })
