/**
 * Owns the peer: installs oidc-provider when it is not there, gives it a PostgreSQL of its own and starts it. What it
 * runs is bench/peer/server.js. Start reading at `startPeer`.
 */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../server/test/support/port.ts'
import { type Database, openDatabase } from './database.ts'
import { startRepeatedly } from './server-process.ts'
import { type Client, type Clients, people, readPaths, redirect_uri, type Subject } from './subject.ts'

const home = fileURLToPath(new URL('peer/', import.meta.url))
const poolSize = 10

/** Starts it with fresh tables, measures its starts (its database is running by then). Throws one sentence when it cannot. */
export async function startPeer({ folder, again }: { folder: string; again: number }): Promise<Subject> {
  installPeer()
  const own = join(folder, 'peer')
  mkdirSync(own, { mode: 0o711 })
  return await startOn(await openDatabase(join(own, 'data')), { own, again })
}

async function startOn(database: Database, { own, again }: { own: string; again: number }): Promise<Subject> {
  const port = await freePort()
  const clients = describeClients()
  const { address, settings, pid } = database
  const given = {
    port,
    database: address,
    pool: poolSize,
    clients: Object.values(clients),
    users: people,
    redirect_uri,
    keys: makeKeys(),
  }
  const env = { ...process.env, NODE_ENV: 'production', PEER_SETTINGS: JSON.stringify(given) }
  const { server, startSeconds } = await startRepeatedly(
    { script: join(home, 'server.js'), args: [], env, folder: own, port },
    again,
  )
  return {
    name: 'oidc-provider',
    port,
    paths: await readPaths(port),
    clients,
    people,
    sessions: [],
    devices: [],
    processes: [server.pid, pid],
    databaseProcesses: [pid],
    startSeconds,
    settings: describeSettings(settings),
  }
}

/** npm leaves a copy of the lockfile behind when it has installed it. */
function installPeer(): void {
  const done = join(home, 'node_modules', '.package-lock.json')
  const wanted = join(home, 'package-lock.json')
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(wanted).mtimeMs) return
  process.stderr.write('Installing oidc-provider in bench/peer …\n')
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: home,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 180_000,
    })
  } catch (error) {
    const said =
      error instanceof Error && 'stderr' in error && Buffer.isBuffer(error.stderr) ? error.stderr.toString() : ''
    const reason =
      said.split('\n').find((line) => /npm (error|ERR!)/.test(line)) ?? (said.split('\n')[0] || String(error))
    throw new Error(`The peer cannot be installed: "npm ci" in bench/peer failed (${reason.trim()}).`, { cause: error })
  }
}

function describeClients(): Clients {
  const client = (client_id: string, type: 'machine' | 'web', alg: Client['alg']) => ({
    client_id,
    client_secret: `a secret of the bench for ${client_id}`.replaceAll(' ', '-'),
    type,
    alg,
  })
  return {
    machineRs256: client('machine-rs256', 'machine', 'RS256'),
    machineEs256: client('machine-es256', 'machine', 'ES256'),
    machineSeen: client('machine-opaque', 'machine', 'opaque'),
    webRs256: client('web-rs256', 'web', 'RS256'),
    webEs256: client('web-es256', 'web', 'ES256'),
    webSeen: client('web-opaque', 'web', 'opaque'),
  }
}

function makeKeys(): object[] {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  return [
    { ...rsa.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'rs256' },
    { ...ec.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'es256' },
  ]
}

function describeSettings(database: string): string[] {
  const { version } = JSON.parse(readFileSync(join(home, 'node_modules', 'oidc-provider', 'package.json'), 'utf8')) as {
    version: string
  }
  return [
    `oidc-provider ${version}, one process, NODE_ENV=production, no logs, keys of 2048 bits and P-256 read once, clients and accounts in memory, devInteractions off, a sign-in form of its own`,
    `${database} · pool ${poolSize} · one table, one statement for each adapter call, prepared · argon2id 19456 KiB, t=2, p=1`,
    'access tokens of client credentials, exchange and refresh: JWT, 300 s (resource indicators), so two JWTs like ours · refresh tokens rotate · consent as for a first-party client',
    'introspection, userinfo, revocation: opaque access tokens, because it refuses its own JWT ones there · start: its database runs already',
  ]
}
