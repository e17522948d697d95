/**
 * PgBouncer in transaction mode between two nodes and the database: every statement may run on another connection, and
 * none may be told anything of its own. Everything works, with fewer connections than the nodes would open.
 */
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { freshDatabase, testDatabase } from '../support/database.ts'
import { openGate } from '../support/gate.ts'
import { until } from '../support/looks.ts'
import { type Oauth, oauthOf } from '../support/oauth.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { cli, spawnServer, startServer } from '../support/server.ts'

let env: Record<string, string | undefined>
let one: Oauth
let two: Oauth

beforeAll(async () => {
  // The gate gives the PostgreSQL of the run, which listens on a socket of its own user, an address for everybody.
  const gate = await openGate(inject('postgres').address, (await testDatabase()).name)
  const DATABASE_URL = await startPgBouncer(gate.env['DATABASE_URL'] ?? '', 3)
  env = { DATABASE_URL, PGHOST: undefined, PGUSER: undefined, KEYWRIGHT_DATABASE_PREPARE: 'off' }
  one = await oauthOf(await startServer({ env }))
  two = await oauthOf(await startServer({ env }))
})

describe('PgBouncer in transaction mode', () => {
  it('a person signs in, and an application uses all there is, on two nodes by turns', async () => {
    const person = await one.person()
    const client = await one.client({ refresh_grace_seconds: 60 })
    const code = await one.code(person, client)
    expect((await two.redeem(client, code)).status).toBe(200)
    // Once means once, whichever connection it goes through.
    expect((await one.redeem(client, code)).status).toBe(400)
    const tokens = await two.grant(person, client)
    const [left, right] = await Promise.all([one, two].map((node) => node.refresh(client, tokens.refresh_token)))
    expect([left?.status, right?.status]).toEqual([200, 200])
    expect((await one.userinfo(tokens.access_token)).status).toBe(200)
    expect(await two.introspect(client, tokens.access_token)).toMatchObject({ active: true })
    expect((await one.server.client(person.browser.jar).get('/account')).status).toBe(200)
  })

  it('3.3: a revocation at one node is known to the other when it is acknowledged, without notifications', async () => {
    const client = await one.client()
    const tokens = await one.grant(await one.person(), client)
    expect((await two.userinfo(tokens.access_token)).status).toBe(200)
    const done = await one.post('/oauth/revoke', client, { token: tokens.refresh_token ?? '' })
    expect(done.status).toBe(200)
    expect((await two.userinfo(tokens.access_token)).status).toBe(401)
  })

  it('many at once, through three connections: all are served', async () => {
    const machine = await one.client({ type: 'machine' })
    const all = Array.from({ length: 60 }, async (_, index) => {
      const node = index % 2 === 0 ? one : two
      return (await node.token(machine, { grant_type: 'client_credentials' })).status
    })
    expect(new Set(await Promise.all(all))).toEqual(new Set([200]))
  })

  it('commands work through it too, and a new key reaches the nodes', async () => {
    const rotated = await cli(['keys', 'rotate', '--now', '--json'], { env: one.server.env })
    expect(rotated).toMatchObject({ code: 0, stderr: '' })
    const kid = /"kid": ?"([^"]+)"/.exec(rotated.stdout)?.[1] ?? 'none'
    for (const node of [one, two])
      await until(async () => (await node.server.client().get('/.well-known/jwks.json')).body.includes(kid))
  })

  it('nothing of ours stays on its connections: nobody listens there, no setting is left behind', async () => {
    const db = connect(env['DATABASE_URL'] ?? '', { database_pool: 3, database_prepare: false })
    const seen = await Promise.all(
      [1, 2, 3].map(
        async () => (await db`select count(*)::int as channels from pg_listening_channels(), pg_sleep(0.1)`)[0],
      ),
    )
    expect(seen).toEqual([{ channels: 0 }, { channels: 0 }, { channels: 0 }])
    await db.end({ timeout: 1 })
  })

  it('says at start that PostgreSQL has no limits here, and what to do about it', async () => {
    await until(() => one.server.stdout().includes('Try it'))
    expect(one.server.stdout()).toMatch(/Note +PostgreSQL ends no statement by itself here: .*docs\/database\.md/)
  })

  it('says nothing once the limits are set where the database is', async () => {
    const { name, sql } = await freshDatabase()
    await sql`alter database ${sql(name)} set statement_timeout = '5s'`
    const { env: direct } = await openGate(inject('postgres').address, name)
    const server = await startServer({ database: { name, sql, env: {} }, env: direct })
    await until(() => server.stdout().includes('Try it'))
    expect(server.stdout()).not.toContain('Note')
  })

  it('with prepared statements the start fails, in one sentence that names the setting', async () => {
    const server = await spawnServer({ env: { ...env, KEYWRIGHT_DATABASE_PREPARE: undefined } })
    expect(await server.exit).toEqual({ code: 1, signal: null })
    expect(server.stderr()).toMatch(
      /^keywright: PostgreSQL at 127\.0\.0\.1:\d+ cannot be used: unsupported startup parameter: .*\. Behind PgBouncer in transaction mode set KEYWRIGHT_DATABASE_PREPARE=off\.\n$/,
    )
  })
})
