/**
 * Owns what the demo is told from outside: addresses, ports, and the client it is. Never starts or fetches anything.
 * Start reading at `readSettings`.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout; the Keywright server and its command line run here, whatever the working directory is. */
export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url))

/** The scopes this application asks for. `read` is the one that its API wants. */
export const scope = 'openid profile email offline_access read'

export type Client = { client_id: string; client_secret: string }

export type Settings = {
  /** Address of Keywright, byte for byte as it stands in `iss`. */
  issuer: string
  /** Data folder of the Keywright server; this application's credentials are kept in it. */
  dataDir: string
  demoPort: number
  apiPort: number
  /** Address of this application, without a slash at the end. */
  demoUrl: string
  /** Address of the protected API, and so the `aud` of tokens for it (RFC 8707 §2). */
  resource: string
  /** Given credentials. Without them the client is registered through Keywright's command line. */
  client?: Client
}

/**
 * Reads the settings from the environment and, as the server does, from the `.env` of the checkout; the environment
 * wins. Throws a sentence for people when a value cannot be used.
 */
export const readSettings = (): Settings => {
  const file = resolve(repositoryRoot, '.env')
  if (existsSync(file)) process.loadEnvFile(file)
  const env = process.env
  const demoPort = readPort('DEMO_PORT', 8090)
  const apiPort = readPort('API_PORT', 8091)
  const client = readClient()
  return {
    issuer: env['KEYWRIGHT_ISSUER'] || `http://localhost:${env['PORT'] || '8080'}`,
    dataDir: resolve(repositoryRoot, env['KEYWRIGHT_DATA_DIR'] || './data'),
    demoPort,
    apiPort,
    demoUrl: `http://localhost:${demoPort}`,
    resource: `http://localhost:${apiPort}/api`,
    ...(client && { client }),
  }
}

const readPort = (name: string, fallback: number): number => {
  const text = process.env[name]
  if (text === undefined || text === '') return fallback
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new Error(`${name} must be a port from 1 to 65535, but is "${text}".`)
}

const readClient = (): Client | undefined => {
  const client_id = process.env['DEMO_CLIENT_ID']
  const client_secret = process.env['DEMO_CLIENT_SECRET']
  if (client_id && client_secret) return { client_id, client_secret }
  if (!client_id && !client_secret) return undefined
  throw new Error('DEMO_CLIENT_ID and DEMO_CLIENT_SECRET belong together: set both, or none.')
}
