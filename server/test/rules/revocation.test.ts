/** The rule of revocation, by its number (security.md 1.3), on one node and on two. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import { claimsOf, expectError, type Oauth, oauthOf, type Person, tokensOf } from '../support/oauth.ts'
import { startCluster } from '../support/server.ts'

let one: Oauth
let two: Oauth
let ada: Person
let web: TestClient
let opaque: TestClient

beforeAll(async () => {
  const [first, second] = await startCluster(2)
  if (first === undefined || second === undefined) throw new Error('no cluster')
  one = await oauthOf(first)
  two = await oauthOf(second)
  ada = await one.person()
  web = await one.client()
  opaque = await one.client({ access_token_format: 'opaque' })
})

const revoke = async (client: TestClient, token: string | undefined, hint?: string) =>
  await one.post('/oauth/revoke', client, { token, token_type_hint: hint })

it('RV-1: what is unknown is 200 and empty', async () => {
  for (const token of ['unknown', 'kw_rt_x', 'a.b.c']) {
    const reply = await revoke(web, token)
    expect([reply.status, reply.body]).toEqual([200, ''])
  }
})

it("RV-1: another client's token is 400 invalid_grant and stays alive, on both nodes", async () => {
  const tokens = await one.grant(ada, web)
  const plain = await one.grant(ada, opaque)
  for (const token of [tokens.access_token, tokens.refresh_token])
    expectError(await revoke(opaque, token), 400, 'invalid_grant')
  expectError(await revoke(web, plain.access_token), 400, 'invalid_grant')
  await sleep(500)
  for (const node of [one, two]) {
    expect((await node.userinfo(tokens.access_token)).status).toBe(200)
    expect((await node.userinfo(plain.access_token)).status).toBe(200)
  }
})

it('RV-1: a refresh token takes its family and its access tokens along, on every node, when the answer is there', async () => {
  for (const client of [web, opaque]) {
    const first = await one.grant(ada, client)
    const second = tokensOf(await two.refresh(client, first.refresh_token))
    for (const node of [one, two])
      for (const tokens of [first, second]) expect((await node.userinfo(tokens.access_token)).status).toBe(200)
    expect((await revoke(client, second.refresh_token)).status).toBe(200)
    for (const node of [two, one]) {
      for (const tokens of [first, second]) expectError(await node.userinfo(tokens.access_token), 401, 'invalid_token')
      expectError(await node.refresh(client, second.refresh_token), 400, 'invalid_grant')
    }
  }
})

it('RV-1: an access token gets an entry for its jti and dies alone, on every node', async () => {
  for (const client of [web, opaque]) {
    const tokens = await one.grant(ada, client)
    const [entry] = [await one.introspect(client, tokens.access_token)]
    expect((await revoke(client, tokens.access_token)).status).toBe(200)
    expect(await one.db`select kind from revocations where key = ${String(entry['jti'])}`).toEqual([{ kind: 'jti' }])
    for (const node of [two, one]) expectError(await node.userinfo(tokens.access_token), 401, 'invalid_token')
    expect((await two.refresh(client, tokens.refresh_token)).status).toBe(200)
  }
})

it('RV-1: a wrong hint still works', async () => {
  const tokens = await one.grant(ada, web)
  expect((await revoke(web, tokens.access_token, 'refresh_token')).status).toBe(200)
  expectError(await two.userinfo(tokens.access_token), 401, 'invalid_token')
  expect((await revoke(web, tokens.refresh_token, 'access_token')).status).toBe(200)
  expectError(await two.refresh(web, tokens.refresh_token), 400, 'invalid_grant')
})

it('RV-1: a node that heard nothing knows within two seconds all the same', async () => {
  const tokens = await one.grant(ada, web)
  const jti = String(claimsOf(tokens.access_token)['jti'])
  await one.db`insert into revocations (kind, key, not_before, expires_at) values ('jti', ${jti}, now(), now() + interval '1 hour')`
  await sleep(2000)
  for (const node of [one, two]) expectError(await node.userinfo(tokens.access_token), 401, 'invalid_token')
})

it('RV-1: a public client revokes its own tokens by its name, and nobody revokes without one', async () => {
  const spa = await one.client({ type: 'spa' })
  const tokens = await one.grant(ada, spa)
  expectError(await one.server.client().post('/oauth/revoke', { token: tokens.refresh_token }), 401, 'invalid_client')
  expect((await two.userinfo(tokens.access_token)).status).toBe(200)
  expect((await revoke(spa, tokens.refresh_token)).status).toBe(200)
  expectError(await two.userinfo(tokens.access_token), 401, 'invalid_token')
})
