/**
 * Races for what may be used once, with two server processes on one database: security rule G-2, designs 3.4 and 3.5,
 * RFC 6749 §4.1.2, RFC 9700 §4.14. Every race is run over both nodes at the same moment.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../support/fixtures.ts'
import type { Reply } from '../support/http.ts'
import { type Code, claimsOf, type Person, type Tokens, tokensOf } from '../support/oauth.ts'
import { type Cluster, openCluster } from '../support/cluster.ts'

let nodes: Cluster['nodes']
let race: Cluster['race']
let ada: Person

beforeAll(async () => {
  const cluster = await openCluster()
  nodes = cluster.nodes
  race = cluster.race
  ada = await nodes[0].person()
})

/** How many answers of each kind there were: `200`, or the status and the error. */
const tally = (replies: Reply[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const reply of replies) {
    const kind = reply.status === 200 ? '200' : `${reply.status} ${reply.json<{ error: string }>().error}`
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

const isGood = (reply: Reply): boolean => reply.status === 200
const familyIn = (tokens: Tokens): string => String(claimsOf(tokens.access_token)['grant_id'])

type Family = { client_id: string; gen: number; revoked_because: string | null }
/** Every family of a client: the race must not have begun a second one. */
const familiesOf = async (client: TestClient): Promise<Family[]> =>
  await nodes[0].db<Family[]>`
    select client_id, gen, revoked_because from refresh_families where client_id = ${client.client_id}`

const eventCounts = async (client: TestClient): Promise<Record<string, number>> => {
  const rows = await nodes[0].db<{ type: string; count: number }[]>`
    select type, count(*)::int as count from all_events
    where client_id = ${client.client_id} and type <> 'client.created' group by type`
  return Object.fromEntries(rows.map(({ type, count }) => [type, count]))
}

/** What was given is worth nothing, whichever node is asked and however. */
const expectDead = async (client: TestClient, tokens: Tokens): Promise<void> => {
  for (const node of nodes) {
    expect((await node.userinfo(tokens.access_token)).status).toBe(401)
    const refused = await node.refresh(client, tokens.refresh_token)
    expect([refused.status, refused.json()['error']]).toEqual([400, 'invalid_grant'])
    if (client.client_secret === undefined) continue
    expect(await node.introspect(client, tokens.access_token)).toEqual({ active: false })
    expect(await node.introspect(client, tokens.refresh_token ?? '')).toEqual({ active: false })
  }
}

const expectAlive = async (client: TestClient, tokens: Tokens): Promise<void> => {
  for (const node of nodes) {
    expect((await node.userinfo(tokens.access_token)).status).toBe(200)
    expect(await node.introspect(client, tokens.refresh_token ?? '')).toMatchObject({ active: true })
  }
}

describe('one code, 50 redemptions at once', () => {
  // All fifty are fully valid. The first to take the code wins; each of the others is a second use in the sense of
  // RFC 6749 §4.1.2, so it is refused and revokes what the winner got. Which one wins does not matter.
  it.each(['web', 'spa'] as const)(
    'G-2, TK-1: exactly one is answered with tokens, and the other 49 have revoked them (%s client)',
    async (type) => {
      const client = await nodes[0].client({ type })
      const code = await nodes[0].code(ada, client)
      const replies = await race(50, async (node) => await node.redeem(client, code))
      expect(tally(replies)).toEqual({ '200': 1, '400 invalid_grant': 49 })
      const winner = tokensOf(replies.find(isGood) ?? (replies[0] as Reply))
      expect(await familiesOf(client)).toEqual([
        { client_id: client.client_id, gen: 1, revoked_because: 'code replayed' },
      ])
      await expectDead(client, winner)
      expect(await eventCounts(client)).toMatchObject({ 'token.issued': 1, 'code.replayed': 49 })
    },
  )

  it('G-2: round after round of one redemption at each node, never two winners, never none', async () => {
    const client = await nodes[0].client()
    const codes = await Promise.all(Array.from({ length: 25 }, async () => await nodes[0].code(ada, client)))
    const rounds = await Promise.all(
      codes.map(async (code) => tally(await race(2, async (node) => await node.redeem(client, code)))),
    )
    expect(rounds).toEqual(codes.map(() => ({ '200': 1, '400 invalid_grant': 1 })))
    const families = await familiesOf(client)
    expect(families).toHaveLength(25)
    expect(families.filter(({ revoked_because }) => revoked_because !== 'code replayed')).toEqual([])
  })

  it('TK-1: replays that lack the verifier revoke nothing, however many come at once', async () => {
    const client = await nodes[0].client()
    const code = await nodes[0].code(ada, client)
    const tokens = tokensOf(await nodes[0].redeem(client, code))
    const wrong: Code = { ...code, code_verifier: 'x'.repeat(43) }
    const replies = await race(30, async (node) => await node.redeem(client, wrong))
    expect(tally(replies)).toEqual({ '400 invalid_grant': 30 })
    await expectAlive(client, tokens)
  })

  it('TK-2: right and wrong verifiers at once give one success or a burnt code, never two', async () => {
    const client = await nodes[0].client()
    const outcomes: number[] = []
    for (let round = 0; round < 6; round += 1) {
      const code = await nodes[0].code(ada, client)
      const wrong: Code = { ...code, code_verifier: 'x'.repeat(43) }
      const replies = await race(8, async (node, index) => await node.redeem(client, index % 4 < 2 ? wrong : code))
      expect(replies.filter((reply) => !isGood(reply)).map((reply) => reply.status)).not.toContain(500)
      outcomes.push(replies.filter(isGood).length)
      expect(replies.filter((reply, index) => index % 4 < 2 && isGood(reply))).toEqual([])
    }
    expect(Math.max(...outcomes)).toBeLessThanOrEqual(1)
    expect(await familiesOf(client)).toHaveLength(outcomes.filter((wins) => wins === 1).length)
  })
})

describe('one refresh token, 50 uses at once', () => {
  it('TK-5, design 3.4: within the grace all get the same successor: one lineage, one generation further', async () => {
    const client = await nodes[0].client({ refresh_grace_seconds: 60 })
    const first = await nodes[0].grant(ada, client)
    const replies = await race(50, async (node) => await node.refresh(client, first.refresh_token))
    expect(tally(replies)).toEqual({ '200': 50 })
    const successors = new Set(replies.map((reply) => tokensOf(reply).refresh_token))
    expect(successors.size).toBe(1)
    expect(successors).not.toContain(first.refresh_token)
    expect(await familiesOf(client)).toEqual([{ client_id: client.client_id, gen: 2, revoked_because: null }])
    expect(new Set(replies.map((reply) => familyIn(tokensOf(reply))))).toEqual(new Set([familyIn(first)]))
    // The lineage goes on from the one successor.
    const [successor] = successors
    expect((await nodes[1].refresh(client, successor)).status).toBe(200)
  })

  it('TK-5: without grace exactly one succeeds, and the reuse has revoked the family', async () => {
    const client = await nodes[0].client({ refresh_grace_seconds: 0 })
    const first = await nodes[0].grant(ada, client)
    const replies = await race(50, async (node) => await node.refresh(client, first.refresh_token))
    expect(tally(replies)).toEqual({ '200': 1, '400 invalid_grant': 49 })
    expect(await familiesOf(client)).toEqual([
      { client_id: client.client_id, gen: 2, revoked_because: 'refresh token reused' },
    ])
    await expectDead(client, tokensOf(replies.find(isGood) ?? (replies[0] as Reply)))
    expect(await eventCounts(client)).toMatchObject({ 'refresh_token.reused': 1 })
  })

  it('TK-5: without grace, clocks that differ by a moment between nodes give the old token no second life', async () => {
    const client = await nodes[0].client({ refresh_grace_seconds: 0 })
    const first = await nodes[0].grant(ada, client)
    const second = tokensOf(await nodes[0].refresh(client, first.refresh_token))
    // As if the node that rotated were half a minute ahead: what it wrote down lies in the future of the other one.
    await nodes[0].db`
      update refresh_families set prev_used_at = prev_used_at + interval '30 seconds' where client_id = ${client.client_id}`
    const reused = await nodes[1].refresh(client, first.refresh_token)
    expect([reused.status, reused.json()['error']]).toEqual([400, 'invalid_grant'])
    await expectDead(client, second)
  })

  it('TK-5: a crowd that always uses the newest token walks in step: one generation in each round', async () => {
    const client = await nodes[0].client({ refresh_grace_seconds: 60 })
    let { refresh_token } = await nodes[0].grant(ada, client)
    for (let round = 2; round <= 9; round += 1) {
      const replies = await race(8, async (node) => await node.refresh(client, refresh_token))
      const successors = new Set(replies.map((reply) => tokensOf(reply).refresh_token))
      expect(successors.size).toBe(1)
      refresh_token = [...successors][0]
      expect(await familiesOf(client)).toEqual([{ client_id: client.client_id, gen: round, revoked_because: null }])
    }
  })

  it('TK-5: an old generation in the middle of a crowd revokes the family, and nobody goes on', async () => {
    const client = await nodes[0].client({ refresh_grace_seconds: 60 })
    const first = await nodes[0].grant(ada, client)
    const second = tokensOf(await nodes[0].refresh(client, first.refresh_token))
    const third = tokensOf(await nodes[1].refresh(client, second.refresh_token))
    const replies = await race(
      20,
      async (node, index) => await node.refresh(client, index === 7 ? first.refresh_token : third.refresh_token),
    )
    expect(replies[7]?.status).toBe(400)
    const [family] = await familiesOf(client)
    expect(family?.revoked_because).toBe('refresh token reused')
    for (const reply of replies.filter(isGood)) await expectDead(client, tokensOf(reply))
    await expectDead(client, third)
  })
})
