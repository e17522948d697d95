/**
 * Owns starting the real server for black-box tests: as a child process, through the shim, on a free port, on the test
 * file's own database. Whatever a test starts here is stopped after its file. Start reading at `startServer`.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, childEnv, type Exit, shim, startChild, temporaryFolder } from './child.ts'
import { type TestDatabase, testDatabase } from './database.ts'
import type { CookieJar } from './cookie-jar.ts'
import { type HttpClient, httpClient } from './http.ts'
import { freePort } from './port.ts'

/** One root secret for all servers of a test, because nodes on one database must share it. */
const rootSecret = 'a root secret that only the tests of this repository ever use'

export type ServerOptions = {
  /** Settings on top of the defaults of the tests; undefined removes one. */
  env?: Record<string, string | undefined>
  /** `embedded`: a PostgreSQL of its own in its data folder; default: the test file's database. */
  database?: TestDatabase | 'embedded'
  /** Default: the home of the database, see `homeOf`. */
  issuer?: string
  /** The program and its arguments; default: the shim with `serve`. */
  entry?: [string, ...string[]]
  /** Default: a new one. A data folder given here is not removed. */
  dataDir?: string
  port?: number
}

/** A running server. */
export type Server = Child & {
  issuer: string
  /** Where this very process listens: differs from the issuer in a cluster. */
  origin: string
  port: number
  dataDir: string
  /** What a command needs to work on the same database: pass it to `cli`. */
  env: Record<string, string | undefined>
  /** The JSON lines of its log so far. */
  logs: () => LogLine[]
  /** Waits until a log line matches, 10 seconds at most. */
  untilLog: (matches: (line: LogLine) => boolean) => Promise<LogLine>
  /**
   * A new person's browser without JavaScript, at the issuer's address; in a cluster as if a proxy sent all its requests
   * to this node. With a jar it is the same person at another node.
   */
  client: (jar?: CookieJar) => HttpClient
}

export type LogLine = Record<string, unknown>

/**
 * Starts a server and waits until /health/ready answers 200.
 * @throws Error with all its output when it ends or is not ready after 30 seconds.
 */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const server = await spawnServer(options)
  if (await isReady(server)) return server
  const state = server.process.exitCode === null ? 'is not ready after 30 s' : `ended with ${server.process.exitCode}`
  await server.stop()
  throw new Error(`the server ${state}:\n${server.output()}`)
}

/** Starts several servers on one database; together they are one issuer. */
export async function startCluster(count: number, options: ServerOptions = {}): Promise<Server[]> {
  const first = await startServer(options)
  const others = Array.from({ length: count - 1 }, () => startServer(options))
  return [first, ...(await Promise.all(others))]
}

/** What a command said. `json` is its standard output when that is JSON, otherwise undefined. */
export type CliResult = { code: number | null; stdout: string; stderr: string; json: unknown }

export type CliOptions = { env?: Record<string, string | undefined>; input?: string; cwd?: string }

/**
 * Runs `keywright` with arguments, to its end. Without `env` it works on the test file's database; with the `env` of a
 * server, on that server's.
 */
export async function cli(args: string[], { env, input = '', cwd }: CliOptions = {}): Promise<CliResult> {
  const folder = cwd ?? (await temporaryFolder())
  const settings = env ?? { ...(await baseEnv(await testDatabase())), KEYWRIGHT_DATA_DIR: join(folder, 'data') }
  const child = startChild([process.execPath, shim, ...args], { env: childEnv(settings), cwd: folder, input })
  const { code } = await child.exit
  return { code, stdout: child.stdout(), stderr: child.stderr(), json: parseJson(child.stdout()) }
}

/** A server that was started and may not be ready, or may already have failed: for tests of failing starts. */
export async function spawnServer(options: ServerOptions): Promise<Server> {
  const database = options.database ?? (await testDatabase())
  const port = options.port ?? (await portFor(database))
  const folder = await temporaryFolder()
  const dataDir = options.dataDir ?? join(folder, 'data')
  const origin = `http://localhost:${port}`
  const issuer = options.issuer ?? (database === 'embedded' ? origin : await issuerOf(database))
  const env = {
    ...(await baseEnv(database)),
    PORT: String(port),
    KEYWRIGHT_ISSUER: issuer,
    KEYWRIGHT_DATA_DIR: dataDir,
    ...options.env,
  }
  const entry = options.entry ?? [process.execPath, shim, 'serve']
  // Its working folder is not ours: the .env of whoever runs the tests must not be read.
  const child = startChild(entry, { env: childEnv(env), cwd: folder })
  taken.add(port)
  void child.exit.finally(() => taken.delete(port)).catch(() => {})
  const logs = (): LogLine[] => child.output().split('\n').flatMap(logLine)
  return {
    ...child,
    issuer,
    origin,
    port,
    dataDir,
    env,
    logs,
    untilLog: (matches) => untilLog(logs, matches),
    client: (jar) => httpClient(issuer, jar === undefined ? { port } : { port, jar }),
  }
}

/** The ports that running servers of this test file listen on. */
const taken = new Set<number>()
const homes = new WeakMap<TestDatabase, Promise<number>>()

/**
 * The port that a database's issuer names. All servers on one database are one issuer, as the nodes of a cluster are;
 * the only or first one listens there.
 */
function homeOf(database: TestDatabase): Promise<number> {
  const home = homes.get(database) ?? freePort()
  homes.set(database, home)
  return home
}

const issuerOf = async (database: TestDatabase): Promise<string> => `http://localhost:${await homeOf(database)}`

async function portFor(database: TestDatabase | 'embedded'): Promise<number> {
  const home = database === 'embedded' ? undefined : await homeOf(database)
  if (home === undefined || taken.has(home)) return await freePort()
  // At once, so that a second start at the same time sees it.
  taken.add(home)
  return home
}

async function baseEnv(database: TestDatabase | 'embedded'): Promise<Record<string, string | undefined>> {
  const place = database === 'embedded' ? {} : { ...database.env, KEYWRIGHT_ISSUER: await issuerOf(database) }
  // Request rates would stop the races; their own tests switch them on.
  return { ...place, KEYWRIGHT_ROOT_SECRET: rootSecret, KEYWRIGHT_LIMITS: 'off' }
}

async function isReady(server: Server): Promise<boolean> {
  const client = httpClient(server.origin)
  const until = performance.now() + 30_000
  while (performance.now() < until && isRunning(server)) {
    const reply = await client.get('/health/ready').catch(() => undefined)
    if (reply?.status === 200) return true
    await sleep(25)
  }
  return false
}

const isRunning = ({ process: { exitCode, signalCode } }: Server): boolean => exitCode === null && signalCode === null

async function untilLog(logs: () => LogLine[], matches: (line: LogLine) => boolean): Promise<LogLine> {
  const until = performance.now() + 10_000
  for (;;) {
    const found = logs().find(matches)
    if (found !== undefined) return found
    if (performance.now() > until) throw new Error(`no such log line in:\n${JSON.stringify(logs(), null, 1)}`)
    await sleep(20)
  }
}

function logLine(line: string): LogLine[] {
  const parsed = line.startsWith('{') ? parseJson(line) : undefined
  return typeof parsed === 'object' && parsed !== null ? [{ ...parsed }] : []
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export type { Exit }
