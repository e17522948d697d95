/** The client credentials grant over HTTP: RFC 6749 §4.4, RFC 9068 §2.2. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import {
  claimsOf,
  eventsOf,
  eventually,
  expectNoStore,
  expectRefusal,
  headerOf,
  type Oauth,
  openOauth,
  tokensOf,
} from '../support/oauth.ts'

let oauth: Oauth
let machine: TestClient
const grant_type = 'client_credentials'
const api = 'https://api.example/v1'

beforeAll(async () => {
  oauth = await openOauth()
  machine = await oauth.client({ type: 'machine', scope: 'read write openid roles', resources: [api] })
})

describe('a good request', () => {
  it('gives an access token that speaks of the client alone, and nothing else (§4.4.3)', async () => {
    const reply = await oauth.token(machine, { grant_type })
    expect(reply.status).toBe(200)
    expectNoStore(reply)
    const tokens = tokensOf(reply)
    expect(Object.keys(tokens).toSorted()).toEqual(['access_token', 'expires_in', 'scope', 'token_type'])
    expect(headerOf(tokens.access_token)['typ']).toBe('at+jwt')
    const claims = claimsOf(tokens.access_token)
    expect(Object.keys(claims).toSorted()).toEqual([
      'aud',
      'client_id',
      'exp',
      'iat',
      'iss',
      'jti',
      'nbf',
      'scope',
      'sub',
    ])
    expect(claims).toMatchObject({
      iss: oauth.server.issuer,
      sub: machine.client_id,
      client_id: machine.client_id,
      aud: `${oauth.server.issuer}/oauth/userinfo`,
      scope: 'read write',
    })
  })

  it('grants the scope that was asked for, and says so', async () => {
    const tokens = tokensOf(await oauth.token(machine, { grant_type, scope: 'read' }))
    expect([tokens.scope, claimsOf(tokens.access_token)['scope']]).toEqual(['read', 'read'])
  })

  it('aims at the resource that was asked for (RFC 8707 §2)', async () => {
    const tokens = tokensOf(await oauth.token(machine, { grant_type, resource: api }))
    expect(claimsOf(tokens.access_token)['aud']).toBe(api)
  })

  it('goes without scope when the client has none', async () => {
    const bare = await oauth.client({ type: 'machine' })
    const tokens = tokensOf(await oauth.token(bare, { grant_type }))
    expect(tokens).not.toHaveProperty('scope')
    expect(claimsOf(tokens.access_token)).not.toHaveProperty('scope')
  })

  it('is counted, not recorded one by one', async () => {
    const client = await oauth.client({ type: 'machine' })
    const reply = await oauth.token(client, { grant_type })
    expect(await eventsOf(oauth.db, reply)).toEqual([])
    await oauth.token(client, { grant_type })
    const issued = await eventually(async () => {
      const [row] = await oauth.db<{ issued: number | null }[]>`
        select sum(issued)::int as issued from token_counts where client_id = ${client.client_id}`
      return row?.issued === 2 ? row.issued : undefined
    })
    expect(issued).toBe(2)
  })

  it('its token may be introspected by its owner, and opens no UserInfo', async () => {
    const { access_token } = tokensOf(await oauth.token(machine, { grant_type }))
    expect(await oauth.introspect(machine, access_token)).toMatchObject({
      active: true,
      sub: machine.client_id,
      client_id: machine.client_id,
      token_type: 'Bearer',
    })
    const reply = await oauth.userinfo(access_token)
    await expectRefusal(oauth.db, reply, 403, 'insufficient_scope')
    expect(reply.headers['www-authenticate']).toContain('error="insufficient_scope"')
  })
})

describe('a bad request', () => {
  it.each([
    ['a scope the client does not have', { scope: 'admin' }, 'invalid_scope'],
    ['a scope beside good ones', { scope: 'read admin' }, 'invalid_scope'],
    ['a scope that speaks of a person', { scope: 'openid' }, 'invalid_scope'],
    ['offline_access', { scope: 'offline_access' }, 'invalid_scope'],
    ['a malformed scope', { scope: 'read "' }, 'invalid_scope'],
    ['a resource the client does not have', { resource: 'https://other.example/' }, 'invalid_target'],
    ['a resource that is no URI', { resource: 'api' }, 'invalid_target'],
  ])('%s is refused (RFC 6749 §5.2, RFC 8707 §2)', async (_name, form, error) => {
    const reply = await oauth.token(machine, { grant_type, ...form })
    await expectRefusal(oauth.db, reply, 400, error)
    expect(await eventsOf(oauth.db, reply)).toMatchObject([
      { type: 'token.refused', client_id: machine.client_id, data: { error, grant_type } },
    ])
  })

  it('a client that was not given the grant is unauthorized_client', async () => {
    const web = await oauth.client()
    await expectRefusal(oauth.db, await oauth.token(web, { grant_type }), 400, 'unauthorized_client')
  })

  it('a public client cannot have the grant: registration and schema refuse it (§4.4)', async () => {
    await expect(oauth.client({ type: 'machine', token_endpoint_auth_method: 'none' })).rejects.toThrow(
      /invalid_client_metadata/,
    )
    const spa = await oauth.client({ type: 'spa' })
    await expect(
      oauth.db`update clients set grant_types = '{client_credentials}' where client_id = ${spa.client_id}`,
    ).rejects.toThrow(/clients_check/)
  })
})
