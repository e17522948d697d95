/**
 * Starts that go well, and starts that are cut short: a second server as a guest on one data folder, what the boot lines
 * say, and that a signal in the middle of a start leaves nothing behind.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { processesOf } from '../../../scripts/processes.ts'
import { connect } from '../../src/db/connect.ts'
import { temporaryFolder } from '../support/child.ts'
import { freshDatabase } from '../support/database.ts'
import { fixtures } from '../support/fixtures.ts'
import { until } from '../support/looks.ts'
import { type Server, spawnServer, startServer } from '../support/server.ts'

/** The token of a machine client at a server. */
const machineToken = async (server: Server, form: Record<string, string>): Promise<string> =>
  (await server.client().post('/oauth/token', { grant_type: 'client_credentials', ...form })).json<{
    access_token: string
  }>().access_token

describe('two servers on one data folder', () => {
  it('the second one, on another port, is a guest of the first one’s PostgreSQL, and goes on alone when that ends', async () => {
    const dataDir = join(await temporaryFolder(), 'data')
    const first = await startServer({ database: 'embedded', dataDir })
    const second = await startServer({ database: 'embedded', dataDir, issuer: first.issuer })
    expect(second.port).not.toBe(first.port)
    const postgres = (): number =>
      processesOf(join(dataDir, 'postgres')).filter(({ command }) => !command.startsWith('postgres: ')).length
    expect(postgres()).toBe(1)
    const address = { path: join(dataDir, 'postgres', '.s.PGSQL.5432'), user: 'keywright', database: 'keywright' }
    const db = connect(address, { database_pool: 1, database_prepare: false })
    const client = await (await fixtures({ env: first.env, db })).client({
      type: 'machine',
      token_endpoint_auth_method: 'client_secret_post',
    })
    await db.end()
    const proof = { client_id: client.client_id, client_secret: client.client_secret ?? '' }
    // What one issues, the other knows.
    const token = await machineToken(first, proof)
    const known = await second.client().post('/oauth/introspect', { ...proof, token })
    expect(known.json()).toMatchObject({ active: true, client_id: client.client_id })
    expect(await first.stop()).toEqual({ code: 0, signal: null })
    await until(async () => (await second.client().get('/health/ready')).status === 200 && postgres() === 1)
    expect((await second.client().post('/oauth/introspect', { ...proof, token })).json()).toMatchObject({
      active: true,
    })
    expect(await machineToken(second, proof)).toMatch(/^ey/)
    expect(await second.stop()).toEqual({ code: 0, signal: null })
    expect(processesOf(dataDir)).toEqual([])
  })
})

describe('the boot lines', () => {
  it('name the database that was given, without its password, and no setup link once there is an administrator', async () => {
    const database = await freshDatabase()
    const made = await fixtures({ db: database.sql, env: { KEYWRIGHT_ISSUER: 'http://localhost:1' } })
    const first = await startServer({ database })
    await until(() => first.stdout().includes('Try it'))
    expect(first.stdout()).toMatch(new RegExp(`Database +PostgreSQL at .*${database.name}\n`))
    expect(first.stdout()).toMatch(/First admin +http:\/\/localhost:\d+\/setup\?token=kw_su_\S+\n +\(one-time link/)
    await first.stop()
    await made.user({ roles: ['admin'] })
    const second = await startServer({ database })
    await until(() => second.stdout().includes('Try it'))
    expect(second.stdout()).not.toContain('First admin')
    expect(second.stdout()).not.toContain('/setup')
  })
})

describe('the demo client in the boot lines', () => {
  it('is named while it exists, and no longer when somebody has deleted it', async () => {
    const database = await freshDatabase('empty')
    const bootLines = async (): Promise<string> => {
      const server = await startServer({ database })
      await until(() => server.stdout().includes('Try it'))
      await server.stop()
      return server.stdout()
    }
    expect(await bootLines()).toMatch(/Demo client +app_demo\n/)
    expect(await bootLines()).toMatch(/Demo client +app_demo\n/)
    await database.sql`delete from clients where client_id = 'app_demo'`
    expect(await bootLines()).not.toContain('emo client')
  })

  it('is not named where none was made', async () => {
    // A migrated database is no new one.
    const server = await startServer({ database: await freshDatabase() })
    await until(() => server.stdout().includes('Try it'))
    expect(server.stdout()).not.toContain('emo client')
  })
})

describe('a signal in the middle of a start', () => {
  it.each([
    ['SIGTERM', 300],
    ['SIGKILL', 600],
  ] as const)('%s after %i ms leaves no process, and the next start works', async (signal, milliseconds) => {
    const dataDir = join(await temporaryFolder(), 'data')
    const server = await spawnServer({ database: 'embedded', dataDir })
    await sleep(milliseconds)
    server.process.kill(signal)
    await server.exit
    await until(() => processesOf(dataDir).length === 0)
    const next = await startServer({ database: 'embedded', dataDir })
    expect(await next.stop()).toEqual({ code: 0, signal: null })
  })
})
