/** The older systems' sign-in and sign-out (api.md): their documented calls and members, and no check that is skipped. */
import { beforeAll, describe, expect, it } from 'vitest'
import { signInRows } from '../../src/compat-sign-in.ts'
import { authenticatorOf } from '../support/factors.ts'
import { type App, type House, openHouse, tokensOf } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let app: App
let api: string

beforeAll(async () => {
  house = await openHouse()
  api = `${house.server.issuer}/api/v1`
  app = await house.app({ first_party: true, resources: [api], scope: 'openid account' })
})

const call = async (client: HttpClient, path: string, json: Record<string, unknown> = {}): Promise<Reply> =>
  await client.request(path, { method: 'POST', json })

describe("the older systems' sign-in and sign-out", () => {
  const older = { full_name: expect.any(String) as unknown, is_active: true, is_superuser: false, avatar_url: null }

  it('A: POST /auth/login with email and password answers with the older members', async () => {
    const { email, password } = await house.person()
    const reply = await call(house.server.client(), '/auth/login', { email, password })
    expect(reply.status).toBe(200)
    expect(reply.json()).toMatchObject({ status: 'complete', user: { email, ...older } })
    expect(reply.headers.deprecation).toBeDefined()
    expect(reply.headers.link).toContain('/api/v1/auth/login')
  })

  it.each(['/api/v1/sso/login', '/sso/login'])('B: POST %s with username and password', async (path) => {
    const { email, password } = await house.person()
    const reply = await call(house.server.client(), path, { username: email, password, remember_me: true })
    expect(reply.json()).toMatchObject({ status: 'complete', user: { email, ...older } })
    const wrong = await call(house.server.client(), path, { username: email, password: 'wrong' })
    expect([wrong.status, wrong.json()['code']]).toEqual([401, 'wrong_credentials'])
  })

  it('a second step is not skipped', async () => {
    const person = await house.person()
    await authenticatorOf(house.ctx, person.user_id)
    const { email, password } = person
    const reply = await call(house.server.client(), '/auth/login', { email, password })
    expect(reply.json()).toMatchObject({ status: 'factor', factors: [{ kind: 'totp' }] })
  })

  it('A: POST /auth/logout ends the session behind a token; B: POST /api/v1/logout everything', async () => {
    for (const [path, rest] of [
      ['/auth/logout', 200],
      ['/api/v1/logout', 401],
    ] as const) {
      const person = await house.person()
      const other = house.server.client()
      await call(other, '/auth/login', { email: person.email, password: person.password })
      const { access_token } = await tokensOf(house.server.client(), app, person, {
        scope: 'openid account',
        resource: api,
      })
      const bearer = { authorization: `Bearer ${access_token}` }
      const reply = await house.server.client().request(path, { method: 'POST', headers: bearer })
      expect([reply.status, reply.json()], path).toEqual([200, { message: 'Successfully logged out' }])
      expect((await house.server.client().get('/api/v1/auth/session', bearer)).status).toBe(401)
      expect((await other.get('/api/v1/auth/session')).status).toBe(rest)
    }
  })

  it('AD-4: with the cookie alone the older sign-out is refused like ours', async () => {
    const { email, password } = await house.person()
    const client = house.server.client()
    await call(client, '/auth/login', { email, password })
    expect((await call(client, '/auth/logout')).status).toBe(403)
    expect((await client.get('/api/v1/auth/session')).status).toBe(200)
  })
})

it.each(signInRows.flatMap(({ path, to }) => ['', '/'].map((end) => [`${path}${end}`, to] as const)))(
  '%s says what replaces it, refusals included',
  async (path, to) => {
    const reply = await call(house.server.client(), path)
    expect([400, 401]).toContain(reply.status)
    expect(reply.headers.deprecation).toBeDefined()
    expect(reply.headers.link).toBe(`<${house.server.issuer}${to}>; rel="successor-version"`)
  },
)
