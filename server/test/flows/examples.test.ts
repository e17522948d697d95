/** The example addresses: who gets through which, 401 against 403 (AD-1, RFC 6750 §3.1), on our paths and on those of system C. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { type App, type House, openHouse, type Person, tokensOf } from '../support/flow.ts'

const names = [
  'public',
  'jwt-only',
  'apikey-only',
  'either-auth',
  'admin-only',
  'read-users-permission',
  'write-users-permission',
]
const callers = [
  'nobody',
  'session',
  'jwt',
  'jwt of a reader',
  'jwt of an administrator',
  'key',
  'key of a reader',
  'key of an administrator',
  'jwt for another audience',
  'dead key',
] as const
type Name = (typeof callers)[number]

/** What each of the seven answers to each caller. */
const table: Record<Name, number[]> = {
  nobody: [200, 401, 401, 401, 401, 401, 401],
  session: [200, 401, 401, 401, 401, 401, 401],
  jwt: [200, 200, 401, 200, 403, 403, 403],
  'jwt of a reader': [200, 200, 401, 200, 403, 200, 403],
  'jwt of an administrator': [200, 200, 401, 200, 200, 200, 200],
  key: [200, 401, 200, 200, 403, 403, 403],
  'key of a reader': [200, 401, 200, 200, 403, 200, 403],
  'key of an administrator': [200, 401, 200, 200, 200, 200, 200],
  'jwt for another audience': [200, 401, 401, 401, 401, 401, 401],
  'dead key': [200, 401, 401, 401, 401, 401, 401],
}

let house: House
let app: App
let plain: Person
let signedIn: Caller
const headers: Record<string, Record<string, string>> = {}

const jwtOf = async (person: Person, resource?: string): Promise<Record<string, string>> => {
  const scope = 'openid account admin'
  const { access_token } = await tokensOf(house.server.client(), app, person, { scope, ...(resource && { resource }) })
  return { authorization: `Bearer ${access_token}` }
}

const keyOf = async (person: Person, ...roles: string[]): Promise<{ id: string; key: string }> => {
  const found = await house.sql<{ id: string }[]>`select id from roles where name = any(${roles})`
  const caller = await callerOf(house, person)
  const made = await caller.call('POST', 'api-keys', { name: 'x', role_ids: found.map(({ id }) => id) })
  return made.json()
}

beforeAll(async () => {
  house = await openHouse()
  const api = `${house.server.issuer}/api/v1`
  app = await house.app({ first_party: true, resources: [api], scope: 'openid account admin' })
  await house.sql`insert into roles (name) values ('reader')`
  await house.sql`
    insert into role_permissions select r.id, p.id from roles r, permissions p where r.name = 'reader' and p.name = 'users:read'`
  plain = await house.person()
  const [reader, admin] = [await house.person({ roles: ['reader'] }), await house.person({ roles: ['admin'] })]
  signedIn = await callerOf(house, admin)
  const dead = await keyOf(admin, 'admin')
  await signedIn.call('POST', `api-keys/${dead.id}/deactivate`, {})
  Object.assign(headers, {
    jwt: await jwtOf(plain, api),
    'jwt of a reader': await jwtOf(reader, api),
    'jwt of an administrator': await jwtOf(admin, api),
    'jwt for another audience': await jwtOf(admin),
    key: { 'x-api-key': (await keyOf(plain)).key },
    'key of a reader': { authorization: `Bearer ${(await keyOf(reader, 'reader')).key}` },
    'key of an administrator': { 'x-api-key': (await keyOf(admin, 'admin')).key },
    'dead key': { 'x-api-key': dead.key },
  })
})

const call = async (caller: Name, path: string) =>
  caller === 'session' ? await signedIn.client.get(path) : await house.server.client().get(path, headers[caller] ?? {})

describe.each(callers)('%s', (caller) => {
  it.each(names.map((name, index) => [name, table[caller][index] ?? 0] as const))('%s: %i', async (name, status) => {
    for (const path of ['/api/v1/examples', '/examples', '/demo']) {
      const reply = await call(caller, `${path}/${name}`)
      expect(reply.status, `${path} ${reply.body}`).toBe(status)
      const challenged = reply.headers['www-authenticate']?.startsWith('Bearer realm="keywright"') ?? false
      expect(challenged).toBe(status === 401)
      expect(reply.headers['deprecation'] !== undefined).toBe(path !== '/api/v1/examples')
    }
  })
})

it('says who it was and how', async () => {
  const byToken = await call('jwt', '/api/v1/examples/either-auth')
  expect(byToken.json()).toMatchObject({ auth_type: 'JWT', user_id: plain.user_id, email: plain.email })
  const byKey = await call('key', '/api/v1/examples/either-auth')
  expect(byKey.json()).toMatchObject({ auth_type: 'API_KEY', user_id: plain.user_id, email: plain.email })
})
