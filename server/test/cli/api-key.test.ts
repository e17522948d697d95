/** `keywright api-key …`: made for who is named, printed once, ended (security rule AK-1). */
import { beforeAll, expect, it } from 'vitest'
import { refused } from '../support/cli.ts'
import { type House, openHouse, type Person } from '../support/flow.ts'
import { cli } from '../support/server.ts'

let house: House
let admin: Person
beforeAll(async () => {
  house = await openHouse()
  admin = await house.person({ roles: ['admin'] })
})

type Key = { id: string; key: string; status: string; roles: { name: string }[]; permissions: { name: string }[] }
const run = async (...args: string[]) => await cli(['api-key', ...args], { env: house.server.env })
const statusOf = async (key: string): Promise<number> =>
  (await house.server.client().get('/api/v1/users?limit=1', { 'x-api-key': key })).status

it('makes a key with roles and permissions of its owner, lists, rotates, switches and deletes it', async () => {
  const made = await run(
    'create',
    '--user',
    admin.email,
    '--role',
    'admin',
    '--permission',
    'users:read',
    '--name',
    'Robot',
    '--json',
  )
  expect(made.code, made.stderr).toBe(0)
  const { id, key, ...rest } = made.json as Key
  expect(rest).toMatchObject({ roles: [{ name: 'admin' }], permissions: [{ name: 'users:read' }], status: 'active' })
  expect(await statusOf(key)).toBe(200)
  const listed = await run('list', '--user', admin.email)
  expect(listed.stdout).toContain('Robot')
  expect(listed.stdout).not.toContain(key)
  const next = (await run('rotate', id, '--overlap', '0', '--json')).json as Key
  await expect.poll(async () => await statusOf(key), { timeout: 2000 }).toBe(401)
  expect(await statusOf(next.key)).toBe(200)
  expect((await run('deactivate', id)).stdout).toBe(`API key ${id} is inactive.\n`)
  await expect.poll(async () => await statusOf(next.key), { timeout: 2000 }).toBe(401)
  expect((await run('activate', id)).code).toBe(0)
  await expect.poll(async () => await statusOf(next.key), { timeout: 2000 }).toBe(200)
  expect((await run('delete', id)).code).toBe(0)
  expect(await run('delete', id)).toMatchObject(refused('There is no such API key.'))
})

it('prints the key for a person with the word to keep it', async () => {
  const { stdout } = await run('create', '--user', admin.email)
  expect(stdout).toMatch(/^API key +kw_ak_[0-9A-Za-z]+$/m)
  expect(stdout).toContain('it is not shown again')
})

it.each([
  [['create', '--user', 'nobody@example.com'], 'There is no account nobody@example.com.'],
  [['rotate', 'x'], 'There is no such API key.'],
  [['activate', '0190f6a2-0000-7000-8000-000000000001'], 'There is no such API key.'],
])('refuses %j', async (args, sentence) => {
  expect(await run(...args)).toMatchObject(refused(sentence))
})

it('AK-1: gives no right that the owner lacks, not even to the operator', async () => {
  const plain = await house.person()
  expect(await run('create', '--user', plain.email, '--permission', 'users:read')).toMatchObject(
    refused('An API key cannot have rights that its owner does not hold.'),
  )
  expect(await run('create', '--user', plain.email, '--role', 'nothing')).toMatchObject(
    refused('There is no role nothing.'),
  )
})
