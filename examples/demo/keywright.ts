/**
 * Owns finding the Keywright server, or starting one, and registering this application there.
 * Nothing here is needed in an application of your own: there the server runs, and its client was made once by hand.
 * Start reading at `ensureServer`.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, repositoryRoot, type Settings, scope } from './settings.ts'

const program = join(repositoryRoot, 'server', 'bin', 'keywright.js')
const startSeconds = 60

export type Server = {
  /** True when this process started it, and so has to stop it. */
  ours: boolean
  /** Resolves when a server of ours ends by itself; never otherwise. */
  ended: Promise<unknown>
  /** Stops a server of ours and waits until it is gone; leaves any other alone. */
  stop: () => Promise<void>
}

/**
 * Uses the Keywright that answers at the issuer's address; starts one when nothing listens there.
 * Throws a sentence for people when something else answers, or when the server does not come up.
 */
export const ensureServer = async (settings: Settings, stopping: AbortSignal): Promise<Server> => {
  const found = await probe(settings.issuer)
  if (found === 'nothing' && isLocal(settings.issuer)) return startServer(settings, stopping)
  if (found === 'nothing') throw new Error(`Nothing listens at ${settings.issuer}. Start Keywright there first.`)
  if (found === 'other') throw new Error(`What answers at ${settings.issuer} is not the Keywright of that address.`)
  await waitUntilReady(settings.issuer, stopping)
  return { ours: false, ended: new Promise(() => {}), stop: async () => {} }
}

/**
 * The credentials of this application: the given ones, or those of a client that Keywright's command line makes, or
 * finds as it made it the last time.
 */
export const ensureClient = async (settings: Settings): Promise<Client> => {
  if (settings.client) return settings.client
  const file = join(settings.dataDir, 'demo-client.json')
  const options = [
    ['--name', 'Demo application'],
    ['--type', 'web'],
    ['--redirect-uri', `${settings.demoUrl}/callback`],
    ['--post-logout-redirect-uri', `${settings.demoUrl}/`],
    ['--scope', scope],
    ['--resource', settings.resource],
    ['--out', file],
  ]
  await runKeywright(['client', 'apply', ...options.flat(), '--json'])
  // The secret is shown once, when it is made; from then on the file is where it stands.
  const { client_id, client_secret } = JSON.parse(await readFile(file, 'utf8')) as Partial<Client>
  if (client_id && client_secret) return { client_id, client_secret }
  throw new Error(`${file} holds no client_id and client_secret. Delete it and start again.`)
}

const startServer = async (settings: Settings, stopping: AbortSignal): Promise<Server> => {
  const child = spawn(process.execPath, [program, 'serve'], {
    cwd: repositoryRoot,
    env: serverEnv(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C reaches every process of a group at once; in a group of its own the server is asked to stop once, by us.
    detached: process.platform !== 'win32',
  })
  passOn(child.stdout, process.stdout)
  passOn(child.stderr, process.stderr)
  const gone = new AbortController()
  const ended = once(child, 'exit').finally(() => gone.abort())
  const stop = () => stopServer(child, ended)
  try {
    await waitUntilReady(settings.issuer, AbortSignal.any([stopping, gone.signal]))
    return { ours: true, ended, stop }
  } catch (error) {
    const diedItself = gone.signal.aborted
    await stop()
    if (!diedItself) throw error
    throw new Error('Keywright ended while it started; its own words are above.', { cause: error })
  }
}

/** The given settings win. A line for each request would bury the lines of the demo, so only warnings are logged. */
const serverEnv = ({ issuer }: Settings): NodeJS.ProcessEnv => ({
  ...process.env,
  KEYWRIGHT_ISSUER: issuer,
  PORT: process.env['PORT'] || portOf(issuer),
  KEYWRIGHT_LOG_LEVEL: process.env['KEYWRIGHT_LOG_LEVEL'] || 'warn',
})

const stopServer = async (child: ChildProcess, ended: Promise<unknown>): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
  await ended
}

const passOn = (from: Readable, to: NodeJS.WritableStream): void => {
  createInterface({ input: from }).on('line', (line) => to.write(`keywright | ${line}\n`))
}

const waitUntilReady = async (issuer: string, stopping: AbortSignal): Promise<void> => {
  const deadline = Date.now() + startSeconds * 1000
  while (Date.now() < deadline) {
    if ((await probe(issuer)) === 'ready') return
    await sleep(100, undefined, { signal: stopping })
  }
  throw new Error(`Keywright at ${issuer} was not ready within ${startSeconds} seconds.`)
}

type Found = 'ready' | 'busy' | 'nothing' | 'other'

/** Asks for the discovery document; its `issuer` must be the address it was asked at (OpenID Connect Discovery §4.3). */
const probe = async (issuer: string): Promise<Found> => {
  try {
    const response = await fetch(`${issuer}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(5000) })
    if (response.status === 503) return 'busy'
    const document = (await response.json()) as { issuer?: unknown } | null
    return response.ok && document?.issuer === issuer ? 'ready' : 'other'
  } catch (error) {
    return isNobodyThere(error) ? 'nothing' : 'other'
  }
}

const isNobodyThere = (error: unknown): boolean =>
  error instanceof TypeError && (error.cause as { code?: unknown } | undefined)?.code === 'ECONNREFUSED'

const isLocal = (issuer: string): boolean => {
  const { protocol, hostname } = new URL(issuer)
  return protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

const portOf = (issuer: string): string => new URL(issuer).port || '80'

/** Runs one command of Keywright's command line. Throws its own sentence when it refuses. */
const runKeywright = (args: string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [program, ...args], { cwd: repositoryRoot }, (error, _stdout, stderr) => {
      if (error) reject(new Error(`keywright ${args[0]} ${args[1]}: ${stderr.trim() || error.message}`))
      else resolve()
    })
  })
