/**
 * Owns what the bench knows of a server under measurement, whichever it is: addresses, clients, people, processes.
 * Start reading at `Subject`.
 */
import { request } from 'node:http'

/** A registered client and the algorithm of the tokens it gets. */
export type Client = { client_id: string; client_secret: string; alg: 'RS256' | 'ES256' | 'opaque' }

/** A person with an account. */
export type Person = { email: string; password: string }

/** `machine` clients use client credentials, `web` clients the code flow; `seen` are those whose tokens are asked about. */
export type Clients = Record<
  'machineRs256' | 'machineEs256' | 'machineSeen' | 'webRs256' | 'webEs256' | 'webSeen',
  Client
>

/** Paths on the server, as its discovery document says. */
export type Paths = Record<'discovery' | 'jwks' | 'authorize' | 'token' | 'introspect' | 'userinfo' | 'revoke', string>

export type SubjectName = 'keywright' | 'oidc-provider'

/** A running server that is ready for every row. `startSeconds.again` holds every start on an existing database. */
export type Subject = {
  name: SubjectName
  port: number
  paths: Paths
  clients: Clients
  people: Person[]
  /** Cookie headers of people who are signed in; empty until somebody signed them in. */
  sessions: string[]
  /** A Cookie header pair for each person: what their browser keeps when a session has ended. */
  devices: (string | undefined)[]
  /** The processes whose CPU time is counted: the server and its database. */
  processes: number[]
  /** Those of them that are the database: not counted as the server's memory. */
  databaseProcesses: number[]
  startSeconds: { first: number; again: number[] }
  /** What a reader must know to judge the figures, one line each. */
  settings: string[]
}

/** Where codes are sent; nobody listens there and nobody follows. */
export const redirect_uri = 'https://client.example/callback'

export const discoveryPath = '/.well-known/openid-configuration'

/**
 * The people of the bench: so many that no single row of the database carries all the load, and that with 32 sign-ins in
 * flight nobody has more than two, which the throttle per account would take for guessing.
 */
export const people: Person[] = Array.from({ length: 16 }, (_, number) => ({
  email: `person-${number}@bench.example`,
  password: `correct horse ${number} battery`,
}))

/** Reads the addresses from the discovery document; throws when one is missing. */
export async function readPaths(port: number): Promise<Paths> {
  const { status, body } = await get(port, discoveryPath)
  if (status !== 200) throw new Error(`${discoveryPath} answers ${status}`)
  const document = JSON.parse(body) as Record<string, unknown>
  const path = (member: string): string => {
    const address = document[member]
    if (typeof address !== 'string') throw new Error(`discovery has no ${member}`)
    return new URL(address).pathname
  }
  return {
    discovery: discoveryPath,
    jwks: path('jwks_uri'),
    authorize: path('authorization_endpoint'),
    token: path('token_endpoint'),
    introspect: path('introspection_endpoint'),
    userinfo: path('userinfo_endpoint'),
    revoke: path('revocation_endpoint'),
  }
}

/**
 * Waits for the first discovery answer; seconds since `since` (of performance.now()). `isAlive` ends the wait early.
 * @throws when the process is gone or a minute has passed.
 */
export async function firstAnswer(port: number, since: number, isAlive: () => boolean): Promise<number> {
  for (;;) {
    const status = await get(port, discoveryPath).then(
      (answer) => answer.status,
      () => 0,
    )
    const seconds = (performance.now() - since) / 1000
    if (status === 200) return seconds
    if (!isAlive()) throw new Error('it ended before it answered')
    if (seconds > 60) throw new Error(`no discovery answer within a minute (last status ${status})`)
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
}

function get(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
    })
    asked.setTimeout(10_000, () => asked.destroy(new Error('no answer within ten seconds')))
    asked.on('error', reject)
    asked.end()
  })
}
