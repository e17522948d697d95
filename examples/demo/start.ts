/**
 * Owns the start and the end of the demo: Keywright, the client, the two listeners. `npm run demo` comes here.
 * The application itself is app.ts, its API is api.ts.
 */
import { once } from 'node:events'
import type { Server as Listener } from 'node:http'
import type { Express } from 'express'
import { createApi } from './api.ts'
import { createApp } from './app.ts'
import { ensureClient, ensureServer, type Server } from './keywright.ts'
import { readSettings, type Settings } from './settings.ts'
import { connect, isActive } from './sign-in.ts'

const log = (line: string): void => {
  process.stdout.write(`demo | ${line}\n`)
}

const usage = `Usage: npm run demo [-- --help]

Starts the demo application, and a Keywright where none answers. Ctrl-C ends both.
It is set up by environment variables or the .env of the checkout, such as KEYWRIGHT_ISSUER, DEMO_PORT and API_PORT:
examples/demo/README.md names them all.
`

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())

const start = async (): Promise<void> => {
  const settings = readSettings()
  const server = await ensureServer(settings, stopping.signal)
  const listeners: Listener[] = []
  try {
    await listen(settings, listeners)
    greet(settings, server)
    await untilTheEnd(server)
  } finally {
    for (const listener of listeners) listener.close().closeAllConnections()
    await server.stop()
  }
}

const listen = async (settings: Settings, listeners: Listener[]): Promise<void> => {
  const rp = await connect(settings, await ensureClient(settings))
  const { issuer, jwks_uri } = rp.configuration.serverMetadata()
  if (!jwks_uri) throw new Error(`${issuer} names no jwks_uri.`)
  // A real API is a program of its own, with a client of its own for introspection.
  const api = createApi({
    issuer,
    jwks_uri,
    audience: settings.resource,
    isActive: (token) => isActive(rp, token),
    log,
  })
  listeners.push(await listenOn(api, settings.apiPort))
  listeners.push(await listenOn(createApp({ settings, rp, log }), settings.demoPort))
}

/** Listens on this machine only. */
const listenOn = async (application: Express, port: number): Promise<Listener> => {
  const listener = application.listen(port, 'localhost')
  try {
    await once(listener, 'listening')
    return listener
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Error(`Port ${port} is in use. Choose others with DEMO_PORT and API_PORT.`, { cause: error })
  }
}

const greet = (settings: Settings, server: Server): void => {
  log(
    server.ours
      ? `Keywright runs at ${settings.issuer}; it ends with the demo.`
      : `Uses Keywright at ${settings.issuer}.`,
  )
  log('No account there yet? First open the one-time setup link that Keywright printed when it started.')
  log(`The demo is ready: open ${settings.demoUrl}`)
}

/** Until somebody stops the demo; or fails when a Keywright of ours ends by itself. */
const untilTheEnd = async (server: Server): Promise<void> => {
  if (stopping.signal.aborted) return
  const stopped = once(stopping.signal, 'abort').then(() => true)
  const wanted = await Promise.race([stopped, server.ended.then(() => false)])
  if (!wanted) throw new Error('Keywright ended; its own words are above.')
}

/** The demo takes no arguments but the question for help. Undefined when it is to start, else the exit code. */
const answerArguments = (args: string[]): number | undefined => {
  const unknown = args.find((arg) => arg !== '--help' && arg !== '-h')
  if (unknown !== undefined) {
    process.stderr.write(`demo | "${unknown}" is not known here. See: npm run demo -- --help\n`)
    return 2
  }
  if (args.length === 0) return undefined
  process.stdout.write(usage)
  return 0
}

try {
  const code = answerArguments(process.argv.slice(2))
  if (code === undefined) await start()
  else process.exitCode = code
} catch (error) {
  if (!stopping.signal.aborted) {
    process.stderr.write(`demo | ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
