/** Default lifetimes, a second before and a second after each bound (security.md 1.9, rule G-4). No job runs here at all. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { claimsOf, expectError, type Person, tokensOf } from '../support/oauth.ts'

let home: InProcess
let ada: Person
let web: TestClient
let opaque: TestClient
const day = 86_400

beforeAll(async () => {
  home = await startInProcess()
  web = await home.client()
  opaque = await home.client({ access_token_format: 'opaque' })
})
beforeEach(async () => {
  ada = await home.person()
})

it('a code lives 60 seconds', async () => {
  const [one, two] = [await home.code(ada, web), await home.code(ada, web)]
  home.pass(59)
  expect((await home.redeem(web, one)).status).toBe(200)
  home.pass(2)
  expectError(await home.redeem(web, two), 400, 'invalid_grant')
})

it('access and ID tokens live 5 minutes, JWT and opaque alike', async () => {
  for (const client of [web, opaque]) {
    const tokens = await home.grant(ada, client)
    const { iat, exp } = claimsOf(tokens.id_token ?? '')
    expect([tokens.expires_in, Number(exp) - Number(iat)]).toEqual([300, 300])
    home.pass(299)
    expect((await home.userinfo(tokens.access_token)).status).toBe(200)
    expect(await home.introspect(client, tokens.access_token)).toMatchObject({ active: true })
    home.pass(2)
    expectError(await home.userinfo(tokens.access_token), 401, 'invalid_token')
    expect(await home.introspect(client, tokens.access_token)).toEqual({ active: false })
  }
})

it('an application can have lives of its own, shorter than those of the deployment', async () => {
  const brief = await home.client({
    access_token_ttl_seconds: 60,
    id_token_ttl_seconds: 120,
    refresh_idle_seconds: 600,
    refresh_ttl_seconds: 900,
  })
  let tokens = await home.grant(ada, brief)
  const { iat, exp } = claimsOf(tokens.id_token ?? '')
  expect([tokens.expires_in, Number(exp) - Number(iat)]).toEqual([60, 120])
  const unused = await home.grant(ada, brief)
  home.pass(599)
  tokens = tokensOf(await home.refresh(brief, tokens.refresh_token))
  home.pass(2)
  expectError(await home.refresh(brief, unused.refresh_token), 400, 'invalid_grant')
  home.pass(298)
  tokens = tokensOf(await home.refresh(brief, tokens.refresh_token))
  home.pass(2)
  expectError(await home.refresh(brief, tokens.refresh_token), 400, 'invalid_grant')
})

describe('a refresh token', () => {
  it('dies after 14 days without use', async () => {
    const [one, two] = [await home.grant(ada, web), await home.grant(ada, web)]
    home.pass(14 * day - 1)
    expect(await home.introspect(web, one.refresh_token ?? '')).toMatchObject({ active: true })
    expect((await home.refresh(web, one.refresh_token)).status).toBe(200)
    home.pass(2)
    expect(await home.introspect(web, two.refresh_token ?? '')).toEqual({ active: false })
    expectError(await home.refresh(web, two.refresh_token), 400, 'invalid_grant')
  })

  it('dies 90 days after the sign-in, however often it is used', async () => {
    let tokens = await home.grant(ada, web)
    for (let used = 0; used < 8; used += 1) {
      home.pass(11 * day)
      tokens = tokensOf(await home.refresh(web, tokens.refresh_token))
    }
    home.pass(2 * day - 1)
    tokens = tokensOf(await home.refresh(web, tokens.refresh_token))
    home.pass(2)
    expectError(await home.refresh(web, tokens.refresh_token), 400, 'invalid_grant')
  })

  it('can be sent again for 10 seconds', async () => {
    const first = await home.grant(ada, web)
    const second = tokensOf(await home.refresh(web, first.refresh_token))
    home.pass(9)
    expect(tokensOf(await home.refresh(web, first.refresh_token)).refresh_token).toBe(second.refresh_token)
    home.pass(2)
    expectError(await home.refresh(web, first.refresh_token), 400, 'invalid_grant')
    expectError(await home.refresh(web, second.refresh_token), 400, 'invalid_grant')
  })

  it('without offline_access ends with its session: 30 days after the sign-in', async () => {
    const [bound, long] = [await home.grant(ada, web, { scope: 'openid' }), await home.grant(ada, web)]
    home.pass(13 * day)
    const [one, other] = [
      tokensOf(await home.refresh(web, bound.refresh_token)),
      tokensOf(await home.refresh(web, long.refresh_token)),
    ]
    home.pass(13 * day)
    const [two, another] = [
      tokensOf(await home.refresh(web, one.refresh_token)),
      tokensOf(await home.refresh(web, other.refresh_token)),
    ]
    home.pass(4 * day - 1)
    const last = tokensOf(await home.refresh(web, two.refresh_token))
    home.pass(2)
    expectError(await home.refresh(web, last.refresh_token), 400, 'invalid_grant')
    expect((await home.refresh(web, another.refresh_token)).status).toBe(200)
  })
})

it('a session ends after a day without use, and 30 days after the sign-in', async () => {
  const silent = `/oauth/authorize?${new URLSearchParams({
    client_id: web.client_id,
    response_type: 'code',
    redirect_uri: web.redirect_uri,
    scope: 'openid',
    prompt: 'none',
    code_challenge: 'A'.repeat(43),
    code_challenge_method: 'S256',
  }).toString()}`
  // The node's copy of the session is a second old at most, and that second is real.
  const isSignedIn = async (person: Person): Promise<boolean> => {
    home.ctx.sessions.clear()
    return (await person.browser.get(silent)).location?.searchParams.has('code') ?? false
  }
  const [idle, busy] = [await home.person(), await home.person()]
  home.pass(day - 1)
  expect(await isSignedIn(busy)).toBe(true)
  home.pass(2)
  expect(await isSignedIn(idle)).toBe(false)
  for (let days = 2; days < 30; days += 1) {
    home.pass(day - 10)
    expect([days, await isSignedIn(busy)]).toEqual([days, true])
  }
  home.pass(day + 28 * 10 - 3)
  expect(await isSignedIn(busy)).toBe(false)
})

it('a client may have shorter-lived access tokens, never above an hour, and a grace of at most a minute', async () => {
  const brief = await home.client({ access_token_ttl_seconds: 30 })
  const tokens = await home.grant(ada, brief)
  home.pass(29)
  expect((await home.userinfo(tokens.access_token)).status).toBe(200)
  home.pass(2)
  expect((await home.userinfo(tokens.access_token)).status).toBe(401)
  for (const metadata of [
    { access_token_ttl_seconds: 3601 },
    { access_token_ttl_seconds: 29 },
    { refresh_grace_seconds: 61 },
    { refresh_grace_seconds: -1 },
  ])
    await expect(home.client(metadata)).rejects.toThrow()
})
