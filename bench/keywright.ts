/**
 * Owns Keywright as the bench measures it: the real command, embedded PostgreSQL, a fresh data folder, clients and
 * people made by the command line. Start reading at `startKeywright`.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../server/src/config/load.ts'
import type { Config } from '../server/src/config/schema.ts'
import { freePort } from '../server/test/support/port.ts'
import { type Database, openDatabase } from './database.ts'
import { endWithServers, type ServerProcess, startRepeatedly } from './server-process.ts'
import { type Client, type Clients, people, readPaths, redirect_uri, type Subject } from './subject.ts'

const script = fileURLToPath(new URL('../server/bin/keywright.js', import.meta.url))

/** `again` is how often the start on the existing data folder is measured. */
export type KeywrightOptions = { folder: string; limits: boolean; again: number }

/** Starts it, measures its starts, makes clients and people. The last start is the one that stays. */
export async function startKeywright({ folder, limits, again }: KeywrightOptions): Promise<Subject> {
  const own = join(folder, 'keywright')
  mkdirSync(own, { mode: 0o711 })
  const port = await freePort()
  const dataDir = join(own, 'data')
  const env = environment({ port, dataDir, limits })
  const { config } = loadConfig({ env, cwd: own })
  const { server, startSeconds } = await startRepeatedly(
    { flags: startFlags(), script, args: ['serve'], env, folder: own, port },
    again,
  )
  return await describe({ server, port, dataDir, config, env, own, startSeconds })
}

/** The flags that `npm start` gives to Node: what is measured is what people run. */
function startFlags(): string[] {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    scripts: { start: string }
  }
  return manifest.scripts.start.split(' ').filter((word) => word.startsWith('--'))
}

type Running = {
  server: ServerProcess
  port: number
  dataDir: string
  config: Config
  env: NodeJS.ProcessEnv
  own: string
  startSeconds: Subject['startSeconds']
}

async function describe({ server, port, dataDir, config, env, own, startSeconds }: Running): Promise<Subject> {
  const run = (args: string[], input = '') => keywright(args, { env, cwd: own, input })
  // As a guest beside the server: only to ask for its settings and its process.
  const database = await openDatabase(dataDir)
  await database.close()
  const paths = await readPaths(port)
  const clients = await createClients(run)
  for (const { email, password } of people) {
    await run(['user', 'create', '--email', email, '--password-stdin', '--verified', '--json'], password)
  }
  return {
    name: 'keywright',
    port,
    paths,
    clients,
    people,
    sessions: [],
    devices: [],
    processes: [server.pid, database.pid],
    databaseProcesses: [database.pid],
    startSeconds,
    settings: describeSettings(config, database),
  }
}

/** Other settings of the person who runs the bench stay, so that their effect can be measured. */
function environment({ port, dataDir, limits }: { port: number; dataDir: string; limits: boolean }): NodeJS.ProcessEnv {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env
  const raised = {
    KEYWRIGHT_LIMITS: 'on',
    KEYWRIGHT_LIMIT_ADDRESS: '10000000',
    KEYWRIGHT_LIMIT_LOGIN_ADDRESS: '1000000',
    KEYWRIGHT_LIMIT_LOGIN_NETWORK: '1000000',
    KEYWRIGHT_LIMIT_CLIENT: '10000000',
  }
  return {
    ...inherited,
    PORT: String(port),
    KEYWRIGHT_HOST: '127.0.0.1',
    KEYWRIGHT_ISSUER: `http://127.0.0.1:${port}`,
    KEYWRIGHT_DATA_DIR: dataDir,
    ...(limits ? raised : { KEYWRIGHT_LIMITS: 'off' }),
  }
}

type Run = (args: string[], input?: string) => Promise<unknown>

async function createClients(run: Run): Promise<Clients> {
  const create = async (name: string, args: string[], alg: Client['alg']): Promise<Client> => {
    const created = await run(['client', 'create', '--name', name, ...args, '--signing-alg', alg, '--json'])
    return { ...(created as Omit<Client, 'alg'>), alg }
  }
  const machine = ['--type', 'machine', '--scope', 'read']
  const web = ['--type', 'web', '--redirect-uri', redirect_uri, '--scope', 'openid profile email', '--first-party']
  const grants = ['--grant', 'authorization_code', '--grant', 'refresh_token']
  const machineRs256 = await create('Bench machine RS256', machine, 'RS256')
  const webRs256 = await create('Bench web RS256', [...web, ...grants], 'RS256')
  return {
    machineRs256,
    machineEs256: await create('Bench machine ES256', machine, 'ES256'),
    machineSeen: machineRs256,
    webRs256,
    webEs256: await create('Bench web ES256', [...web, ...grants], 'ES256'),
    webSeen: webRs256,
  }
}

function keywright(
  args: string[],
  { env, cwd, input }: { env: NodeJS.ProcessEnv; cwd: string; input: string },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [script, ...args],
      { env, cwd, timeout: 60_000 },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`keywright ${args.slice(0, 2).join(' ')}: ${stderr.trim() || error.message}`))
        else resolve(JSON.parse(stdout))
      },
    )
    endWithServers(child)
    child.stdin?.end(input)
  })
}

function describeSettings(config: Config, database: Database): string[] {
  return [
    `limits ${config.limits ? 'on, raised' : 'off'} · audit_tokens ${config.audit_tokens} · log_level ${config.log_level} to /dev/null · access tokens ${config.access_token_format}, ${config.access_token_ttl_seconds} s`,
    `${database.settings} · database_pool ${config.database_pool} · prepared statements ${config.database_prepare ? 'on' : 'off'} · argon2id ${config.password_memory_kib} KiB, t=${config.password_passes}, p=1`,
  ]
}
