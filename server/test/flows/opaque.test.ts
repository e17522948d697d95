/** Opaque access tokens: by client and by setting; the same endpoints, the same answers (RFC 6750, RFC 7009, RFC 7662). */
import { beforeAll, describe, expect, it } from 'vitest'
import { mintOpaque } from '../../src/protocol/opaque-token.ts'
import type { TestClient } from '../support/fixtures.ts'
import { eventually, expectRefusal, type Oauth, openOauth, type Person, tokensOf } from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
let opaque: TestClient

beforeAll(async () => {
  oauth = await openOauth({ env: { KEYWRIGHT_ACCESS_TOKEN_FORMAT: 'opaque' } })
  ada = await oauth.person()
  opaque = await oauth.client()
})

describe('the format', () => {
  it('is the setting, unless the client says otherwise', async () => {
    expect((await oauth.grant(ada, opaque)).access_token).toMatch(/^kw_at_[0-9A-Za-z]{54}$/)
    const jwt = await oauth.client({ access_token_format: 'jwt' })
    expect((await oauth.grant(ada, jwt)).access_token.split('.')).toHaveLength(3)
  })

  it('has 256 random bits and a checksum (security design 3.2), and is stored as its hash only', async () => {
    const { access_token } = await oauth.grant(ada, opaque)
    const rows = await oauth.db`select t::text as whole from access_tokens t where client_id = ${opaque.client_id}`
    expect(rows.length).toBeGreaterThan(0)
    expect(JSON.stringify(rows)).not.toContain(access_token.slice(6, 30))
  })
})

describe('at the endpoints', () => {
  it('UserInfo and introspection answer as for a JWT', async () => {
    const { access_token } = await oauth.grant(ada, opaque, { scope: 'openid email' })
    expect((await oauth.userinfo(access_token)).json()).toEqual({
      sub: ada.user.user_id,
      email: ada.user.email,
      email_verified: true,
    })
    expect(await oauth.introspect(opaque, access_token)).toMatchObject({
      active: true,
      iss: oauth.server.issuer,
      sub: ada.user.user_id,
      client_id: opaque.client_id,
      scope: 'openid email',
      token_type: 'Bearer',
      aud: `${oauth.server.issuer}/oauth/userinfo`,
    })
    const other = await oauth.client()
    expect(await oauth.introspect(other, access_token)).toEqual({ active: false })
  })

  it('the ID token is bound to it by at_hash, and refreshing gives another one', async () => {
    const first = await oauth.grant(ada, opaque)
    const second = tokensOf(await oauth.refresh(opaque, first.refresh_token))
    expect(second.access_token).toMatch(/^kw_at_/)
    expect(second.access_token).not.toBe(first.access_token)
    expect((await oauth.userinfo(first.access_token)).status).toBe(200)
  })

  it('a client gets one for itself', async () => {
    const machine = await oauth.client({ type: 'machine', scope: 'read' })
    const { access_token } = tokensOf(await oauth.token(machine, { grant_type: 'client_credentials' }))
    expect(await oauth.introspect(machine, access_token)).toMatchObject({ active: true, sub: machine.client_id })
  })

  it.each([
    ['expired', "expires_at = now() - interval '1 second'"],
    ['past the exp of its claims', `claims = claims || '{"exp": 1}'`],
    ['not valid yet', `claims = claims || '{"nbf": 9999999999}'`],
  ])('one that is %s is dead', async (_name, change) => {
    const client = await oauth.client()
    const { access_token } = await oauth.grant(ada, client)
    await oauth.db.unsafe(`update access_tokens set ${change} where client_id = $1`, [client.client_id])
    await expectRefusal(oauth.db, await oauth.userinfo(access_token), 401, 'invalid_token')
    expect(await oauth.introspect(client, access_token)).toEqual({ active: false })
  })

  it('revoking it, its family or everything ends it at once', async () => {
    const one = await oauth.grant(ada, opaque)
    await oauth.post('/oauth/revoke', opaque, { token: one.access_token })
    await expectRefusal(oauth.db, await oauth.userinfo(one.access_token), 401, 'invalid_token')
    const two = await oauth.grant(ada, opaque)
    await oauth.post('/oauth/revoke', opaque, { token: two.refresh_token })
    await expectRefusal(oauth.db, await oauth.userinfo(two.access_token), 401, 'invalid_token')
    const person = await oauth.person()
    const three = await oauth.grant(person, opaque)
    await person.browser.submit(
      await person.browser.get('/logout'),
      {},
      { button: { name: 'scope', value: 'everywhere' } },
    )
    await expectRefusal(oauth.db, await oauth.userinfo(three.access_token), 401, 'invalid_token')
  })

  it('goes with its account', async () => {
    const person = await oauth.person()
    const { access_token } = await oauth.grant(person, opaque)
    await oauth.db`delete from users where id = ${person.user.user_id}`
    const reply = await eventually(async () => {
      const answer = await oauth.userinfo(access_token)
      return answer.status === 200 ? undefined : answer
    })
    await expectRefusal(oauth.db, reply, 401, 'invalid_token')
  })

  it('one that nobody issued, and one with a broken checksum, are the same to the caller', async () => {
    const { access_token } = await oauth.grant(ada, opaque)
    for (const token of [mintOpaque('at', Buffer.alloc(32, 3)), `${access_token.slice(0, -1)}!`, `${access_token}0`])
      await expectRefusal(oauth.db, await oauth.userinfo(token), 401, 'invalid_token')
  })
})
