/**
 * Owns one running PostgreSQL of ours: its settings, its start, its end, and why it died.
 * Never decides whether one should run: that is embedded.ts. Start reading at `startServer`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { socketPort } from './embedded-address.ts'
import type { Binaries } from './embedded-binaries.ts'
import { lastError } from './embedded-folder.ts'
import { readPostmaster } from './embedded-locks.ts'
import { plainEnv } from './embedded-process.ts'
import { loaderPath, type RunAs } from './embedded-run-as.ts'

export type Server = {
  pid: number
  /** Settles when the process has ended, with the reason in words. Never rejects. */
  ended: Promise<string>
  hasEnded: () => boolean
  /** Fast shutdown: connections are cut, everything committed is on disk. Returns when the process has ended. */
  stop: () => Promise<void>
}

/**
 * Settings for a small server beside an application. Given on the command line, so that a new release's hold for old
 * folders too. What is not here is as PostgreSQL has it.
 */
export const serverSettings = (port: number): string[] =>
  Object.entries({
    ...(process.platform === 'win32'
      ? { listen_addresses: '127.0.0.1' }
      : // `.`: PostgreSQL works in its data folder, so the socket's path is never too long for it.
        { listen_addresses: '', unix_socket_directories: '.', unix_socket_permissions: '0700' }),
    port,
    // A commit that was answered survives a power cut.
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    max_connections: 200,
    shared_buffers: '32MB',
    wal_buffers: '2MB',
    // Where others are about to commit too, one flush serves all: a millisecond of waiting for a tenth of the work.
    commit_delay: 1000,
    commit_siblings: 2,
    min_wal_size: '48MB',
    max_wal_size: '256MB',
    wal_level: 'minimal',
    max_wal_senders: 0,
    io_method: 'sync',
    max_parallel_workers_per_gather: 0,
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Statements and the values in error details may hold what no log may hold.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    log_line_prefix: '',
    logging_collector: 'off',
    log_destination: 'stderr',
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])

export type StartOptions = { folder: string; binaries: Binaries; runAs: RunAs }

/**
 * Starts PostgreSQL on a folder and returns at once; it dies with this process, however that dies.
 * Detached, because Ctrl-C in a terminal reaches the whole process group, and the database must outlive the draining.
 */
export const startServer = ({ folder, binaries, runAs }: StartOptions): Server => {
  const [program = '', ...args] = [...runAs.prefix, binaries.postgres, '-D', folder, ...serverSettings(socketPort)]
  const child = spawn(program, args, {
    cwd: folder,
    env: plainEnv(loaderPath(binaries)),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    ...runAs.identity,
  })
  const lines = lastLines(child)
  let over = false
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`it could not be started: ${error.message}`))
    child.once('exit', (code, signal) => resolve(lines().then((text) => reasonOf(code, signal, text))))
  }).finally(() => {
    over = true
    watcher?.kill('SIGKILL')
  })
  // Its end is awaited by whoever stops it; until then it keeps nobody's process from ending.
  child.unref()
  const watcher = runAs.endsWithUs || child.pid === undefined ? undefined : stopWhenWeDie(folder, child.pid)
  return { pid: child.pid ?? 0, ended, hasEnded: () => over, stop: async () => await stop(child, ended) }
}

/** Waits until a server of ours answers, or has ended, or another process was first. */
export const untilReady = async (server: Server, folder: string): Promise<void> => {
  const started = performance.now()
  while (!server.hasEnded()) {
    const found = readPostmaster(folder)
    if (found?.pid === server.pid && found.ready) return
    // Recovery after a crash may take long; the first second is the usual case and deserves a close look.
    await Promise.race([server.ended, sleep(performance.now() - started < 1000 ? 2 : 25)])
  }
}

const keptBytes = 8192

/** Keeps the end of what the process writes. Waits a little for the rest: a backend that lives on may hold the pipe open. */
const lastLines = (child: ChildProcess): (() => Promise<string>) => {
  const { stderr } = child
  let text = ''
  if (stderr === null) return async () => await Promise.resolve(text)
  stderr.on('data', (part: Buffer) => {
    text = (text + part.toString()).slice(-keptBytes)
  })
  const closed = new Promise<void>((resolve) => {
    stderr.once('close', () => resolve())
  })
  if (stderr instanceof Socket) stderr.unref()
  return async () => {
    await Promise.race([closed, sleep(50)])
    return text
  }
}

const reasonOf = (code: number | null, signal: NodeJS.Signals | null, text: string): string => {
  if (signal !== null) return `it was ended by ${signal}`
  return code === 0 ? 'it was told to stop' : lastError(text)
}

const stop = async (child: ChildProcess, ended: Promise<string>): Promise<void> => {
  child.ref()
  // Immediate shutdown and kill -9 lose nothing that was committed; the next start replays it.
  for (const [signal, patienceMs] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5000],
    ['SIGKILL', 5000],
  ] as const) {
    child.kill(signal)
    const late = new AbortController()
    const waited = sleep(patienceMs, 'late', { signal: late.signal }).catch(() => 'late')
    const first = await Promise.race([ended, waited])
    late.abort()
    if (first !== 'late') return
  }
}

// The pipe closes with our process, so `read` returns. The number in postmaster.pid guards against a reused one.
const watch = 'read -r _; read -r pid < "$1/postmaster.pid" && [ "$pid" = "$2" ] && kill -INT "$pid"'

/** Where the kernel does not do it (macOS, no setpriv): a shell that waits for our end and then stops PostgreSQL. */
const stopWhenWeDie = (folder: string, pid: number): ChildProcess => {
  const shell = spawn('sh', ['-c', watch, 'sh', folder, String(pid)], {
    cwd: '/',
    env: plainEnv(),
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  shell.on('error', () => {})
  shell.unref()
  if (shell.stdin instanceof Socket) shell.stdin.unref()
  return shell
}
