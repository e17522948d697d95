/** Refreshing over HTTP, as a client sees it: RFC 6749 §6, RFC 9700 §4.14, OpenID Connect Core §12. */
import { beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import { assignRoles } from '../../src/access/roles.ts'
import { mintOpaque, parseOpaque } from '../../src/protocol/opaque-token.ts'
import type { TestClient } from '../support/fixtures.ts'
import {
  claimsOf,
  eventsOf,
  eventually,
  expectNoStore,
  expectRefusal,
  type Oauth,
  openOauth,
  type Person,
  type Tokens,
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

/** The family of an access token: its id stands in the token. */
const familyOf = (tokens: Tokens): string => String(claimsOf(tokens.access_token)['grant_id'])

describe('a good refresh', () => {
  it('rotates, keeps person and proof, and gives a new ID token without nonce (Core §12.2)', async () => {
    const first = await oauth.grant(ada, web, { nonce: 'n1' })
    const reply = await oauth.refresh(web, first.refresh_token)
    expectNoStore(reply)
    const second = tokensOf(reply)
    expect(second).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: first.scope })
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(second.access_token).not.toBe(first.access_token)
    const [before, after] = [claimsOf(first.id_token ?? ''), claimsOf(second.id_token ?? '')]
    for (const name of ['iss', 'sub', 'aud', 'azp', 'auth_time', 'acr', 'amr', 'sid'])
      expect(after[name]).toEqual(before[name])
    expect(before).toHaveProperty('nonce')
    expect(after).not.toHaveProperty('nonce')
    expect(familyOf(second)).toBe(familyOf(first))
    expect((await oauth.refresh(web, second.refresh_token)).status).toBe(200)
  })

  it('is counted per client and grant, not recorded one by one (audit_tokens = counted)', async () => {
    const client = await oauth.client()
    const tokens = await oauth.grant(ada, client)
    const reply = await oauth.refresh(client, tokens.refresh_token)
    expect(await eventsOf(oauth.db, reply)).toEqual([])
    const counted = await eventually(async () => {
      const rows = await oauth.db`
        select grant_type, sum(issued)::int as issued from token_counts where client_id = ${client.client_id}
        group by grant_type order by grant_type`
      return rows.length === 2 ? rows : undefined
    })
    expect(counted).toEqual([
      { grant_type: 'authorization_code', issued: 1 },
      { grant_type: 'refresh_token', issued: 1 },
    ])
  })

  it('reads roles afresh', async () => {
    const person = await oauth.person()
    const tokens = await oauth.grant(person, web)
    expect(claimsOf(tokens.access_token)['roles']).toEqual([])
    await transact(oauth.db, async (tx) => await assignRoles(tx, person.user.user_id, ['admin']))
    const after = claimsOf(tokensOf(await oauth.refresh(web, tokens.refresh_token)).access_token)
    expect(after['roles']).toEqual(['admin'])
    // Those of this server's own API are for tokens that are meant for it.
    expect(after['permissions']).toEqual([])
  })

  it('narrows the scope of one access token only (RFC 6749 §6)', async () => {
    const tokens = await oauth.grant(ada, web)
    const narrow = tokensOf(await oauth.refresh(web, tokens.refresh_token, { scope: 'openid email' }))
    expect([narrow.scope, claimsOf(narrow.access_token)['scope']]).toEqual(['openid email', 'openid email'])
    expect(tokensOf(await oauth.refresh(web, narrow.refresh_token)).scope).toBe(tokens.scope)
  })

  it('a scope that was not granted is invalid_scope, and costs nothing', async () => {
    const tokens = await oauth.grant(ada, web, { scope: 'openid email' })
    for (const scope of ['openid profile', 'openid offline_access', 'admin', 'a"b']) {
      const reply = await oauth.refresh(web, tokens.refresh_token, { scope })
      await expectRefusal(oauth.db, reply, 400, 'invalid_scope')
      expect(await eventsOf(oauth.db, reply)).toMatchObject([
        { type: 'token.refused', data: { error: 'invalid_scope', grant_type: 'refresh_token' } },
      ])
    }
    expect((await oauth.refresh(web, tokens.refresh_token)).status).toBe(200)
  })

  it('keeps and narrows resources, and refuses others with invalid_target (RFC 8707 §2.2)', async () => {
    const [one, two] = ['https://one.example/', 'https://two.example/']
    const client = await oauth.client({ resources: [one, two] })
    const tokens = await oauth.grant(ada, client, { resource: one })
    await expectRefusal(
      oauth.db,
      await oauth.refresh(client, tokens.refresh_token, { resource: two }),
      400,
      'invalid_target',
    )
    const same = tokensOf(await oauth.refresh(client, tokens.refresh_token, { resource: one }))
    expect(claimsOf(same.access_token)['aud']).toBe(one)
    expect(claimsOf(tokensOf(await oauth.refresh(client, same.refresh_token)).access_token)['aud']).toBe(one)
  })
})

describe('a lost answer', () => {
  it('is repeated within the grace: the same successor, and no fork (RFC 9700 §4.14.2)', async () => {
    const first = await oauth.grant(ada, web)
    const lost = tokensOf(await oauth.refresh(web, first.refresh_token))
    const again = tokensOf(await oauth.refresh(web, first.refresh_token))
    expect(again.refresh_token).toBe(lost.refresh_token)
    expect(again.access_token).not.toBe(lost.access_token)
    const third = tokensOf(await oauth.refresh(web, again.refresh_token))
    expect((await oauth.refresh(web, third.refresh_token)).status).toBe(200)
  })

  it('is not repeated once the successor was used: then the family dies', async () => {
    const first = await oauth.grant(ada, web)
    const second = tokensOf(await oauth.refresh(web, first.refresh_token))
    const third = tokensOf(await oauth.refresh(web, second.refresh_token))
    const reply = await oauth.refresh(web, first.refresh_token)
    await expectRefusal(oauth.db, reply, 400, 'invalid_grant')
    await expectRefusal(oauth.db, await oauth.refresh(web, third.refresh_token), 400, 'invalid_grant')
    expect((await oauth.userinfo(third.access_token)).status).toBe(401)
  })

  it('a client without grace is told at once', async () => {
    const strict = await oauth.client({ refresh_grace_seconds: 0 })
    const first = await oauth.grant(ada, strict)
    const second = tokensOf(await oauth.refresh(strict, first.refresh_token))
    await expectRefusal(oauth.db, await oauth.refresh(strict, first.refresh_token), 400, 'invalid_grant')
    await expectRefusal(oauth.db, await oauth.refresh(strict, second.refresh_token), 400, 'invalid_grant')
  })
})

type Change = { name: string; sql: (id: string) => Promise<unknown> }
const dead: Change[] = [
  {
    name: 'idle for too long',
    sql: async (id) =>
      await oauth.db`update refresh_families set idle_expires_at = now() - interval '1 second' where id = ${id}`,
  },
  {
    name: 'at its absolute end',
    sql: async (id) =>
      await oauth.db`update refresh_families set expires_at = now() - interval '1 second' where id = ${id}`,
  },
  {
    name: 'revoked',
    sql: async (id) =>
      await oauth.db`update refresh_families set revoked_at = now(), revoked_because = 'x' where id = ${id}`,
  },
]

describe('a bad refresh', () => {
  it.each([
    ['missing', undefined, 'invalid_request'],
    ['garbage', 'garbage', 'invalid_grant'],
    ['an authorization code', 'kw_ac_000000', 'invalid_grant'],
    ['a JWT', 'eyJhbGciOiJub25lIn0.e30.', 'invalid_grant'],
    ['very long', `kw_rt_${'a'.repeat(5000)}`, 'invalid_grant'],
  ])('a token that is %s is %s -> %s', async (_name, refresh_token, error) => {
    const reply = await oauth.refresh(web, refresh_token)
    await expectRefusal(oauth.db, reply, 400, error)
    expect(await eventsOf(oauth.db, reply)).toMatchObject([{ type: 'token.refused', data: { error } }])
  })

  it('a forged generation fails the MAC and harms nobody (security design 3.4)', async () => {
    const tokens = await oauth.grant(ada, web)
    const bytes = Buffer.from(parseOpaque('rt', tokens.refresh_token ?? '') ?? [])
    for (const at of [0, 19, 20, 27, 28, 51]) {
      const forged = Buffer.from(bytes)
      forged[at] = (forged[at] ?? 0) ^ 1
      await expectRefusal(oauth.db, await oauth.refresh(web, mintOpaque('rt', forged)), 400, 'invalid_grant')
    }
    expect((await oauth.refresh(web, tokens.refresh_token)).status).toBe(200)
  })

  it('a token of another client is invalid_grant, and stays good for its owner (RFC 6749 §6)', async () => {
    const other = await oauth.client()
    const tokens = await oauth.grant(ada, web)
    await expectRefusal(oauth.db, await oauth.refresh(other, tokens.refresh_token), 400, 'invalid_grant')
    const next = tokensOf(await oauth.refresh(web, tokens.refresh_token))
    // The thief holds an old generation now: still nothing of his to revoke.
    await expectRefusal(oauth.db, await oauth.refresh(other, tokens.refresh_token), 400, 'invalid_grant')
    expect((await oauth.refresh(web, next.refresh_token)).status).toBe(200)
  })

  it.each(dead)('a family that is $name is invalid_grant', async ({ sql }) => {
    const tokens = await oauth.grant(ada, web)
    await sql(familyOf(tokens))
    const reply = await oauth.refresh(web, tokens.refresh_token)
    await expectRefusal(oauth.db, reply, 400, 'invalid_grant')
    expect((await eventsOf(oauth.db, reply)).map((event) => event.type)).toEqual(['token.refused'])
  })

  it('a client that lost the grant is unauthorized_client', async () => {
    const client = await oauth.client()
    const tokens = await oauth.grant(ada, client)
    await oauth.db`update clients set grant_types = '{authorization_code}' where client_id = ${client.client_id}`
    const reply = await eventually(async () => {
      const answer = await oauth.refresh(client, tokens.refresh_token)
      return answer.status === 200 ? undefined : answer
    })
    await expectRefusal(oauth.db, reply, 400, 'unauthorized_client')
  })
})

describe('what a family hangs on', () => {
  it('without offline_access it ends with its session; with it, it outlives one sign-out (Core §11)', async () => {
    const person = await oauth.person()
    const bound = await oauth.grant(person, web, { scope: 'openid' })
    const long = await oauth.grant(person, web, { scope: 'openid offline_access' })
    const page = await person.browser.get('/logout')
    await person.browser.submit(page, {}, { button: { name: 'scope', value: 'here' } })
    const reply = await oauth.refresh(web, bound.refresh_token)
    await expectRefusal(oauth.db, reply, 400, 'invalid_grant')
    expect((await oauth.userinfo(bound.access_token)).status).toBe(401)
    expect((await oauth.userinfo(long.access_token)).status).toBe(200)
    expect((await oauth.refresh(web, long.refresh_token)).status).toBe(200)
  })

  it('signing out everywhere ends offline families too', async () => {
    const person = await oauth.person()
    const tokens = await oauth.grant(person, web)
    const page = await person.browser.get('/logout')
    await person.browser.submit(page, {}, { button: { name: 'scope', value: 'everywhere' } })
    await expectRefusal(oauth.db, await oauth.refresh(web, tokens.refresh_token), 400, 'invalid_grant')
    expect((await oauth.userinfo(tokens.access_token)).status).toBe(401)
  })
})
