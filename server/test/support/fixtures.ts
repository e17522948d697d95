/**
 * Owns people and clients for tests: made by the server's own functions in the test process, on the test file's
 * database, so that a test that needs many does not start a command for each. Start reading at `fixtures`.
 */
import { randomBytes } from 'node:crypto'
import { grants, letters } from '../../src/app.ts'
import { createClient } from '../../src/clients/manage.ts'
import type { Metadata } from '../../src/clients/registration.ts'
import { readSettings } from '../../src/config/load.ts'
import { createCtx, type Ctx } from '../../src/ctx.ts'
import type { Db } from '../../src/db/connect.ts'
import { readDeployment } from '../../src/db/deployment.ts'
import { transact } from '../../src/db/transact.ts'
import { createLog } from '../../src/io/log.ts'
import type { Letter } from '../../src/outbox/letter.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import { removeNode } from '../../src/sessions/nodes.ts'
import { createUser, prepareUser, type Registration } from '../../src/users/register.ts'
import { testDatabase } from './database.ts'

export type TestUser = { user_id: string; email: string; password: string }
/** `redirect_uri` is the first registered one. */
export type TestClient = { client_id: string; client_secret: string | undefined; redirect_uri: string }

export type Fixtures = {
  /** A record like the server's, on the same database, with the same secrets and issuer. Not a node: nobody waits for it. */
  ctx: Ctx
  db: Db
  /** A client of type web that may skip consent, unless said otherwise. A machine client has no redirect URI. */
  client: (metadata?: Partial<Metadata>) => Promise<TestClient>
  /** An active account with a verified address and a password, unless said otherwise. */
  user: (registration?: Partial<Registration>) => Promise<TestUser>
  /** Runs an operation that revokes something (changeStatus, endEverywhere …) and takes this process off the list of nodes again. */
  revoking: <T>(work: (ctx: Ctx) => Promise<T>) => Promise<T>
}

/** What a fixture needs to know of the server it works beside: its settings. Without a server: the defaults. */
export type FixtureOptions = {
  env?: Record<string, string | undefined>
  db?: Db
  clock?: () => number
  /** Kinds of letters beside those of app.ts. */
  letters?: readonly Letter[]
}

const defaults = {
  KEYWRIGHT_ISSUER: 'http://localhost:8080',
  KEYWRIGHT_LIMITS: 'off',
  KEYWRIGHT_ROOT_SECRET: 'a root secret that only the tests of this repository ever use',
}

/** Opens the fixtures of the test file's database; `env` is that of its server, if there is one. */
export const fixtures = async ({ env = {}, db: given, ...rest }: FixtureOptions = {}): Promise<Fixtures> => {
  const db = given ?? (await testDatabase()).sql
  const ctx = await contextOf(db, { ...defaults, ...env }, rest)
  return {
    ctx,
    db,
    client: async (metadata = {}) => await makeClient(ctx, metadata),
    user: async (registration = {}) => await makeUser(ctx, registration),
    revoking: async (work) => {
      try {
        return await work(ctx)
      } finally {
        await removeNode(db, ctx.nodeId)
      }
    },
  }
}

const contextOf = async (
  db: Db,
  env: Record<string, string | undefined>,
  { clock, letters: further = [] }: Pick<FixtureOptions, 'clock' | 'letters'>,
): Promise<Ctx> => {
  const values = new Map(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
  const { config, problems } = readSettings(values, { cwd: process.cwd() })
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return createCtx({
    config,
    db,
    ...createLog({ level: 'silent' }),
    version: 'test',
    deploymentId: await readDeployment(db),
    rootSecret: values.get('KEYWRIGHT_ROOT_SECRET') ?? defaults.KEYWRIGHT_ROOT_SECRET,
    grantTypes: grants.map((grant) => grant.grant_type),
    letters: [...letters, ...further],
    ...(clock && { clock }),
  })
}

const unique = (): string => randomBytes(5).toString('hex')

const makeClient = async (ctx: Ctx, metadata: Partial<Metadata>): Promise<TestClient> => {
  const type = metadata.type ?? 'web'
  const redirect_uris = metadata.redirect_uris ?? (type === 'machine' ? [] : [`https://${unique()}.example/callback`])
  const made = await createClient(ctx, {
    client_name: `Client ${unique()}`,
    first_party: true,
    ...metadata,
    type,
    redirect_uris,
  })
  if (isDenial(made)) throw new Error(`${made.error}: expected ${made.because.expected ?? ''}`)
  return { client_id: made.client_id, client_secret: made.client_secret, redirect_uri: redirect_uris[0] ?? '' }
}

const makeUser = async (ctx: Ctx, registration: Partial<Registration>): Promise<TestUser> => {
  const email = registration.email ?? `person-${unique()}@example.com`
  const password = registration.password ?? `a quiet stone arch ${unique()}`
  const now = ctx.now()
  const prepared = await prepareUser(ctx, { email_verified: true, ...registration, email, password }, now)
  const made = isDenial(prepared) ? prepared : await transact(ctx.db, async (tx) => await createUser(tx, prepared, now))
  if (isDenial(made)) throw new Error(`${made.error}: expected ${made.because.expected ?? ''}`)
  return { user_id: made.user_id, email, password }
}
