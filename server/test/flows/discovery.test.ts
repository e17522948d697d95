/** What the server says of itself (OpenID Connect Discovery §3, §4; RFC 8414; RFC 9207 §3), held against what it does. */
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type App, authorizePath, expectRefusal, type House, openHouse, payloadOf, tokensOf } from '../support/flow.ts'
import { httpClient } from '../support/http.ts'
import { freePort } from '../support/port.ts'

type Metadata = Record<string, unknown> & { issuer: string }

let house: House
let metadata: Metadata
let app: App

beforeAll(async () => {
  house = await openHouse()
  metadata = (await house.server.client().get('/.well-known/openid-configuration')).json<Metadata>()
  app = await house.app({ first_party: true })
})

describe('the document', () => {
  it('the issuer is, byte for byte, where it was found and what tokens and answers say', async () => {
    expect(metadata.issuer).toBe(house.server.issuer)
    expect(metadata.issuer).not.toMatch(/\/$/)
    const client = house.server.client()
    const tokens = await tokensOf(client, app, await house.person())
    for (const token of [tokens.id_token, tokens.access_token]) expect(payloadOf(token).iss).toBe(metadata.issuer)
    const reply = await client.get(authorizePath(app))
    expect(reply.location?.searchParams.get('iss')).toBe(metadata.issuer)
  })

  it('says what is required, and only what is on', () => {
    expect(metadata).toMatchObject({
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'fragment', 'form_post'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      subject_types_supported: ['public'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
      authorization_response_iss_parameter_supported: true,
      claims_parameter_supported: false,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      backchannel_logout_supported: false,
    })
    expect(metadata.id_token_signing_alg_values_supported).toEqual(
      expect.arrayContaining(['RS256', 'ES256', 'EdDSA', 'PS256']),
    )
    expect(metadata.scopes_supported).toEqual(expect.arrayContaining(['openid', 'profile', 'email', 'offline_access']))
    expect(metadata.claims_supported).toEqual(
      expect.arrayContaining(['sub', 'iss', 'auth_time', 'email', 'email_verified', 'roles']),
    )
    // OpenID Connect Discovery §4.2: claims with no elements are left out.
    for (const [name, value] of Object.entries(metadata)) expect([name, value]).not.toEqual([name, []])
    expect(Object.keys(metadata)).not.toContain('registration_endpoint')
  })

  it('every endpoint is below the issuer and there', async () => {
    const client = house.server.client()
    const endpoints = Object.entries(metadata).filter(([name]) => /_endpoint$|_uri$/.test(name))
    expect(endpoints.length).toBeGreaterThan(6)
    for (const [name, value] of endpoints) {
      expect(String(value).startsWith(`${metadata.issuer}/`), name).toBe(true)
      const reply = await client.get(String(value))
      expect(reply.status, name).not.toBe(404)
    }
  })

  it('every response mode works and no other; every prompt value is known', async () => {
    const client = house.server.client()
    for (const response_mode of metadata.response_modes_supported as string[]) {
      const reply = await client.get(authorizePath(app, { response_mode, prompt: 'none' }))
      expect(reply.body + String(reply.headers.location), response_mode).toContain('login_required')
    }
    expectRefusal(await client.get(authorizePath(app, { response_mode: 'query.jwt' })), app, 'invalid_request')
    for (const prompt of metadata.prompt_values_supported as string[]) {
      const reply = await client.get(authorizePath(app, { prompt }))
      expect(String(reply.headers.location), prompt).not.toContain('invalid_request')
    }
  })

  it('every algorithm it names has a key that is published, without private members', async () => {
    const reply = await house.server.client().get(new URL(String(metadata.jwks_uri)))
    const { keys } = reply.json<{ keys: Record<string, string>[] }>()
    const algs = keys.map(({ alg }) => alg)
    for (const alg of metadata.id_token_signing_alg_values_supported as string[]) expect(algs).toContain(alg)
    for (const key of keys) {
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(member)
      expect(key.use).toBe('sig')
    }
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
  })
})

describe('how it is served', () => {
  it.each([
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/oauth/.well-known/openid-configuration',
  ])('%s: the same document, for everybody, to be kept for a while', async (path) => {
    const client = house.server.client()
    const reply = await client.get(path, { origin: 'https://anywhere.example' })
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^application\/json(;|$)/)
    expect(reply.headers['access-control-allow-origin']).toBe('*')
    expect(reply.headers['access-control-allow-credentials']).toBeUndefined()
    expect(reply.headers['cache-control']).toBe('public, max-age=300')
    expect(reply.headers['set-cookie']).toBeUndefined()
    expect(reply.json()).toEqual(metadata)
    const again = await client.get(path, { 'if-none-match': String(reply.headers.etag) })
    expect([again.status, again.body]).toEqual([304, ''])
  })

  it('any other method is 405 with Allow', async () => {
    const reply = await house.server.client().request('/.well-known/openid-configuration', { method: 'POST' })
    expect([reply.status, reply.headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  it('what the request says of its host and scheme is not what the document says', async () => {
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
    }
    expect((await house.server.client().get('/.well-known/openid-configuration', headers)).json()).toEqual(metadata)
  })
})

describe('an issuer with a path', () => {
  it('RFC 8414 §3.1: found below the issuer and with the path put in; endpoints, cookies and pages follow', async () => {
    const port = await freePort()
    const issuer = `http://localhost:${port}/id/main`
    const other = await openHouse({ database: await freshDatabase(), port, issuer })
    const client = httpClient(`http://localhost:${port}`)
    const at = [
      '/id/main/.well-known/openid-configuration',
      '/id/main/.well-known/oauth-authorization-server',
      '/.well-known/oauth-authorization-server/id/main',
    ]
    for (const path of at) {
      const reply = await client.get(path)
      expect([reply.status, reply.json<Metadata>().issuer], path).toEqual([200, issuer])
    }
    const own = await other.app({ first_party: true })
    const person = await other.person()
    const login = await client.walk(client.get(`/id/main${authorizePath(own)}`))
    expect([login.url.pathname, login.forms[0]?.action]).toEqual(['/id/main/login', '/id/main/login'])
    for (const [, address = ''] of login.body.matchAll(/(?:href|src)="([^"#]*)"/g))
      expect(address).toMatch(/^\/id\/main\//)
    const back = await client.walk(client.submit(login, { login: person.email, password: person.password }))
    expect(back.location?.searchParams.get('iss')).toBe(issuer)
    expect((await client.get('/oauth/authorize')).status).toBe(404)
  })
})
