/**
 * The PostgreSQL inside under load, killed; and the server with it, killed and started again: promises I1, I3, I5 of
 * security 2.1, and embedded-postgres.md. No acknowledged step is lost, nobody is told anything wrong, nothing is left.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processesOf } from '../../../scripts/processes.ts'
import { connect, type Db } from '../../src/db/connect.ts'
import { temporaryFolder } from '../support/child.ts'
import { fixtures, type TestClient, type TestUser } from '../support/fixtures.ts'
import { startLoad } from '../support/load.ts'
import { until } from '../support/looks.ts'
import { claimsOf, type Oauth, oauthOf, tokensOf } from '../support/oauth.ts'
import { startServer } from '../support/server.ts'

let dataDir: string
let db: Db
let oauth: Oauth
let port: number | undefined
let user: TestUser
let client: TestClient
let machine: TestClient

const cluster = (): string => join(dataDir, 'postgres')

/** Starts the server on its folder, and a look of our own at its database. */
const start = async (): Promise<void> => {
  const server = await startServer({ database: 'embedded', dataDir, ...(port !== undefined && { port }) })
  port = server.port
  const address = { path: join(cluster(), '.s.PGSQL.5432'), user: 'keywright', database: 'keywright' }
  db = connect(address, { database_pool: 3, database_prepare: true })
  oauth = { ...(await oauthOf(server)), ...(await fixtures({ env: server.env, db })) }
}

beforeAll(async () => {
  dataDir = join(await temporaryFolder(), 'data')
  await start()
  user = await oauth.user()
  client = await oauth.client({ refresh_grace_seconds: 60 })
  machine = await oauth.client({ type: 'machine' })
})

afterAll(async () => await db.end({ timeout: 0 }))

const postmaster = (): number => Number.parseInt(readFileSync(join(cluster(), 'postmaster.pid'), 'utf8'), 10)

describe('the PostgreSQL inside', () => {
  it('I3, I5: kill -9 under load, twice: it comes back by itself, only 503 in between, no acknowledged refresh is lost', async () => {
    const load = await startLoad(oauth, { person: await oauth.person(user), client, machine })
    for (const round of [1, 2]) {
      const began = performance.now()
      await until(() => load.allDoneSince(began))
      const pid = postmaster()
      process.kill(pid, 'SIGKILL')
      const killed = performance.now()
      await until(() => load.allDoneSince(killed))
      expect(performance.now() - killed, `round ${round}`).toBeLessThan(10_000)
      expect(postmaster()).not.toBe(pid)
    }
    await load.stop()
    expect(load.deeds.filter(({ outcome }) => outcome === undefined)).toEqual([])
    const { grant_id } = claimsOf(load.newest().access_token)
    const [family] = await db<{ gen: number; revoked_at: Date | null }[]>`
      select gen, revoked_at from refresh_families where id = ${String(grant_id)}`
    const refreshes = load.deeds.filter(({ what, outcome }) => what === 'refresh' && outcome === 'done').length
    // Every acknowledged step is there. A step that was taken while its answer got lost was repeated, not taken twice.
    expect(family).toEqual({ gen: refreshes + 1, revoked_at: null })
    expect((await oauth.refresh(client, load.newest().refresh_token)).status).toBe(200)
    expect(oauth.server.process.exitCode).toBe(null)
  })
})

describe('the server with the PostgreSQL inside', () => {
  it('kill -9: nothing is left over, and the next start goes on where it stopped', async () => {
    const person = await oauth.person(user)
    const tokens = await oauth.grant(person, client)
    const family = String(claimsOf(tokens.access_token)['grant_id'])
    const last = tokensOf(await oauth.refresh(client, tokens.refresh_token))
    await db.end({ timeout: 0 })
    expect(await oauth.server.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
    await until(() => processesOf(dataDir).length === 0)
    await start()
    const [row] = await db<{ gen: number }[]>`select gen from refresh_families where id = ${family}`
    expect(row?.gen).toBe(2)
    expect((await oauth.userinfo(last.access_token)).status).toBe(200)
    expect((await oauth.refresh(client, last.refresh_token)).status).toBe(200)
    // The session cookie of before works too.
    expect((await oauth.server.client(person.browser.jar).get('/account')).status).toBe(200)
  })

  it('SIGTERM: both end in order, and nothing is left over', async () => {
    await db.end({ timeout: 0 })
    expect(await oauth.server.stop()).toEqual({ code: 0, signal: null })
    expect(processesOf(dataDir)).toEqual([])
    await start()
  })
})
