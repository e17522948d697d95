import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, type JWTPayload } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApi } from './api.ts'
import { type Issuer, startIssuer } from './test/issuer.ts'

const audience = 'http://localhost/api'
let issuer: Issuer
let server: Server
let address: string
const lines: string[] = []

beforeAll(async () => {
  issuer = await startIssuer(audience)
  const isActive = async () => {
    if (issuer.next.active === 'broken') throw new Error('introspection is away')
    return await Promise.resolve(issuer.next.active)
  }
  const trust = { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks`, audience, isActive }
  server = createApi({ ...trust, log: (line) => lines.push(line) }).listen(0, 'localhost')
  await once(server, 'listening')
  address = `http://localhost:${(server.address() as AddressInfo).port}/api/hello`
})
afterAll(() => {
  server.close().closeAllConnections()
  issuer.close()
})
beforeEach(() => {
  issuer.next.active = true
})

const call = async (authorization?: string) => {
  const response = await fetch(address, { headers: authorization === undefined ? {} : { authorization } })
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    body: (await response.json()) as unknown,
  }
}

describe('the protected API', () => {
  test('greets whoever brings a token made for it', async () => {
    const { status, body } = await call(`Bearer ${await issuer.accessToken()}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ message: 'Hello from the protected API.', sub: 'u1', client_id: 'demo' })
  })

  test('compares the scheme without regard to case (RFC 9110 §11.1)', async () => {
    expect((await call(`bearer ${await issuer.accessToken()}`)).status).toBe(200)
  })

  test.each([undefined, 'Basic dTpw', 'Bearer', 'Bearer a b'])(
    'asks %j for a token, without an error code (RFC 6750 §3.1)',
    async (header) => {
      const { status, challenge } = await call(header)
      expect(status).toBe(401)
      expect(challenge).toBe('Bearer realm="demo-api"')
    },
  )

  const now = Math.floor(Date.now() / 1000)
  const bad: [string, JWTPayload, string?][] = [
    ['expired', { exp: now - 60 }],
    ['of another issuer', { iss: 'http://localhost:1' }],
    ['for another audience', { aud: 'http://localhost/other' }],
    ['not yet good', { nbf: now + 600 }],
    ['an ID token (RFC 9068 §4)', {}, 'JWT'],
    ['bound to a key (RFC 9449 §7.2)', { cnf: { jkt: 'x' } }],
  ]
  test.each(bad)('refuses a token %s', async (_what, claims, typ) => {
    const { status, challenge, body } = await call(`Bearer ${await issuer.accessToken(claims, typ)}`)
    expect(status).toBe(401)
    expect(challenge).toMatch(/^Bearer realm="demo-api", error="invalid_token", error_description="[^"]+"$/)
    expect(body).toMatchObject({ error: 'invalid_token' })
  })

  test.each(['exp', 'sub', 'client_id', 'jti'])('refuses a token without %s (RFC 9068 §2.2)', async (claim) => {
    const claims = Object.entries(decodeJwt(await issuer.accessToken())).filter(([name]) => name !== claim)
    const { status, body } = await call(`Bearer ${await issuer.sign(Object.fromEntries(claims), 'at+jwt')}`)
    expect(status).toBe(401)
    expect(body).toMatchObject({ error: 'invalid_token' })
  })

  test('refuses a token of another key, a changed one and garbage', async () => {
    const other = await startIssuer(audience)
    const foreign = await other.accessToken({ iss: issuer.url })
    other.close()
    const [header, , signature] = (await issuer.accessToken()).split('.')
    const payload = Buffer.from(JSON.stringify({ sub: 'admin', iss: issuer.url })).toString('base64url')
    const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`
    for (const token of [foreign, `${header}.${payload}.${signature}`, unsigned, 'garbage', 'a.b.c']) {
      const { status, challenge } = await call(`Bearer ${token}`)
      expect(status).toBe(401)
      expect(challenge).toContain('error="invalid_token"')
    }
  })

  test('refuses a token that was revoked (RFC 7662 §2.2)', async () => {
    issuer.next.active = false
    const { status, challenge } = await call(`Bearer ${await issuer.accessToken()}`)
    expect(status).toBe(401)
    expect(challenge).toContain('error="invalid_token", error_description="The token was revoked."')
  })

  test('wants the scope read (RFC 6750 §3.1)', async () => {
    for (const scope of ['openid reader', '', 1]) {
      const { status, challenge } = await call(`Bearer ${await issuer.accessToken({ scope })}`)
      expect(status).toBe(403)
      expect(challenge).toMatch(/error="insufficient_scope", .*scope="read"/)
    }
  })

  test('never calls a token bad because it could not be checked (G-1)', async () => {
    issuer.next.active = 'broken'
    const { status, challenge, body } = await call(`Bearer ${await issuer.accessToken()}`)
    expect(status).toBe(503)
    expect(challenge).toBeNull()
    expect(body).toMatchObject({ error: 'temporarily_unavailable' })
  })

  test('never calls a token bad because the keys could not be had (G-1)', async () => {
    const trust = { issuer: issuer.url, jwks_uri: `${issuer.url}/nowhere`, audience, log: () => {} }
    const api = createApi({ ...trust, isActive: () => Promise.resolve(true) }).listen(0, 'localhost')
    await once(api, 'listening')
    const here = `http://localhost:${(api.address() as AddressInfo).port}/api/hello`
    const response = await fetch(here, { headers: { authorization: `Bearer ${await issuer.accessToken()}` } })
    api.close().closeAllConnections()
    expect(response.status).toBe(503)
  })

  test('logs no token', async () => {
    const token = await issuer.accessToken()
    await call(`Bearer ${token}`)
    expect(lines.at(-1)).toBe('api: GET /api/hello 200')
    expect(lines.join('\n')).not.toContain(token.slice(-20))
  })
})
