/** Who may call the JSON API: security rules AD-1, AD-4 (security.md 1.6), RFC 6750 §3.1, RFC 9068 §4. */
import { beforeAll, describe, expect, it } from 'vitest'
import { permissions } from '../../src/access/permissions.ts'
import { routesFor } from '../../src/app.ts'
import { type App, type House, openHouse, type Person, signIn, tokensOf } from '../support/flow.ts'

const path = '/api/v1/auth/session'
let house: House
let person: Person
let app: App
let api: string

beforeAll(async () => {
  house = await openHouse()
  person = await house.person()
  api = `${house.server.issuer}/api/v1`
  app = await house.app({ first_party: true, resources: [api], scope: 'openid account admin' })
})

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('AD-1', () => {
  it('every route for people says who may call it, and every permission is one of the list', () => {
    const known: string[] = ['self', ...permissions.map(([resource, action]) => `${resource}:${action}`)]
    const people = routesFor({ compat_paths: true }).filter((route) => route.auth === 'person')
    expect(people.length).toBeGreaterThan(0)
    for (const { path: at, may } of people) expect(known, at).toContain(may)
  })
})

describe('who calls', () => {
  it('AD-4: nobody is answered with 401 and a challenge', async () => {
    const reply = await house.server.client().get(path)
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toBe('Bearer realm="keywright"')
    expect(reply.json()).toMatchObject({ status: 401, code: 'login_required' })
  })

  it('a browser that is signed in, with the token that its unsafe calls need', async () => {
    const client = house.server.client()
    await signIn(client, person)
    const reply = await client.get(path)
    expect(reply.status).toBe(200)
    expect(reply.json()).toMatchObject({ user: { id: person.user_id, email: person.email }, acr: 'aal1', amr: ['pwd'] })
    expect(reply.json()).toHaveProperty('csrf_token')
    expect(reply.body).not.toMatch(/argon2|password/)
  })

  it('an application with a token for this API', async () => {
    const client = house.server.client()
    const { access_token } = await tokensOf(client, app, person, { scope: 'openid account', resource: api })
    const reply = await house.server.client().get(path, bearer(access_token))
    expect(reply.status).toBe(200)
    expect(reply.json()).toMatchObject({ user: { id: person.user_id } })
    expect(reply.json()).not.toHaveProperty('csrf_token')
  })

  it('RFC 9068 §4: a token for another audience is none', async () => {
    const { access_token } = await tokensOf(house.server.client(), app, person, { scope: 'openid account' })
    const reply = await house.server.client().get(path, bearer(access_token))
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toContain('error="invalid_token"')
  })

  it('RFC 6750 §3.1: a token without the scope is told which', async () => {
    const { access_token } = await tokensOf(house.server.client(), app, person, { scope: 'openid', resource: api })
    const reply = await house.server.client().get(path, bearer(access_token))
    expect(reply.status).toBe(403)
    expect(reply.headers['www-authenticate']).toContain('error="insufficient_scope", scope="account"')
  })

  it('a bad token is not mended by a good cookie', async () => {
    const client = house.server.client()
    await signIn(client, person)
    expect((await client.get(path, bearer('nonsense'))).status).toBe(401)
  })
})
