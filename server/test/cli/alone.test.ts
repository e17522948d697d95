/** Commands without a server: the embedded PostgreSQL is started for them and stopped again. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { childEnv, shim, startChild, temporaryFolder } from '../support/child.ts'
import { freePort } from '../support/port.ts'
import { cli, startServer } from '../support/server.ts'

it('work in a fresh folder, leave no process, and the server finds what they made', { timeout: 90_000 }, async () => {
  const folder = await temporaryFolder()
  const dataDir = join(folder, 'data')
  const port = await freePort()
  const env = { KEYWRIGHT_DATA_DIR: dataDir, PORT: String(port) }
  const lock = join(dataDir, 'postgres', 'postmaster.pid')
  const password = 'a quiet stone arch'
  const args = ['user', 'create', '--email', 'ada@example.com', '--password-stdin', '--role', 'admin', '--json']
  const created = await cli(args, { env, input: password, cwd: folder })
  expect(created, created.stderr).toMatchObject({
    code: 0,
    stderr: `Note: there was no database, so an empty one was made in ${dataDir}. Commands read the same settings as the server (.env or environment).\n`,
    json: { user_id: expect.any(String) as string },
  })
  expect([existsSync(join(dataDir, 'postgres')), existsSync(lock)]).toEqual([true, false])
  const client = await cli(['client', 'create', '--name', 'x', '--type', 'machine', '--json'], { env, cwd: folder })
  expect(client).toMatchObject({ code: 0, stderr: '' })
  expect(existsSync(lock)).toBe(false)

  const server = await startServer({ database: 'embedded', dataDir, port, env: { KEYWRIGHT_ROOT_SECRET: undefined } })
  expect(server.output()).not.toContain('First admin')
  const reply = await server.client().get('/login')
  const browser = server.client()
  const answer = await browser.submit(await browser.get('/login'), { login: 'ada@example.com', password })
  expect([reply.status, answer.status]).toEqual([200, 303])
  const { client_id, client_secret } = client.json as { client_id: string; client_secret: string }
  const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
  const token = await server
    .client()
    .post('/oauth/token', { grant_type: 'client_credentials' }, { authorization: `Basic ${basic}` })
  expect(token.status).toBe(200)

  // Beside it: the same PostgreSQL, which the command leaves running.
  const beside = await cli(['user', 'list', '--json'], { env: server.env, cwd: folder })
  expect(beside).toMatchObject({ code: 0, json: { users: [{ email: 'ada@example.com' }] } })
  expect((await server.client().get('/health/ready')).status).toBe(200)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
  expect(existsSync(lock)).toBe(false)
})

it('stop the embedded PostgreSQL properly when they are interrupted', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder()
  const dataDir = join(folder, 'data')
  const env = { KEYWRIGHT_DATA_DIR: dataDir }
  const lock = join(dataDir, 'postgres', 'postmaster.pid')
  expect(await cli(['migrate'], { env, cwd: folder })).toMatchObject({ code: 0, stderr: '' })
  expect(existsSync(lock)).toBe(false)
  const child = startChild([process.execPath, shim, 'keys', 'rotate'], { env: childEnv(env), cwd: folder })
  await expect.poll(() => existsSync(lock), { timeout: 20_000, interval: 2 }).toBe(true)
  expect(await child.kill('SIGTERM')).toEqual({ code: 143, signal: null })
  expect(existsSync(lock)).toBe(false)
})

it('seed is meant to make the database, and says nothing of it', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder()
  const env = { KEYWRIGHT_DATA_DIR: join(folder, 'data') }
  expect(await cli(['seed', '--json'], { env, cwd: folder })).toMatchObject({ code: 0, stderr: '' })
})
