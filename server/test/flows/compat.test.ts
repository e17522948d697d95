/** The older systems' paths of this capability (api.md): each documented call leads to our route, and skips no check. */
import { beforeAll, describe, expect, it } from 'vitest'
import { rows as all } from '../../src/compat.ts'
import { accessRows } from '../../src/compat-access.ts'
import { applicationRows } from '../../src/compat-applications.ts'
import { keyRows } from '../../src/compat-keys.ts'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import {
  basic,
  expectError,
  type Headers,
  type Oauth,
  oauthOf,
  offline,
  openOauth,
  type Person,
  type Tokens,
  tokensOf,
} from '../support/oauth.ts'
import { startServer } from '../support/server.ts'

/** Rows with a test file of their own: compat-{keys,access,applications}.test.ts, examples.test.ts. */
const elsewhere = new Set([...keyRows, ...accessRows, ...applicationRows])
const rows = all.filter((row) => !elsewhere.has(row))

let oauth: Oauth
let ada: Person
let web: TestClient
let machine: TestClient
let known: TestClient

beforeAll(async () => {
  const first = await openOauth()
  known = await first.client({ type: 'spa', token_endpoint_auth_method: 'none' })
  await first.server.stop()
  oauth = await oauthOf(await startServer({ env: { KEYWRIGHT_COMPAT_CLIENT_ID: known.client_id } }))
  ada = await oauth.person()
  web = await oauth.client()
  machine = await oauth.client({ type: 'machine' })
})

const authorization = (client: TestClient): Headers => basic(client.client_id, client.client_secret ?? '')
const authorizeQuery = (): string =>
  new URLSearchParams({
    client_id: web.client_id,
    response_type: 'code',
    redirect_uri: web.redirect_uri,
    scope: offline,
    state: 's',
    code_challenge: 'A'.repeat(43),
    code_challenge_method: 'S256',
  }).toString()

type Sent = { reply: Reply; check: () => void }
type Send = (path: string) => Promise<Sent>

const get: Send = async (path) => {
  const reply = await oauth.server.client().get(path)
  return { reply, check: () => expect(reply.status).toBe(200) }
}
const authorizeByGet: Send = async (path) => {
  const reply = await ada.browser.get(`${path}?${authorizeQuery()}`)
  return { reply, check: () => expect(reply.location?.href).toMatch(/^https:.*[?&]code=kw_ac_.*&state=s&iss=http/) }
}
const authorizeByPost: Send = async (path) => {
  const reply = await ada.browser.post(path, new URLSearchParams(authorizeQuery()))
  return { reply, check: () => expect(reply.location?.pathname).toBe('/oauth/authorize') }
}
const token: Send = async (path) => {
  const reply = await oauth.server.client().post(path, { grant_type: 'client_credentials' }, authorization(machine))
  return { reply, check: () => expect(reply.json<Tokens>().token_type).toBe('Bearer') }
}
const introspect: Send = async (path) => {
  const { access_token } = await oauth.grant(ada, web)
  const reply = await oauth.server.client().post(path, { token: access_token }, authorization(web))
  return { reply, check: () => expect(reply.json().active).toBe(true) }
}
const revoke: Send = async (path) => {
  const { access_token } = await oauth.grant(ada, web)
  const reply = await oauth.server.client().post(path, { token: access_token }, authorization(web))
  const after = await oauth.userinfo(access_token)
  return { reply, check: () => expect([reply.status, reply.body, after.status]).toEqual([200, '', 401]) }
}
const userinfo =
  (method: 'GET' | 'POST'): Send =>
  async (path) => {
    const { access_token } = await oauth.grant(ada, web)
    const headers = { authorization: `Bearer ${access_token}` }
    const reply = await oauth.server.client().request(path, { method, headers })
    return { reply, check: () => expect(reply.json().sub).toBe(ada.user.user_id) }
  }
const refreshE: Send = async (path) => {
  const { refresh_token } = await oauth.grant(ada, known)
  const reply = await oauth.server.client().post(path, { refresh_token })
  return { reply, check: () => expect(tokensOf(reply).refresh_token).not.toBe(refresh_token) }
}
const revokeE: Send = async (path) => {
  const { refresh_token } = await oauth.grant(ada, known)
  const reply = await oauth.server.client().post(path, { refresh_token })
  const after = await oauth.refresh(known, refresh_token)
  const said = { detail: 'Refresh token revoked successfully' }
  return { reply, check: () => expect([reply.status, reply.json(), after.status]).toEqual([200, said, 400]) }
}
const consent: Send = async (path) => {
  const reply = await ada.browser.post(path, { interaction: '00000000-0000-7000-8000-000000000000' })
  return { reply, check: () => expect([reply.status, reply.location]).toEqual([400, undefined]) }
}

/** A person of an application that may manage their account, with the fresh sign-in that some calls need. */
const asPerson = async (path: string, method: string, json?: unknown): Promise<{ reply: Reply; person: Person }> => {
  const api = `${oauth.server.issuer}/api/v1`
  const app = await oauth.client({ scope: 'openid account', resources: [api] })
  const person = await oauth.person(await oauth.user({ name: 'Ada Lovelace' }))
  const { access_token } = await oauth.grant(person, app, { scope: 'openid account', resource: api })
  const headers = { authorization: `Bearer ${access_token}` }
  const reply = await oauth.server.client().request(path, { method, headers, ...(json !== undefined && { json }) })
  return { reply, person }
}
const me =
  (method: string, json?: unknown): Send =>
  async (path) => {
    const { reply, person } = await asPerson(path, method, json)
    const { email } = person.user
    const named = json === undefined ? 'Ada Lovelace' : 'Ada King'
    const old = { full_name: named, avatar_url: json === undefined ? null : 'https://ada.example/me.png' }
    const expected = { id: person.user.user_id, email, ...old, is_active: true, is_superuser: false }
    return { reply, check: () => expect(reply.json()).toMatchObject(expected) }
  }
const claimsOfMe: Send = async (path) => {
  const { reply, person } = await asPerson(path, 'GET')
  const expected = { sub: person.user.user_id, scope: 'openid account', iss: oauth.server.issuer }
  return { reply, check: () => expect(reply.json()).toMatchObject(expected) }
}
const register: Send = async (path) => {
  const json = { email: `${Date.now()}@example.org`, password: 'three quiet lamps at dusk', full_name: 'Ada' }
  const headers = { origin: oauth.server.issuer }
  const reply = await oauth.server.client().request(path, { method: 'POST', json, headers })
  return { reply, check: () => expect([reply.status, reply.json().status]).toEqual([202, 'verification_sent']) }
}
const newPassword: Send = async (path) => {
  const { reply, person } = await asPerson(path, 'POST', { new_password: 'three quiet lamps at dusk' })
  const again = await oauth.person({ ...person.user, password: 'three quiet lamps at dusk' })
  return { reply, check: () => expect([reply.status, again.user.user_id]).toEqual([204, person.user.user_id]) }
}
const exportData: Send = async (path) => {
  const { reply } = await asPerson(path, 'GET')
  const location = `${oauth.server.issuer}/api/v1/users/me/export`
  return { reply, check: () => expect([reply.status, reply.headers.location]).toEqual([202, location]) }
}
const deleteAccount: Send = async (path) => {
  const { reply } = await asPerson(path, 'DELETE')
  return { reply, check: () => expect([reply.status, reply.json()['status']]).toEqual([202, 'pending_erasure']) }
}

/** JSON for an administrator, 403 for everybody else. */
const dashboard: Send = async (path) => {
  const api = `${oauth.server.issuer}/api/v1`
  const app = await oauth.client({ scope: 'openid admin', resources: [api] })
  const as = async (roles: string[]): Promise<Reply> => {
    const person = await oauth.person(await oauth.user({ roles }))
    const { access_token } = await oauth.grant(person, app, { scope: 'openid admin', resource: api })
    return await oauth.server.client().get(path, { authorization: `Bearer ${access_token}` })
  }
  const [reply, refused] = [await as(['admin']), await as(['user'])]
  const { days } = reply.json<{ days?: unknown[] }>()
  return { reply, check: () => expect([reply.status, refused.status, Array.isArray(days)]).toEqual([200, 403, true]) }
}

const login: Send = async (path) => {
  const { user_id: id, email, password } = await oauth.user()
  const reply = await oauth.server.client().request(path, { method: 'POST', json: { email, password } })
  const user = { id, email, is_active: true, is_superuser: false }
  return { reply, check: () => expect(reply.json()).toMatchObject({ status: 'complete', user }) }
}
const logout: Send = async (path) => {
  const { reply } = await asPerson(path, 'POST')
  const message = 'Successfully logged out'
  return { reply, check: () => expect([reply.status, reply.json()]).toEqual([200, { message }]) }
}

/** Every row by its method and path; the test below fails when one is missing or too many. */
const calls: Record<string, Send> = {
  'GET /oauth/.well-known/openid-configuration': get,
  'GET /oauth/health': get,
  'GET /redoc': get,
  'POST /oauth/consent': consent,
  'POST /auth/register': register,
  'POST /auth/login': login,
  'POST /auth/logout': logout,
  'POST /api/v1/sso/login': login,
  'POST /sso/login': login,
  'POST /api/v1/logout': logout,
  'GET /auth/me': me('GET'),
  'PUT /auth/me': me('PUT', { full_name: 'Ada King', avatar_url: 'https://ada.example/me.png' }),
  'POST /auth/me': me('POST'),
  'GET /users/me': me('GET'),
  'POST /auth/change-password': newPassword,
  'GET /api/v1/userinfo/me': claimsOfMe,
  'GET /userinfo/me': claimsOfMe,
  'GET /user/data-export': exportData,
  'DELETE /user/delete-account': deleteAccount,
  'GET /api/v1/oauth/authorize': authorizeByGet,
  'POST /api/v1/oauth/authorize': authorizeByPost,
  'POST /api/v1/oauth/token': token,
  'POST /api/v1/oauth/introspect': introspect,
  'POST /api/v1/oauth/revoke': revoke,
  'GET /authorize': authorizeByGet,
  'POST /authorize': authorizeByPost,
  'POST /token': token,
  'POST /introspect': introspect,
  'POST /revoke': revoke,
  'GET /userinfo': userinfo('GET'),
  'POST /userinfo': userinfo('POST'),
  'GET /jwks.json': get,
  'GET /auth/authorize': authorizeByGet,
  'POST /auth/authorize': authorizeByPost,
  'GET /auth/userinfo': userinfo('GET'),
  'GET /admin/dashboard': dashboard,
  'POST /auth/token/refresh': refreshE,
  'POST /auth/revoke': revokeE,
}

it('the calls below are those of the table, every one', () => {
  expect(rows.map((row) => `${row.method} ${row.path}`).toSorted()).toEqual(Object.keys(calls).toSorted())
})

describe.each(rows.map((row) => [`${row.method} ${row.path}`, row] as const))('%s', (name, row) => {
  it.each(['', '/'])('works, and says what replaces it; path with %j at its end', async (end) => {
    const send = calls[name] ?? get
    const { reply, check } = await send(`${row.path}${end}`)
    check()
    expect(reply.headers.deprecation).toBeDefined()
    expect(reply.headers.link).toBe(`<${oauth.server.issuer}${row.to}>; rel="successor-version"`)
  })
})

describe('no check is skipped', () => {
  it.each(['/api/v1/oauth/token', '/token', '/introspect', '/revoke'])(
    '%s wants a client that proves itself',
    async (path) => {
      const reply = await oauth.server.client().post(path, { token: 'x' }, basic(web.client_id, 'wrong'))
      expectError(reply, 401, 'invalid_client')
      expect(reply.headers.deprecation).toBeDefined()
      expect(reply.headers.link).toContain('rel="successor-version"')
    },
  )

  it.each(['/token', '/auth/revoke', '/auth/token/refresh'])(
    '%s wants its own type of body and method',
    async (path) => {
      expectError(
        await oauth.server.client().request(path, { method: 'POST', json: {} }),
        415,
        'unsupported_media_type',
      )
      expectError(await oauth.server.client().get(path), 405, 'method_not_allowed')
    },
  )

  it('/userinfo wants a token, and none in the query', async () => {
    expect((await oauth.server.client().get('/userinfo')).status).toBe(401)
    expectError(await oauth.server.client().get('/auth/userinfo?access_token=x'), 400, 'invalid_request')
  })

  it('a password sent to POST /authorize is refused with 400 and not logged', async () => {
    const password = 'a password of an older form'
    const reply = await oauth.server
      .client()
      .post('/authorize', { ...Object.fromEntries(new URLSearchParams(authorizeQuery())), password })
    expect([reply.status, reply.location]).toEqual([400, undefined])
    await oauth.server.untilLog((line) => line['request_id'] === reply.headers['x-request-id'])
    expect(oauth.server.output()).not.toContain(password)
  })
})

describe('discovery', () => {
  it('is the same, byte for byte, at the older address, and names no older path', async () => {
    const [ours, old] = await Promise.all(
      ['/.well-known/openid-configuration', '/oauth/.well-known/openid-configuration'].map(
        async (path) => await oauth.server.client().get(path),
      ),
    )
    expect(old?.body).toBe(ours?.body)
    const addresses = Object.values(ours?.json() ?? {}).filter((value) => String(value).startsWith('http'))
    for (const row of all) expect(addresses).not.toContain(`${oauth.server.issuer}${row.path}`)
  })
})

it('all of them can be switched off', async () => {
  const off = await startServer({ env: { KEYWRIGHT_COMPAT_PATHS: 'off' } })
  const client = off.client()
  for (const { method, path } of all) {
    // Without its row this is the address of a role, like any other below /api/v1/roles.
    const isRole = path === '/api/v1/roles/permissions'
    expect([401, 404, 405].slice(isRole ? 0 : 1, isRole ? 3 : 2)).toContain(
      (await client.request(path, { method })).status,
    )
  }
})
