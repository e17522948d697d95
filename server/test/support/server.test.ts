/** The harness starts and stops the real server, alone and as a cluster, and runs the real command line. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { testDatabase } from './database.ts'
import { cli, spawnServer, startCluster, startServer } from './server.ts'

test('a server is ready when it is handed out, and SIGTERM ends it with 0', async () => {
  const server = await startServer()
  const reply = await server.client().get('/.well-known/openid-configuration')
  expect(reply.status).toBe(200)
  expect(reply.json().issuer).toBe(server.issuer)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('an embedded server needs no database of ours', async () => {
  const server = await startServer({ database: 'embedded' })
  expect(existsSync(server.dataDir)).toBe(true)
  expect(server.env.DATABASE_URL).toBeUndefined()
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('a cluster is one issuer on several ports', async () => {
  const servers = await startCluster(2)
  const issuers = await Promise.all(
    servers.map(async (server) => (await server.client().get('/.well-known/openid-configuration')).json().issuer),
  )
  expect(new Set(issuers)).toEqual(new Set([servers[0]?.issuer]))
  expect(new Set(servers.map((server) => server.origin)).size).toBe(2)
})

test('a server that cannot start is an error with its own words', async () => {
  await expect(startServer({ env: { KEYWRIGHT_PROFILE: 'nonsense' } })).rejects.toThrow(
    /ended with 1[^]*KEYWRIGHT_PROFILE/,
  )
  const server = await spawnServer({ env: { KEYWRIGHT_NO_SUCH_SETTING: '1' } })
  expect(await server.exit).toEqual({ code: 1, signal: null })
  expect(server.stderr()).toContain('KEYWRIGHT_NO_SUCH_SETTING')
})

test('the command line works on the database of the test file', async () => {
  const email = 'someone@example.com'
  const made = await cli(['user', 'create', '--email', email, '--password-stdin', '--json'], {
    input: 'a long password\n',
  })
  expect(made.stderr).toBe('')
  expect(made.json).toEqual({ user_id: expect.any(String) as unknown })
  const { sql } = await testDatabase()
  expect(await sql`select email from users`).toEqual([{ email }])
})
