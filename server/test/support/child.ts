/**
 * Owns child processes of tests: their environment, their output, and that none outlives its test file.
 * Start reading at `startChild`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, inject } from 'vitest'

/** The root of the repository. */
export const repository = dirname(dirname(dirname(import.meta.dirname)))

/** The shim that every command goes through. */
export const shim = join(repository, 'server', 'bin', 'keywright.js')

/** How a process ended: exactly one of the two is not null. */
export type Exit = { code: number | null; signal: NodeJS.Signals | null }

/** A program that a test started. */
export type Child = {
  process: ChildProcess
  /** All that it wrote so far, standard output and errors in the order in which they came. */
  output: () => string
  stdout: () => string
  stderr: () => string
  exit: Promise<Exit>
  /** SIGTERM, then waiting. Throws, after SIGKILL, when it is still there after 15 seconds. */
  stop: () => Promise<Exit>
  kill: (signal: NodeJS.Signals) => Promise<Exit>
}

const alive = new Set<Child>()
const folders = new Set<string>()

afterAll(async () => {
  const ends = await Promise.allSettled([...alive].map((child) => child.stop()))
  for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  folders.clear()
  const failed = ends.filter((end) => end.status === 'rejected')
  if (failed.length > 0) throw new Error(failed.map((end) => String(end.reason)).join('\n'))
})

/**
 * A new folder that goes away after the test file. Mode 0711, as a data folder has it: PostgreSQL's own user must pass
 * through. Give `private` for 0700, as `mktemp -d` has it.
 */
export async function temporaryFolder(mode: 'passable' | 'private' = 'passable'): Promise<string> {
  const folder = await mkdtemp(`${inject('scratch')}/`)
  folders.add(folder)
  if (mode === 'passable') await chmod(folder, 0o711)
  return folder
}

/** Variables that a child must not inherit from whoever runs the tests: settings, npm's own, and vitest's. */
const foreign = /^(KEYWRIGHT_|npm_|VITEST|NODE_OPTIONS$|DATABASE_URL$|REDIS_URL$|PORT$)/

/**
 * The environment of a child: ours without settings, then `env` (undefined removes a name). NODE_V8_COVERAGE stays, so
 * that vitest counts what the child covers; with the compile cache those numbers would be less exact (Node says so).
 */
export function childEnv(env: Record<string, string | undefined>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name))
  const cache = process.env.NODE_V8_COVERAGE === undefined ? {} : { NODE_DISABLE_COMPILE_CACHE: '1' }
  const all = Object.entries({ ...Object.fromEntries(kept), ...cache, ...env })
  return Object.fromEntries(all.filter(([, value]: [string, string | undefined]) => value !== undefined))
}

/** Starts a program; `input` is all it will read. It is stopped after the test file at the latest. */
export function startChild(
  [program, ...args]: [string, ...string[]],
  { env, cwd, input = '' }: { env: NodeJS.ProcessEnv; cwd: string; input?: string },
): Child {
  const running = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  // A program may end before it has read its input.
  running.stdin.on('error', () => {})
  running.stdin.end(input)
  const parts: { from: 'stdout' | 'stderr'; text: string }[] = []
  for (const from of ['stdout', 'stderr'] as const) {
    running[from].setEncoding('utf8').on('data', (text: string) => parts.push({ from, text }))
  }
  const written = (from?: 'stdout' | 'stderr'): string =>
    parts
      .filter((part) => from === undefined || part.from === from)
      .map((part) => part.text)
      .join('')
  const child: Child = {
    process: running,
    output: () => written(),
    stdout: () => written('stdout'),
    stderr: () => written('stderr'),
    exit: waitForExit(running).finally(() => alive.delete(child)),
    stop: () => stop(child),
    kill: (signal) => {
      running.kill(signal)
      return child.exit
    },
  }
  // A failed start is thrown at whoever waits for the exit, not at the whole test run.
  child.exit.catch(() => {})
  alive.add(child)
  return child
}

/** Waits for the end of the process and of its output; after kill -9 a grandchild may hold the output open for long. */
async function waitForExit(running: ChildProcess): Promise<Exit> {
  const closed = once(running, 'close')
  const [code, signal] = (await once(running, 'exit')) as [number | null, NodeJS.Signals | null]
  await Promise.race([closed, sleep(500, undefined, { ref: false })])
  return { code, signal }
}

async function stop(child: Child): Promise<Exit> {
  child.process.kill('SIGTERM')
  const late = sleep(15_000, undefined, { ref: false })
  const exit = await Promise.race([child.exit, late])
  if (exit !== undefined) return exit
  child.process.kill('SIGKILL')
  throw new Error(`still there 15 s after SIGTERM:\n${child.output()}`)
}
