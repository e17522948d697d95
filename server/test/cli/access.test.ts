/** `keywright role|permission|group|service-account …`: what the API does, by names (product rows 19, 30). */
import { beforeAll, expect, it } from 'vitest'
import { refused } from '../support/cli.ts'
import { type House, openHouse, type Person } from '../support/flow.ts'
import { type CliResult, cli } from '../support/server.ts'

let house: House
let ada: Person
const run = async (...args: string[]): Promise<CliResult> => await cli([...args, '--json'], { env: house.server.env })
/** What a command prints that has to work. */
const done = async <T = Record<string, unknown>>(...args: string[]): Promise<T> => {
  const result = await run(...args)
  expect([args.join(' '), result.code, result.stderr]).toEqual([args.join(' '), 0, ''])
  return result.json as T
}
const rolesOf = async (): Promise<string[]> => (await done<{ roles: string[] }>('user', 'show', ada.email)).roles

beforeAll(async () => {
  house = await openHouse()
  ada = await house.person()
})

it('permissions and roles are made, composed, given, taken and deleted', { timeout: 120_000 }, async () => {
  await done('permission', 'create', 'invoices:read', '--description', 'See invoices')
  await done('permission', 'create', 'invoices:write')
  expect(await done('role', 'create', 'accountant', '--permission', 'invoices:read')).toMatchObject({
    name: 'accountant',
    permissions: ['invoices:read'],
  })
  const changed = [
    'role',
    'update',
    'ACCOUNTANT',
    '--name',
    'bookkeeper',
    '--add',
    'invoices:write',
    '--remove',
    'invoices:read',
  ]
  expect(await done(...changed)).toMatchObject({ name: 'bookkeeper', permissions: ['invoices:write'] })
  await done('role', 'grant', 'bookkeeper', '--user', ada.email)
  expect(await rolesOf()).toEqual(['bookkeeper'])
  await done('role', 'revoke', 'bookkeeper', '--user', ada.email)
  expect(await rolesOf()).toEqual([])
  await done('role', 'delete', 'bookkeeper', '--yes')
  await done('permission', 'delete', 'invoices:write', '--yes')
  const { permissions } = await done<{ permissions: { name: string; builtin: boolean }[] }>('permission', 'list')
  expect(permissions.filter(({ builtin }) => !builtin).map(({ name }) => name)).toEqual(['invoices:read'])
})

it('groups are made, moved, filled and deleted; their roles count', { timeout: 120_000 }, async () => {
  await done('group', 'create', 'Staff', '--description', 'Everybody')
  await done('group', 'create', 'Accounting', '--under', 'staff')
  await done('role', 'grant', 'viewer', '--group', 'Staff')
  const members = await done<{ members: { email: string }[] }>('group', 'members', 'Accounting', '--add', ada.email)
  expect(members.members.map(({ email }) => email)).toEqual([ada.email])
  expect(await rolesOf()).toEqual(['viewer'])
  await done('group', 'update', 'Accounting', '--top')
  expect(await rolesOf()).toEqual([])
  const { groups } = await done<{ groups: { name: string; parent_id: string | null }[] }>('group', 'list')
  expect(groups.map(({ name, parent_id }) => [name, parent_id])).toEqual([
    ['Staff', null],
    ['Accounting', null],
  ])
  await done('group', 'delete', 'Accounting', '--yes')
})

it('service accounts are made with roles, switched off and on, and deleted', { timeout: 120_000 }, async () => {
  const made = await done('service-account', 'create', 'nightly', '--role', 'viewer', '--description', 'Reports')
  expect(made).toMatchObject({ username: 'nightly', status: 'active', roles: ['viewer'] })
  expect(await done('service-account', 'update', 'nightly', '--name', 'Nightly')).toMatchObject({ name: 'Nightly' })
  expect(await done('service-account', 'disable', 'nightly')).toMatchObject({ status: 'disabled' })
  expect(await done('service-account', 'enable', 'nightly')).toMatchObject({ status: 'active' })
  expect(await done('service-account', 'list')).toMatchObject({ service_accounts: [{ username: 'nightly' }] })
  await done('service-account', 'delete', 'nightly', '--yes')
  expect(await done('service-account', 'list')).toEqual({ service_accounts: [] })
})

it.each([
  [
    ['role', 'create', 'two words'],
    'The name of a role is 1 to 100 letters, digits, dots, dashes, colons or underscores.',
  ],
  [['role', 'create', 'x', '--permission', 'no:thing'], 'There is no permission no:thing.'],
  [['role', 'delete', 'admin', '--yes'], 'The role admin cannot be deleted.'],
  [['permission', 'delete', 'users:read', '--yes'], 'This server itself asks for this permission.'],
  [['group', 'members', 'nowhere'], 'There is no group nowhere.'],
  [['service-account', 'disable', 'nobody'], 'There is no account nobody.'],
])('%j is refused in one sentence', async (args, sentence) => {
  expect(await run(...args)).toMatchObject(refused(sentence))
})
