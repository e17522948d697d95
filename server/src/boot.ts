/**
 * Owns the start of `keywright serve` from a person's point of view: settings, what is printed, signals, exit codes.
 */
import { loadConfig } from './config/load.ts'
import type { Config } from './config/schema.ts'
import { StartError } from './config/start-error.ts'
import { createLog } from './io/log.ts'
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
  const logs = createLog({ level: config.log_level, file: config.log_file })
  const { log } = logs
  // PostgreSQL starts while the rest of the program is read from disk.
  const opening = openDatabase(config, (line) => log.info({ postgres: line }, 'embedded PostgreSQL'))
  const [opened, { serve }, { createSetupLink }] = await Promise.all([
    opening,
    import('./serve.ts'),
    import('./operations/setup.ts'),
  ])
  const running = await serve(config, opened, logs).catch(async (error: unknown) => {
    await opened.close()
    throw error
  })
  for (const problem of running.ctx.pages.problems()) log.warn({ problem }, 'pages')
  announce(config, opened.where, await createSetupLink(running.ctx), notices)
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    stopping = true
    log.info({ signal }, 'draining')
    void running
      .stop()
      .then(opened.close)
      .then(() => log.flush(() => process.exit(0)))
    setTimeout(() => process.exit(0), (config.drain_seconds + 5) * 1000).unref()
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

const announce = (config: Config, where: string, setup: string | undefined, notices: string[]): void => {
  const lines = [
    '',
    `  Keywright is running: ${config.issuer}`,
    '',
    `  Issuer          ${config.issuer}`,
    `  Database        ${where}`,
    `  Data folder     ${config.data_dir}`,
    ...(config.profile === 'development' ? ['  Demo client     app_demo'] : []),
    ...(setup === undefined ? [] : [`  First admin     ${setup}`, '                  (one-time link, 24 hours)']),
    ...notices.map((notice) => `  Note            ${notice}`),
    '',
    '  Try it          npx keywright try      the whole sign-in, step by step',
    '                  npm run demo           a small application that uses it',
    '',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
