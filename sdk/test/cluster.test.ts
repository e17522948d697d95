/**
 * Promise I2 as an API sees it: two servers on one database, a third process that uses the library, and whatever is revoked
 * at one server is dead in that process two seconds later, without a call for each request. And what it does without the feed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { setClientStatus } from '../../server/src/clients/manage.ts'
import { transact } from '../../server/src/db/transact.ts'
import { compromiseKey } from '../../server/src/keys/manage.ts'
import { endSession } from '../../server/src/sessions/end.ts'
import { changeStatus } from '../../server/src/users/status.ts'
import { makeApiKey } from '../../server/test/support/api-keys.ts'
import type { TestClient } from '../../server/test/support/fixtures.ts'
import { until } from '../../server/test/support/looks.ts'
import { claimsOf, headerOf, type Oauth, oauthOf, type Person, type Tokens } from '../../server/test/support/oauth.ts'
import { startServer } from '../../server/test/support/server.ts'
import type { OnFeedLost } from '../src/index.ts'
import { type Api, startApi } from './support/api-process.ts'
import { openProxy, type Proxy } from './support/proxy.ts'

const audience = 'https://orders.example'
/** The server that revokes, the one behind the proxy that the APIs ask, and the address that both are known by. */
let here: Oauth
let there: Oauth
let proxy: Proxy
let apis: Record<OnFeedLost, Api>
let app: TestClient
const ports = { there: 0 }

beforeAll(async () => {
  proxy = await openProxy(() => ports.there)
  const first = await startServer({ issuer: proxy.origin })
  const second = await startServer({ issuer: proxy.origin })
  ports.there = second.port
  here = await oauthOf(first)
  there = await oauthOf(second)
  app = await here.client({ resources: [audience] })
  const { client_id, client_secret = '' } = await here.client({
    type: 'machine',
    scope: 'revocations:read',
    audiences: [audience],
  })
  const start = async (onFeedLost: OnFeedLost): Promise<Api> =>
    await startApi({ issuer: proxy.origin, audience, credentials: { client_id, client_secret }, onFeedLost })
  const [introspect, refuse, accept] = await Promise.all([start('introspect'), start('refuse'), start('accept')])
  apis = { introspect, refuse, accept }
})

type Victim = { person: Person; tokens: Tokens; client: TestClient }

const makeVictim = async (client = app): Promise<Victim> => {
  const user = await here.user()
  await here.db`insert into user_roles (user_id, role_id) select ${user.user_id}, id from roles where name = 'admin'`
  const person = await here.person(user)
  const tokens = await here.grant(person, client, { resource: audience, scope: 'openid roles' })
  expect(claimsOf(tokens.access_token)['roles']).toContain('admin')
  return { person, tokens, client }
}

/** What went to the issuer, apart from the feed and the token that it is followed with. */
const calls = (): Record<string, number> =>
  Object.fromEntries([...proxy.counts].filter(([path]) => !['/oauth/revocations', '/oauth/token'].includes(path)))

const claim = ({ tokens }: Victim, name: string): string => String(claimsOf(tokens.access_token)[name])

type Way = [what: string, end: (victim: Victim) => Promise<unknown>]
const ways: Way[] = [
  [
    'its token (RFC 7009)',
    async ({ tokens, client }) => await here.post('/oauth/revoke', client, { token: tokens.access_token }),
  ],
  [
    'its refresh token, with the whole grant',
    async ({ tokens, client }) => await here.post('/oauth/revoke', client, { token: tokens.refresh_token }),
  ],
  [
    'its person',
    async ({ person }) => await here.revoking(async (ctx) => await changeStatus(ctx, person.user.user_id, 'disabled')),
  ],
  [
    'its client',
    async ({ client }) => await here.revoking(async (ctx) => await setClientStatus(ctx, client.client_id, 'disabled')),
  ],
  [
    'its session',
    async (victim) =>
      await here.revoking(async (ctx) => {
        await transact(
          ctx.db,
          async (tx) =>
            await endSession(ctx, tx, { session_id: claim(victim, 'sid'), now: ctx.now(), because: 'a test' }),
        )
        await ctx.feed.announce()
      }),
  ],
  [
    'a role of its person',
    async () =>
      await here.revoking(async (ctx) => {
        await ctx.feed.write(ctx.db, [{ kind: 'role', key: 'admin' }], ctx.now())
        await ctx.feed.announce()
      }),
  ],
  [
    'the key that signed it',
    async ({ tokens }) =>
      await here.revoking(async (ctx) => await compromiseKey(ctx, String(headerOf(tokens.access_token)['kid']))),
  ],
]

describe('what is revoked at one server is dead within two seconds in another process', () => {
  it.each(ways)('%s', async (_, end) => {
    const victim = await makeVictim(await here.client({ resources: [audience] }))
    const { access_token } = victim.tokens
    expect(await apis.introspect.ask(access_token)).toMatchObject({ status: 200, sub: claim(victim, 'sub') })
    const asked = proxy.counts.get('/oauth/introspect') ?? 0
    await end(victim)
    const acknowledged = performance.now()
    await until(async () => (await apis.introspect.ask(access_token)).status === 401)
    expect(performance.now() - acknowledged).toBeLessThan(2000)
    expect(await apis.introspect.ask(access_token)).toMatchObject({ status: 401, code: 'invalid_token' })
    expect(proxy.counts.get('/oauth/introspect') ?? 0).toBe(asked)
    // What is issued afterwards is good: nobody is shut out for what was.
    const next = await makeVictim()
    const issued = performance.now()
    await until(async () => (await apis.introspect.ask(next.tokens.access_token)).status === 200)
    expect(performance.now() - issued).toBeLessThan(2000)
  })

  it('AK-1: an API key; what it may do is what its owner holds of it, for this API', async () => {
    const user = await here.user()
    await here.db`insert into user_roles (user_id, role_id) select ${user.user_id}, id from roles where name = 'admin'`
    const { id, key } = await makeApiKey(here.db, user.user_id, ['users:read'])
    expect(await apis.introspect.ask(key)).toMatchObject({ status: 200, sub: user.user_id })
    const asked = proxy.counts.get('/oauth/introspect') ?? 0
    for (let round = 0; round < 20; round += 1) await apis.introspect.ask(key)
    expect((proxy.counts.get('/oauth/introspect') ?? 0) - asked).toBeLessThan(3)
    await here.db`update api_keys set status = 'inactive' where id = ${id}`
    const switchedOff = performance.now()
    await until(async () => (await apis.introspect.ask(key)).status === 401)
    expect(performance.now() - switchedOff).toBeLessThan(2100)
  })

  it('and nobody was asked: a thousand requests are no call to the issuer', async () => {
    const { tokens } = await makeVictim()
    await apis.introspect.ask(tokens.access_token)
    const before = calls()
    for (let round = 0; round < 20; round += 1) {
      const seen = await Promise.all(
        Array.from({ length: 50 }, async () => await apis.introspect.ask(tokens.access_token)),
      )
      expect(new Set(seen.map(({ status }) => status))).toEqual(new Set([200]))
    }
    expect(calls()).toEqual(before)
  })

  it('a key that was compromised: the one in its place is found, with one reading of the keys', async () => {
    const { tokens } = await makeVictim()
    await here.revoking(async (ctx) => await compromiseKey(ctx, String(headerOf(tokens.access_token)['kid'])))
    const next = await makeVictim()
    expect(headerOf(next.tokens.access_token)['kid']).not.toBe(headerOf(tokens.access_token)['kid'])
    await until(async () => (await apis.refuse.ask(next.tokens.access_token)).status === 200)
    expect((await apis.refuse.ask(tokens.access_token)).status).toBe(401)
  })
})

describe.each([
  ['cut', 'shut'],
  ['frozen', 'frozen'],
] as const)('the feed is %s', (_, gate) => {
  it('after two seconds each does as it was told, and knows everything once the feed is back', async () => {
    const [live, dead] = [await makeVictim(), await makeVictim()]
    for (const api of Object.values(apis)) {
      await until(async () => (await api.ask(live.tokens.access_token)).status === 200)
      expect((await api.ask(dead.tokens.access_token)).status).toBe(200)
    }
    proxy.feed(gate)
    const lost = performance.now()
    const asked = proxy.counts.get('/oauth/introspect') ?? 0
    await here.post('/oauth/revoke', dead.client, { token: dead.tokens.access_token })
    const acknowledged = performance.now()
    await sleep(Math.max(0, lost + 2000 - performance.now()))
    for (const api of Object.values(apis)) expect((await api.feed()).state).toBe('lost')
    expect(performance.now() - acknowledged).toBeLessThan(2500)
    const seen = async ({ tokens }: Victim): Promise<Record<string, number>> => ({
      introspect: (await apis.introspect.ask(tokens.access_token)).status,
      refuse: (await apis.refuse.ask(tokens.access_token)).status,
      accept: (await apis.accept.ask(tokens.access_token)).status,
    })
    expect(await seen(live)).toEqual({ introspect: 200, refuse: 503, accept: 200 })
    expect(await seen(dead)).toEqual({ introspect: 401, refuse: 503, accept: 200 })
    expect(proxy.counts.get('/oauth/introspect')).toBe(asked + 2)
    proxy.feed('open')
    for (const api of Object.values(apis)) await until(async () => (await api.feed()).state === 'fresh')
    expect(await seen(live)).toEqual({ introspect: 200, refuse: 200, accept: 200 })
    expect(await seen(dead)).toEqual({ introspect: 401, refuse: 401, accept: 401 })
  })
})

describe('everything is lost', () => {
  it('G-1: no verdict on a token that is not known to be revoked; what is known stays dead', async () => {
    const [live, dead] = [await makeVictim(), await makeVictim()]
    await here.post('/oauth/revoke', dead.client, { token: dead.tokens.access_token })
    await until(async () => (await apis.introspect.ask(dead.tokens.access_token)).status === 401)
    await until(async () => (await apis.introspect.ask(live.tokens.access_token)).status === 200)
    proxy.all('shut')
    try {
      await until(async () => (await apis.introspect.feed()).state === 'lost')
      expect(await apis.introspect.ask(live.tokens.access_token)).toMatchObject({
        status: 503,
        code: 'temporarily_unavailable',
      })
      expect((await apis.introspect.ask(dead.tokens.access_token)).status).toBe(401)
    } finally {
      proxy.all('open')
    }
    await until(async () => (await apis.introspect.ask(live.tokens.access_token)).status === 200)
  })

  it('a server that stops: the feed goes on at the next one, and nothing that happened meanwhile is missed', async () => {
    const [known, missed] = [await makeVictim(), await makeVictim()]
    await here.post('/oauth/revoke', known.client, { token: known.tokens.access_token })
    await until(async () => (await apis.refuse.ask(known.tokens.access_token)).status === 401)
    await there.server.stop()
    ports.there = here.server.port
    await here.post('/oauth/revoke', missed.client, { token: missed.tokens.access_token })
    await until(async () => (await apis.refuse.ask(missed.tokens.access_token)).status === 401)
    expect((await apis.refuse.ask(known.tokens.access_token)).status).toBe(401)
    const live = await makeVictim()
    await until(async () => (await apis.refuse.ask(live.tokens.access_token)).status === 200)
  })
})
