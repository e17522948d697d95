/**
 * Owns the start of `keywright serve` from a person's point of view: settings, what is printed, signals, exit codes.
 */
import { loadConfig } from './config/load.ts'
import type { Config } from './config/schema.ts'
import { StartError } from './config/start-error.ts'
import { mailWay } from './config/ways.ts'
import { createLog, type Logs } from './io/log.ts'
import { openDatabase } from './open.ts'

/** Starts the server and stays until SIGTERM or SIGINT. A start that fails says why in one sentence and exits with 1. */
export const boot = async (): Promise<void> => {
  try {
    await start()
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`keywright: ${error.message}\n`)
    process.exit(1)
  }
}

const start = async (): Promise<void> => {
  const { config, notices } = loadConfig()
  const logs = openLog(config)
  const { log } = logs
  // PostgreSQL starts while the rest of the program is read from disk.
  const opening = openDatabase(config, (line) => log.info({ postgres: line }, 'embedded PostgreSQL'))
  const imports = Promise.all([import('./serve.ts'), import('./operations/setup.ts'), import('./operations/seed.ts')])
  const starting = Promise.all([opening, imports]).then(
    async ([opened, [{ serve }]]) => await serve(config, opened, logs),
  )
  // Before the first answer: whoever sees this server ready may also stop it.
  onSignal(async (signal) => {
    log.info({ signal }, 'draining')
    await (await settled(starting))?.stop()
    await (await settled(opening))?.close()
    // Nobody may be reading: the end does not wait for that.
    setTimeout(() => process.exit(0), 1000)
    log.flush(() => process.exit(0))
  }, config.drain_seconds + 5)
  const running = await starting.catch(async (error: unknown) => {
    await (await settled(opening))?.close()
    throw error
  })
  const [opened, [, { createSetupLink }, { demoClientId }]] = await Promise.all([opening, imports])
  for (const problem of running.ctx.pages.problems()) log.warn({ problem }, 'pages')
  const { ctx } = running
  const found = await Promise.all([createSetupLink(ctx), ctx.clients.get(demoClientId)]).catch((error: unknown) => {
    if (!ctx.draining()) throw error
  })
  // A signal has closed the database meanwhile: there is nobody left to tell.
  if (found === undefined) return
  const [setup, demo] = found
  announce(config, opened.where, { setup, demo: demo?.client_id, notices: [...notices, ...opened.notices] })
}

const openLog = (config: Config): Logs => {
  try {
    return createLog({ level: config.log_level, file: config.log_file })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
    throw new StartError(
      `The log file ${config.log_file ?? ''} cannot be written (${code}). Choose another with KEYWRIGHT_LOG_FILE=…`,
      { cause },
    )
  }
}

/** What came of it, or undefined when it failed: whoever started it says why. */
const settled = async <T>(work: Promise<T>): Promise<T | undefined> => await work.catch(() => undefined)

/** Stops once, at the first signal; a second one, or too long a wait, ends the process at once. */
const onSignal = (stop: (signal: NodeJS.Signals) => Promise<void>, patienceSeconds: number): void => {
  let stopping = false
  const act = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    stopping = true
    setTimeout(() => process.exit(0), patienceSeconds * 1000).unref()
    void stop(signal).catch(() => process.exit(1))
  }
  process.on('SIGTERM', act)
  process.on('SIGINT', act)
}

const announce = (
  config: Config,
  where: string,
  { setup, demo, notices }: { setup: string | undefined; demo: string | undefined; notices: string[] },
): void => {
  const lines = [
    '',
    `  Keywright is running: ${config.issuer}`,
    '',
    `  Issuer          ${config.issuer}`,
    `  Database        ${where}`,
    `  Data folder     ${config.data_dir}`,
    `  Mail            ${mailWay(config)}`,
    ...(demo === undefined ? [] : [`  Demo client     ${demo}`]),
    ...(setup === undefined ? [] : [`  First admin     ${setup}`, '                  (one-time link, 24 hours)']),
    ...notices.map((notice) => `  Note            ${notice}`),
    '',
    '  Try it          npx keywright try      the whole sign-in, step by step',
    '                  npm run demo           a small application that uses it',
    '',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
