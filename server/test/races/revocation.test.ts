/**
 * Revoking under load, with two server processes on one database (security design 3.3, promise I2): whatever ends access,
 * nothing that it ended is accepted two seconds later on either node, by any endpoint that looks at a token.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { setClientStatus } from '../../src/clients/manage.ts'
import { changePassword, changeStatus } from '../../src/users/status.ts'
import { type Cluster, openCluster } from '../support/cluster.ts'
import type { TestClient } from '../support/fixtures.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { keepLooking, type Look, type Probe, until } from '../support/looks.ts'
import { offline, type Person, type Tokens, tokensOf } from '../support/oauth.ts'

let nodes: Cluster['nodes']
let cluster: Cluster

beforeAll(async () => {
  cluster = await openCluster()
  nodes = cluster.nodes
})

/** Somebody whose access ends: tokens that are only shown, and for each node a chain of refreshes. */
type Victim = { person: Person; client: TestClient; held: Tokens; chains: [Tokens, Tokens] }

type Way = {
  name: string
  scope?: string
  /** What ends with it beside access tokens. */
  ends: ('refresh' | 'page')[]
  /** How long copies of rows may still say yes after the acknowledgement, in milliseconds; none for what the feed carries. */
  copiesMs?: number
  end: (victim: Victim) => Promise<unknown>
}

/** A table of cases with whole names. */
const named = (list: Way[]): [string, Way][] => list.map((way) => [way.name, way])

/** Presses a button of a person's own page at one node. */
const press = async (browser: HttpClient, action: string, button: { name: string; value?: string }): Promise<Reply> => {
  const page = await browser.get(action.startsWith('/account/consents') ? '/account/applications' : '/account')
  const form = (one: { action: string; buttons: { name: string; value: string }[] }): boolean =>
    one.action === action &&
    one.buttons.some(({ name, value }) => name === button.name && value === (button.value ?? value))
  const reply = await browser.submit(page, {}, { form, button })
  expect([200, 303]).toContain(reply.status)
  return reply
}

const revokeToken = async ({ client }: Victim, token: string | undefined): Promise<void> => {
  const reply = await nodes[0].post('/oauth/revoke', client, { token })
  expect([reply.status, reply.body]).toEqual([200, ''])
}

const ways: Way[] = [
  {
    name: 'RV-1: revocation of a refresh token ends its family',
    ends: ['refresh'],
    end: async (victim) => {
      const tokens = [victim.held, ...victim.chains].map(({ refresh_token }) => refresh_token)
      await Promise.all(tokens.map(async (token) => await revokeToken(victim, token)))
    },
  },
  {
    name: 'RV-1: revocation of an access token ends that token',
    ends: [],
    end: async (victim) => await revokeToken(victim, victim.held.access_token),
  },
  {
    name: 'LO-1: signing out everywhere ends offline access too',
    ends: ['refresh', 'page'],
    end: async ({ person }) => await press(person.browser, '/logout', { name: 'scope', value: 'everywhere' }),
  },
  {
    name: 'LO-1: signing out here ends what hangs on the session',
    scope: 'openid profile email',
    ends: ['refresh', 'page'],
    end: async ({ person }) => await press(person.browser, '/logout', { name: 'scope', value: 'here' }),
  },
  {
    name: 'a new password ends what the old one opened',
    ends: ['refresh', 'page'],
    end: async ({ person }) =>
      await nodes[0].revoking(async (ctx) => {
        await changePassword(ctx, person.user.user_id, await ctx.hashing.hash('another quiet stone arch'))
      }),
  },
  {
    name: 'G-3: disabling an account',
    ends: ['refresh', 'page'],
    end: async ({ person }) =>
      await nodes[0].revoking(async (ctx) => await changeStatus(ctx, person.user.user_id, 'disabled')),
  },
  {
    name: 'AZ-13: withdrawing a consent',
    ends: ['refresh'],
    end: async ({ person, client }) =>
      await press(person.browser, '/account/consents/withdraw', { name: 'client_id', value: client.client_id }),
  },
  {
    name: 'G-3: disabling a client',
    ends: ['refresh'],
    // Access tokens die by the feed; who the client is, a node knows from a copy that is at most a second old.
    copiesMs: 1500,
    end: async ({ client }) =>
      await nodes[0].revoking(async (ctx) => await setClientStatus(ctx, client.client_id, 'disabled')),
  },
]

const makeVictim = async ({ scope = offline }: Way): Promise<Victim> => {
  const person = await nodes[0].person()
  const client = await nodes[0].client({ first_party: false })
  const allow = await person.browser.walk(person.browser.get(`/oauth/authorize?${firstRequest(client, scope)}`))
  await person.browser.submit(allow, {}, { button: { name: 'decision', value: 'allow' } })
  const grant = async (): Promise<Tokens> => await nodes[0].grant(person, client, { scope })
  return { person, client, held: await grant(), chains: [await grant(), await grant()] }
}

const firstRequest = (client: TestClient, scope: string): string =>
  new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    response_type: 'code',
    scope,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }).toString()

/** Every way in which a victim's access can show. Introspection is asked by another client where its own is the victim. */
const probesOf = (victim: Victim, way: Way): Probe[] => {
  const { client, held, chains, person } = victim
  const probes: Probe[] = [
    { what: 'userinfo', look: async (node) => await node.userinfo(held.access_token) },
    {
      what: 'introspection of the access token',
      look: async (node) => await node.post('/oauth/introspect', client, { token: held.access_token }),
    },
  ]
  if (way.ends.includes('refresh')) {
    probes.push({
      what: 'introspection of the refresh token',
      look: async (node) => await node.post('/oauth/introspect', client, { token: held.refresh_token }),
    })
    probes.push({
      what: 'refresh',
      look: async (node, index) => {
        const reply = await node.refresh(client, chains[index].refresh_token)
        if (reply.status === 200) chains[index] = tokensOf(reply)
        return reply
      },
    })
  }
  if (way.ends.includes('page'))
    probes.push({
      what: 'the own page',
      look: async (node) => await node.server.client(person.browser.jar).get('/account'),
    })
  return probes
}

describe('under load', () => {
  type Seen = { way: Way; victim: Victim; probes: Probe[]; looks: Look[]; begun: number; acknowledged: number }
  const seen = new Map<string, Seen>()

  /** Whether every probe was looked at, on each node, by a look that fits. */
  const isCovered = ({ probes, looks }: Pick<Seen, 'probes' | 'looks'>, fits: (look: Look) => boolean): boolean =>
    [0, 1].every((node) =>
      probes.every(({ what }) => looks.some((look) => look.node === node && look.what === what && fits(look))),
    )

  beforeAll(async () => {
    let over = false
    const watch = async (way: Way): Promise<{ looking: Promise<void>[]; seen: Seen }> => {
      const victim = await makeVictim(way)
      const facts = { way, victim, probes: probesOf(victim, way), looks: [] as Look[] }
      const looking = ([0, 1] as const).map(
        async (index) =>
          await keepLooking(facts.probes, { node: nodes[index], index, looks: facts.looks, isOver: () => over }),
      )
      await until(() => isCovered(facts, ({ accepted }) => accepted))
      const begun = performance.now()
      await way.end(victim)
      return { looking, seen: { ...facts, begun, acknowledged: performance.now() } }
    }
    const all = await Promise.all(ways.map(watch)).catch((error: unknown) => {
      over = true
      throw error
    })
    // Everybody goes on looking until two seconds have passed for everybody.
    for (const { seen: one } of all) {
      await until(() => isCovered(one, ({ at }) => at >= one.acknowledged + 2000))
      seen.set(one.way.name, one)
    }
    over = true
    await Promise.all(all.flatMap(({ looking }) => looking))
  })

  const seenOf = ({ name }: Way): Seen => {
    const found = seen.get(name)
    if (found === undefined) throw new Error(`nothing was seen of ${name}`)
    return found
  }

  it.each(named(ways))('%s: nothing accepted two seconds later, on either node', (_, way) => {
    const { looks, begun, acknowledged } = seenOf(way)
    expect(looks.filter(({ done, accepted }) => done < begun && !accepted)).toEqual([])
    expect(looks.filter(({ at, accepted }) => at >= acknowledged + 2000 && accepted)).toEqual([])
    // The acknowledgement waits for the other nodes, two seconds at most.
    expect(acknowledged - begun).toBeLessThan(5000)
  })

  it.each(named(ways))('%s: once it is acknowledged nothing more is accepted', (_, way) => {
    const { looks, acknowledged } = seenOf(way)
    const allowedUntil = acknowledged + (way.copiesMs ?? 0)
    expect(looks.filter(({ at, accepted }) => accepted && at >= allowedUntil)).toEqual([])
  })

  it.each(named(ways.filter((way) => way.ends.includes('refresh'))))(
    '%s: tokens that a refresh gave at the last moment are dead as well',
    async (_, way) => {
      const { victim } = seenOf(way)
      for (const { access_token } of victim.chains) {
        for (const node of nodes) expect((await node.userinfo(access_token)).status).toBe(401)
      }
    },
  )
})

describe('at the same moment', () => {
  it.each([
    ['that outlives the session', offline],
    ['that ends with the session', 'openid profile'],
  ])(
    'a sign-out everywhere and code exchanges for access %s: whatever the exchanges gave is dead',
    async (_, scope) => {
      const client = await nodes[0].client()
      const granted: number[] = []
      for (let round = 0; round < 4; round += 1) {
        const person = await nodes[0].person()
        const codes = await Promise.all(
          Array.from({ length: 8 }, async () => await nodes[0].code(person, client, { scope })),
        )
        const page = await person.browser.get('/account')
        const signOut = sleep(round * 3).then(
          async () =>
            await person.browser.submit(
              page,
              {},
              {
                form: ({ action, buttons }) =>
                  action === '/logout' && buttons.some(({ value }) => value === 'everywhere'),
                button: { name: 'scope', value: 'everywhere' },
              },
            ),
        )
        const replies = await cluster.race(codes.length, async (node, index) => {
          const code = codes[index]
          if (code === undefined) throw new Error('each request has its code')
          return await node.redeem(client, code)
        })
        expect((await signOut).status).toBe(200)
        const good = replies.filter(({ status }) => status === 200).map(tokensOf)
        granted.push(good.length)
        expect(replies.filter(({ status }) => status !== 200).map((reply) => reply.json()['error'])).toEqual(
          Array.from({ length: codes.length - good.length }, () => 'invalid_grant'),
        )
        for (const tokens of good) {
          for (const node of nodes) {
            expect((await node.userinfo(tokens.access_token)).status).toBe(401)
            expect((await node.refresh(client, tokens.refresh_token)).status).toBe(400)
          }
        }
      }
      // Otherwise the rounds met no exchange at all.
      expect(granted.some((count) => count > 0)).toBe(true)
    },
  )

  it('a revocation and a transaction that stays open for long: what is acknowledged is known at the other node', async () => {
    const [here, there] = nodes
    const client = await here.client()
    const person = await here.person()
    const grants = await Promise.all(Array.from({ length: 15 }, async () => await here.grant(person, client)))
    const accepted: number[] = []
    await here.db.begin(async (tx) => {
      // As a backup or a report does: nodes that wait for older transactions to end must not take that for an answer.
      await tx`select pg_current_xact_id()`
      for (const { access_token } of grants) {
        expect((await there.userinfo(access_token)).status).toBe(200)
        expect((await here.post('/oauth/revoke', client, { token: access_token })).status).toBe(200)
        accepted.push((await there.userinfo(access_token)).status)
      }
    })
    expect(accepted).toEqual(grants.map(() => 401))
  })
})
