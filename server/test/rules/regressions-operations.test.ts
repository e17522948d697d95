/**
 * What an attacker and a reviewer once proved about keys, starts and cleaning, each by its rule's number (security.md 3.10,
 * G-4). Start reading at the first test.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { clean } from '../../src/operations/clean.ts'
import { temporaryFolder } from '../support/child.ts'
import { freshDatabase } from '../support/database.ts'
import { headerOf, type Oauth, openOauth } from '../support/oauth.ts'
import { cli, type ServerOptions, spawnServer } from '../support/server.ts'

const twoSeconds = { timeout: 2000, interval: 20 }
let oauth: Oauth

beforeAll(async () => {
  oauth = await openOauth()
})

it('3.10: a key that was declared compromised beside a running server is neither published nor used two seconds later', async () => {
  const resource = 'https://api.example/'
  const api = await oauth.client({ type: 'machine', resources: [resource], audiences: [resource] })
  const mint = async (): Promise<string> => {
    const reply = await oauth.token(api, { grant_type: 'client_credentials', resource })
    expect(reply.status, reply.body).toBe(200)
    return reply.json<{ access_token: string }>().access_token
  }
  const published = async (): Promise<unknown[]> =>
    (await oauth.server.client().get('/.well-known/jwks.json'))
      .json<{ keys: { kid: string }[] }>()
      .keys.map(({ kid }) => kid)
  const old = await mint()
  const kid = String(headerOf(old)['kid'])
  expect(await published()).toContain(kid)
  expect(await oauth.introspect(api, old)).toMatchObject({ active: true })
  const done = await cli(['keys', 'compromise', kid, '--yes'], { env: oauth.server.env })
  expect(done).toMatchObject({ code: 0, stderr: '' })
  const look = async (): Promise<unknown> => ({
    published: (await published()).includes(kid),
    signs: headerOf(await mint())['kid'] === kid,
    active: (await oauth.introspect(api, old))['active'],
  })
  await expect.poll(look, twoSeconds).toEqual({ published: false, signs: false, active: false })
  // What signs instead is published, and believed.
  const fresh = await mint()
  expect(await published()).toContain(headerOf(fresh)['kid'])
  expect(await oauth.introspect(api, fresh)).toMatchObject({ active: true })
})

describe('a start that cannot go on says why in one sentence and ends with 1', () => {
  /** What it said, less the name of the program. */
  const failing = async (options: ServerOptions): Promise<string> => {
    const server = await spawnServer(options)
    expect(await server.exit, server.output()).toEqual({ code: 1, signal: null })
    expect(server.stderr()).toMatch(/^keywright: [^\n]+\n$/)
    expect(server.stdout()).not.toContain('Keywright is running')
    return server.stderr()
  }

  it('a log file that cannot be opened', async () => {
    const notFolder = join(await temporaryFolder(), 'a file')
    writeFileSync(notFolder, '')
    const file = join(notFolder, 'log')
    expect(await failing({ env: { KEYWRIGHT_LOG_FILE: file } })).toContain(file)
  })

  it('a file where the data folder should be', async () => {
    const dataDir = join(await temporaryFolder(), 'data')
    writeFileSync(dataDir, 'a file')
    expect(await failing({ database: 'embedded', dataDir })).toContain(dataDir)
  })

  it('a database in which its role may not make tables', async () => {
    const { maintenance } = inject('postgres')
    const database = await freshDatabase('empty')
    const role = `reader_${database.name}`
    const admin = connect({ ...maintenance, database: database.name }, { database_pool: 1, database_prepare: false })
    try {
      await admin`create role ${admin(role)} login password 'only-reads'`
      await admin`revoke create on schema public from public`
      await admin`revoke create on database ${admin(database.name)} from public`
      const url = database.env['DATABASE_URL'] ?? ''
      const env =
        database.env['PGUSER'] === undefined
          ? { DATABASE_URL: url.replace(/\/\/[^@]*@/, `//${role}:only-reads@`) }
          : { PGUSER: role, PGPASSWORD: 'only-reads' }
      expect(await failing({ database, env })).toMatch(/may not|permission|right|CREATE/i)
    } finally {
      await admin`drop owned by ${admin(role)}`.catch(() => {})
      await admin`drop role if exists ${admin(role)}`
      await admin.end()
    }
  })
})

it('G-4: one pass of cleaning removes five thousand expired codes, and none that is alive', async () => {
  const insert = async (count: number, expires: string): Promise<void> => {
    await oauth.db`
      insert into authorization_codes (code_hash, client_id, user_id, session_id, grant_id, redirect_uri, redirect_uri_sent,
        scope, auth_time, acr, amr, created_at, expires_at)
      select sha256((${expires} || n)::bytea), 'c', 'u', gen_random_uuid(), gen_random_uuid(), 'https://app.example/', true,
        'openid', now(), 'aal1', '{pwd}', now(), now() + ${expires}::interval from generate_series(1, ${count}::int) n`
  }
  await insert(5000, '-2 days')
  await insert(7, '1 minute')
  await clean(oauth.ctx)
  const [row] = await oauth.db<{ left: number }[]>`
    select count(*)::int as left from authorization_codes where client_id = 'c'`
  expect(row?.left).toBe(7)
})
