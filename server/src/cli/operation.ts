/**
 * Owns the commands that run and prepare a deployment: serve, migrate, healthcheck, and seed.ts's beside them. Start
 * reading at `operationCommands`.
 */
import type { Command } from 'commander'
import { StartError } from '../config/start-error.ts'
import { load } from './load.ts'
import { example, print } from './output.ts'
import { addSeed } from './seed.ts'

/** Adds `keywright serve`, `migrate`, `seed` and `healthcheck`. */
export const operationCommands = (program: Command): void => {
  for (const add of [addServe, addMigrate, addSeed, addHealthcheck]) add(program)
}

const addServe = (program: Command): void => {
  program
    .command('serve')
    .description('start the server; this is what `keywright` without a command does')
    .addHelpText('after', example('PORT=9000 keywright serve'))
    .action(async () => {
      await import('../main.ts')
    })
}

const addMigrate = (program: Command): void => {
  program
    .command('migrate')
    .description('bring the database to the schema of this release; the server does it too when it starts')
    .addHelpText('after', example('keywright migrate'))
    .action(async (_options: unknown, command: Command) => {
      const { withDatabase, prepare } = await load(async () => await import('../operations/seed.ts'))
      const { where, applied } = await withDatabase(async (config, opened) => ({
        where: opened.where,
        applied: await prepare(config, opened),
      }))
      const text = applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`
      print(command, { database: where, applied }, `${where}: ${text}.`)
    })
}

const addHealthcheck = (program: Command): void => {
  program
    .command('healthcheck')
    .description('ask the server on this machine whether it can take requests; exits with 0 or 1')
    .option('--url <address>', 'another address to ask')
    .addHelpText(
      'after',
      example('keywright healthcheck', 'keywright healthcheck --url http://10.0.0.5:8080/health/ready'),
    )
    .action(async (options: { url?: string }, command: Command) => {
      const { call } = await import('../io/outbound.ts')
      const url = options.url ?? (await ownAddress())
      if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new StartError(`${url} is not an http address.`)
      const reply = await call(url, { timeoutMs: 3000 }).catch((error: unknown) => {
        throw new StartError(`Nothing answers at ${url}: ${error instanceof Error ? error.message : String(error)}.`)
      })
      if (reply.status !== 200)
        throw new StartError(`${url} answers ${reply.status}: the server cannot take requests now.`)
      print(command, { url, status: 'healthy' }, 'healthy')
    })
}

/** Where a server with these settings listens. An address that stands for all of them is asked at the loopback one. */
const ownAddress = async (): Promise<string> => {
  const { loadConfig } = await import('../config/load.ts')
  const { host, port } = loadConfig().config
  const any: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }
  const at = any[host] ?? (host.includes(':') ? `[${host}]` : host)
  return `http://${at}:${port}/health/ready`
}
