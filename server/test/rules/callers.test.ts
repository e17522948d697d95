/**
 * AD-1: every route of the JSON API × every kind of caller. Who lacks the permission gets 403 and nothing else, who is nobody 401
 * with a challenge, who owns another object 404; and nobody is kept out who holds what the route wants.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { seededRoles } from '../../src/access/permissions.ts'
import { routesFor } from '../../src/app.ts'
import type { Route } from '../../src/http/route.ts'
import { type Caller, callerOf } from '../support/api.ts'
import { type House, openHouse, type Person, tokensOf } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'

const routes = routesFor({ compat_paths: false }).filter(
  (route) => route.auth === 'person' && route.path.startsWith('/api/v1/'),
)
const named = (wanted: (route: Route) => boolean) =>
  routes.filter(wanted).map((route): [string, Route] => [`${route.method} ${route.path}`, route])
const byPermission = named(({ may }) => may !== 'self')
const forOneself = named(({ may }) => may === 'self')
const owned = byPermission.filter(([, { orOwner }]) => orOwner === true)

const roles = seededRoles.map(({ name }) => name)
const granted = new Map(seededRoles.map(({ name, permissions }) => [name, permissions]))
const everything = granted.get('admin') ?? []

type Send = (route: Route, path?: string) => Promise<Reply>

let house: House
const as: Record<string, Send> = {}
/** Objects of somebody, by the first part of their address. */
const theirs = new Map<string, string>()

/** An address whose parts name nothing. */
const emptyAddress = ({ path }: Route): string => path.replaceAll(/:[a-z_]+/g, 'nothing')

/** Bodies that the routes can read, where an empty one is none: whose an object is, is asked after the body was read. */
const bodies: Record<string, unknown> = {
  'PUT /api/v1/applications/:id': { client_name: 'x', type: 'web', redirect_uris: ['https://x.example/callback'] },
  'POST /api/v1/applications/:id/transfer': { user_id: 'somebody' },
  'POST /api/v1/resources/:id/permissions': { name: 'x:y' },
  'POST /api/v1/webhooks/:id/replay': { from: new Date(0).toISOString() },
}

const bodyOf = ({ method, path, accepts }: Route) => {
  if (method === 'GET' || accepts === undefined) return {}
  return accepts === 'lines'
    ? { body: '', headers: { 'content-type': 'application/x-ndjson' } }
    : { json: bodies[`${method} ${path}`] ?? {} }
}

const sendAs =
  (headers: Record<string, string>): Send =>
  async (route, path = emptyAddress(route)) => {
    const { headers: own, ...body } = { headers: {}, ...bodyOf(route) }
    return await house.server.client().request(path, { method: route.method, ...body, headers: { ...own, ...headers } })
  }

/** In a browser: the same with its cookie and the token of its forms. */
const sendIn =
  ({ client, csrf_token }: { client: Caller['client']; csrf_token: string }): Send =>
  async (route, path = emptyAddress(route)) => {
    const { headers: own, ...body } = { headers: {}, ...bodyOf(route) }
    const headers = { ...own, origin: house.server.issuer, 'x-csrf-token': csrf_token }
    return await client.request(path, { method: route.method, ...body, headers })
  }

const inBrowser = async (person: Person): Promise<Send> => {
  const { client } = await callerOf(house, person)
  const { csrf_token } = (await client.get('/api/v1/auth/session')).json<{ csrf_token: string }>()
  return sendIn({ client, csrf_token })
}

const keyOf = async (person: Person, permission_ids: readonly string[]): Promise<Send> => {
  const made = await (await callerOf(house, person)).call('POST', 'api-keys', { name: 'x', permission_ids })
  expect(made.status, made.body).toBe(201)
  return sendAs({ 'x-api-key': made.json<{ key: string }>().key })
}

const makeTheirs = async (owner: Caller, admin: Caller): Promise<void> => {
  const make = async (
    caller: Caller,
    path: string,
    body: unknown,
    id: (made: Record<string, string>) => string | undefined,
  ) => {
    const made = await caller.call('POST', path, body)
    expect(made.status, made.body).toBe(201)
    theirs.set(path, id(made.json()) ?? '')
  }
  const redirect_uris = ['https://theirs.example/callback']
  await make(owner, 'applications', { client_name: 'Theirs', type: 'web', redirect_uris }, (made) => made['client_id'])
  await make(owner, 'api-keys', { name: 'Theirs' }, (made) => made['id'])
  await make(admin, 'resources', { identifier: 'https://theirs.example/api', name: 'Theirs' }, (made) => made['id'])
  const hook = { name: 'Theirs', url: 'https://example.com/hook', events: ['*'], client_id: theirs.get('applications') }
  await make(owner, 'webhooks', hook, (made) => made['id'])
}

beforeAll(async () => {
  house = await openHouse()
  const api = `${house.server.issuer}/api/v1`
  for (const role of roles) as[role] = await inBrowser(await house.person({ roles: [role] }))
  as['plain'] = await inBrowser(await house.person())
  as['nobody'] = sendAs({})
  const boss = await house.person({ roles: ['admin'] })
  const app = await house.app({ first_party: true, resources: [api], scope: 'openid account admin' })
  const tokenFor = async (scope: string, resource?: string) =>
    sendAs({
      authorization: `Bearer ${(await tokensOf(house.server.client(), app, boss, { scope, ...(resource && { resource }) })).access_token}`,
    })
  as['token'] = await tokenFor('openid account admin', api)
  as['token without admin'] = await tokenFor('openid account', api)
  as['token without account'] = await tokenFor('openid admin', api)
  as['token without either'] = await tokenFor('openid', api)
  as['token for another audience'] = await tokenFor('openid account admin')
  const machine = await house.app({ type: 'machine', scope: 'admin', resources: [api] })
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'admin', resource: api })
  const basic = Buffer.from(`${machine.client_id}:${machine.client_secret}`).toString('base64')
  const own = await house.server.client().post('/oauth/token', form, { authorization: `Basic ${basic}` })
  as['token of a machine'] = sendAs({ authorization: `Bearer ${own.json<{ access_token: string }>().access_token}` })
  const all = await house.sql<{ id: string; name: string }[]>`select id, name from permissions`
  as['key'] = await keyOf(
    boss,
    all.map(({ id }) => id),
  )
  as['key without permission'] = await keyOf(boss, [])
  await makeTheirs(await callerOf(house, await house.person()), await callerOf(house, boss))
}, 120_000)

const send = async (caller: string, route: Route, path?: string): Promise<Reply> => {
  const found = as[caller]
  if (found === undefined) throw new Error(`there is no ${caller}`)
  return await found(route, path)
}

/** Status, and the code of a refusal. */
const outcome = (reply: Reply): [number, string] => {
  const isProblem = reply.headers['content-type']?.startsWith('application/problem+json') ?? false
  return [reply.status, isProblem ? reply.json<{ code: string }>().code : '']
}

const expectUnknown = (reply: Reply): void => {
  expect(reply.status, reply.body).toBe(401)
  expect(reply.headers['www-authenticate']).toMatch(/^Bearer realm="keywright"/)
}

it('the routes name permissions that there are, and each permission but those of other doors opens some', () => {
  const wanted = new Set(byPermission.map(([, { may }]) => may))
  for (const may of wanted) expect(everything).toContain(may)
})

describe.each(routes.map((route): [string, Route] => [`${route.method} ${route.path}`, route]))(
  '%s',
  (_name, route) => {
    it('is closed to nobody, to a token that is not for this API, and to one of an application itself', async () => {
      for (const caller of ['nobody', 'token for another audience', 'token of a machine'])
        expectUnknown(await send(caller, route))
    })
  },
)

describe.each(byPermission)('%s', (_name, route) => {
  const may = route.may ?? ''
  const inBrowsers = route.proofs?.includes('session') ?? true
  it.each(inBrowsers ? [...roles, 'plain'] : [])('%s', async (role) => {
    const holds = granted.get(role)?.includes(may) ?? false
    const [status, code] = outcome(await send(role, route))
    expect(code === 'permission_denied' || code === 'login_required', `${status} ${code}`).toBe(
      !holds && route.orOwner !== true,
    )
    expect(status).toBeLessThan(500)
  })

  it('opens to a token with the scope, and to no other', async () => {
    const [, code] = outcome(await send('token', route))
    expect(['permission_denied', 'insufficient_scope']).not.toContain(code)
    expect(outcome(await send('token without admin', route))).toEqual([403, 'insufficient_scope'])
    expect(outcome(await send('token without either', route))).toEqual([403, 'insufficient_scope'])
  })

  it('opens to a key that holds the permission, and to no other', async () => {
    const [status, code] = outcome(await send('key', route))
    expect(code, String(status)).not.toBe('permission_denied')
    expect(outcome(await send('key without permission', route))).toEqual([403, 'permission_denied'])
  })
})

describe.each(forOneself)('%s', (_name, route) => {
  it('wants the scope account of an application, and no API key unless it says so', async () => {
    const forKeys = route.proofs !== undefined && !route.proofs.includes('token')
    const [status, code] = outcome(await send('token without account', route))
    expect([status, code]).toEqual(forKeys ? [401, 'invalid_token'] : [403, 'insufficient_scope'])
    const byKey = outcome(await send('key without permission', route))
    const keysIn = route.keys === true || route.proofs?.includes('api_key') === false
    expect(byKey[1] === 'access_denied').toBe(!keysIn)
  })
})

describe.each(owned.filter(([, { path }]) => path.includes(':')))('%s', (_name, route) => {
  it('of somebody else is not there', async () => {
    const [, , , first = ''] = route.path.split('/')
    const path = route.path.replace(/:[a-z_]+/, theirs.get(first) ?? '').replaceAll(/:[a-z_]+/g, 'nothing')
    const [status, code] = outcome(await send('plain', route, path))
    expect([status, code], path).toEqual([404, 'not_found'])
  })
})
