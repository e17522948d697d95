/** The refresh and the revocation of system E, which knew one client and never named it (docs/compatibility.md). */
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import type { Request } from '../support/http.ts'
import {
  basic,
  claimsOf,
  expectError,
  type Oauth,
  oauthOf,
  openOauth,
  type Person,
  tokensOf,
} from '../support/oauth.ts'
import { startServer } from '../support/server.ts'

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

describe("system E's refresh and revocation", () => {
  const multipart = (fields: Record<string, string>): Request => {
    const parts = Object.entries(fields).map(
      ([name, value]) => `--frontier\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    const headers = { 'content-type': 'multipart/form-data; boundary=frontier' }
    return { method: 'POST', body: `${parts.join('')}--frontier--\r\n`, headers }
  }

  it('take multipart/form-data', async () => {
    const { refresh_token = '' } = await oauth.grant(ada, known)
    const client = oauth.server.client()
    const next = tokensOf(await client.request('/auth/token/refresh', multipart({ refresh_token })))
    expect(claimsOf(next.access_token)['client_id']).toBe(known.client_id)
    const gone = await client.request('/auth/revoke', multipart({ refresh_token: next.refresh_token ?? '' }))
    expect([gone.status, gone.json()]).toEqual([200, { detail: 'Refresh token revoked successfully' }])
    expectError(await oauth.refresh(known, next.refresh_token), 400, 'invalid_grant')
  })

  it.each([
    ['a file', 'refresh_token"; filename="x'],
    ['nothing that is needed', 'other'],
  ])('refuse multipart with %s', async (_name, field) => {
    const reply = await oauth.server.client().request('/auth/token/refresh', multipart({ [field]: 'x' }))
    expectError(reply, 400, 'invalid_request')
  })

  it('work for a client that names and proves itself', async () => {
    const { refresh_token } = await oauth.grant(ada, web)
    const reply = await oauth.server
      .client()
      .post('/auth/token/refresh', { refresh_token }, basic(web.client_id, web.client_secret ?? ''))
    expect(tokensOf(reply).access_token).toBeDefined()
    const other = await oauth.server
      .client()
      .post('/auth/revoke', { refresh_token }, basic(machine.client_id, machine.client_secret ?? ''))
    expectError(other, 400, 'invalid_grant')
  })

  it("the answer to a token that is no token is the older system's too", async () => {
    const reply = await oauth.server.client().post('/auth/revoke', { refresh_token: 'unknown' })
    expect([reply.status, reply.json()]).toEqual([200, { detail: 'Refresh token revoked successfully' }])
  })
})
