/** Revocation over HTTP: RFC 7009 §2. What dies with what is security rule RV-1. */
import { beforeAll, describe, expect, it } from 'vitest'
import { mintOpaque } from '../../src/protocol/opaque-token.ts'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import {
  claimsOf,
  eventsOf,
  expectNoStore,
  expectRefusal,
  type Oauth,
  openOauth,
  type Person,
  tokensOf,
} from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let web: TestClient

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person()
  web = await oauth.client()
})

const revoke = async (client: TestClient, token: string | undefined, token_type_hint?: string): Promise<Reply> =>
  await oauth.post('/oauth/revoke', client, { token, token_type_hint })

const expectEmpty = (reply: Reply): void => {
  expect([reply.status, reply.body]).toEqual([200, ''])
  expectNoStore(reply)
}

describe('a refresh token', () => {
  it('takes its family and the access tokens of it along, at once', async () => {
    const first = await oauth.grant(ada, web)
    const second = tokensOf(await oauth.refresh(web, first.refresh_token))
    const reply = await revoke(web, second.refresh_token)
    expectEmpty(reply)
    expect(await eventsOf(oauth.db, reply)).toEqual([
      expect.objectContaining({
        type: 'token.revoked',
        outcome: 'success',
        client_id: web.client_id,
        user_id: ada.user.user_id,
        data: { token: 'refresh_token' },
      }),
    ])
    for (const token of [first.access_token, second.access_token]) {
      expect((await oauth.userinfo(token)).status).toBe(401)
      expect(await oauth.introspect(web, token)).toEqual({ active: false })
    }
    await expectRefusal(oauth.db, await oauth.refresh(web, second.refresh_token), 400, 'invalid_grant')
  })

  it('an old one will do: whoever holds it may end the family', async () => {
    const first = await oauth.grant(ada, web)
    const second = tokensOf(await oauth.refresh(web, first.refresh_token))
    expectEmpty(await revoke(web, first.refresh_token))
    await expectRefusal(oauth.db, await oauth.refresh(web, second.refresh_token), 400, 'invalid_grant')
  })

  it('leaves other families alone', async () => {
    const [one, two] = [await oauth.grant(ada, web), await oauth.grant(ada, web)]
    expectEmpty(await revoke(web, one.refresh_token))
    expect((await oauth.userinfo(two.access_token)).status).toBe(200)
    expect((await oauth.refresh(web, two.refresh_token)).status).toBe(200)
  })
})

describe('an access token', () => {
  it('dies alone', async () => {
    const tokens = await oauth.grant(ada, web)
    const reply = await revoke(web, tokens.access_token)
    expectEmpty(reply)
    expect(await eventsOf(oauth.db, reply)).toMatchObject([{ type: 'token.revoked', data: { token: 'access_token' } }])
    await expectRefusal(oauth.db, await oauth.userinfo(tokens.access_token), 401, 'invalid_token')
    const next = tokensOf(await oauth.refresh(web, tokens.refresh_token))
    expect((await oauth.userinfo(next.access_token)).status).toBe(200)
  })

  it('of a client itself, too', async () => {
    const machine = await oauth.client({ type: 'machine' })
    const { access_token } = tokensOf(await oauth.token(machine, { grant_type: 'client_credentials' }))
    const reply = await revoke(machine, access_token)
    expectEmpty(reply)
    expect(await eventsOf(oauth.db, reply)).toMatchObject([{ type: 'token.revoked', user_id: null }])
    expect(await oauth.introspect(machine, access_token)).toEqual({ active: false })
  })

  it('by a public client that names itself (§2.1)', async () => {
    const spa = await oauth.client({ type: 'spa' })
    const tokens = await oauth.grant(ada, spa)
    expectEmpty(await revoke(spa, tokens.access_token))
    expect((await oauth.userinfo(tokens.access_token)).status).toBe(401)
  })
})

describe('a hint', () => {
  it.each(['access_token', 'refresh_token', 'nonsense'])('%s is only a hint (§2.1)', async (hint) => {
    const tokens = await oauth.grant(ada, web)
    expectEmpty(await revoke(web, tokens.access_token, hint))
    expect((await oauth.userinfo(tokens.access_token)).status).toBe(401)
    expectEmpty(await revoke(web, tokens.refresh_token, hint))
    await expectRefusal(oauth.db, await oauth.refresh(web, tokens.refresh_token), 400, 'invalid_grant')
  })
})

describe('200 for what is not, or no longer, a token (§2.2)', () => {
  it.each([
    ['garbage', 'garbage'],
    ['an unknown refresh token', mintOpaque('rt', Buffer.alloc(52, 7))],
    ['an unknown opaque access token', mintOpaque('at', Buffer.alloc(32, 7))],
    ['a forged JWT', 'eyJhbGciOiJSUzI1NiJ9.e30.AAAA'],
    ['something long', 'x'.repeat(30_000)],
  ])('%s', async (_name, token) => {
    const reply = await revoke(web, token)
    expectEmpty(reply)
    expect(await eventsOf(oauth.db, reply)).toEqual([])
  })

  it('a token that is revoked already', async () => {
    const tokens = await oauth.grant(ada, web)
    for (const token of [tokens.access_token, tokens.access_token, tokens.refresh_token, tokens.refresh_token])
      expectEmpty(await revoke(web, token))
  })

  it('an expired opaque token', async () => {
    const client = await oauth.client({ access_token_format: 'opaque' })
    const tokens = await oauth.grant(ada, client)
    await oauth.db`update access_tokens set expires_at = now() - interval '1 second' where client_id = ${client.client_id}`
    expectEmpty(await revoke(client, tokens.access_token))
  })
})

describe('a refusal', () => {
  it("another client's token is invalid_grant and stays alive", async () => {
    const other = await oauth.client()
    const tokens = await oauth.grant(ada, web)
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      const reply = await revoke(other, token)
      const decision = await expectRefusal(oauth.db, reply, 400, 'invalid_grant')
      expect(decision).toMatchObject({ route: '/oauth/revoke', client_id: other.client_id })
      expect(reply.json().error_description).toBe('The token was issued to another client.')
      expect((await eventsOf(oauth.db, reply)).filter((event) => event.type === 'token.revoked')).toEqual([])
    }
    expect((await oauth.userinfo(tokens.access_token)).status).toBe(200)
    expect((await oauth.refresh(web, tokens.refresh_token)).status).toBe(200)
  })

  it('no token is invalid_request, no client 401 invalid_client', async () => {
    await expectRefusal(oauth.db, await revoke(web, undefined), 400, 'invalid_request')
    const nobody = await oauth.server.client().post('/oauth/revoke', { token: 'x' })
    await expectRefusal(oauth.db, nobody, 401, 'invalid_client')
    const liar = await revoke({ ...web, client_secret: 'wrong' }, 'x')
    await expectRefusal(oauth.db, liar, 401, 'invalid_client')
  })

  it('a client that did not prove itself revokes nothing', async () => {
    const tokens = await oauth.grant(ada, web)
    const reply = await revoke({ ...web, client_secret: undefined }, tokens.refresh_token)
    await expectRefusal(oauth.db, reply, 401, 'invalid_client')
    expect((await oauth.userinfo(tokens.access_token)).status).toBe(200)
    expect(claimsOf(tokens.access_token)['sub']).toBe(ada.user.user_id)
  })
})
