/**
 * kill -9 of a server at the worst moments, and a database whose answer is lost: what is used once stays used once, what
 * was not claimed is there for a second attempt (security promises 2.1 I1 and I3, designs 3.4 and 3.5).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { testDatabase } from '../support/database.ts'
import type { TestClient } from '../support/fixtures.ts'
import { type Gate, openGate } from '../support/gate.ts'
import type { Reply } from '../support/http.ts'
import { until } from '../support/looks.ts'
import { claimsOf, type Code, type Oauth, oauthOf, type Person, type Tokens, tokensOf } from '../support/oauth.ts'
import { startServer } from '../support/server.ts'

let gate: Gate
let oauth: Oauth
let ada: Person
let client: TestClient

/** Starts the server, or starts it again after it was killed: same port, same database, same person. */
const start = async (): Promise<void> => {
  oauth = await oauthOf(await startServer({ env: gate.env }))
}

beforeAll(async () => {
  gate = await openGate(inject('postgres').address, (await testDatabase()).name)
  await start()
  ada = await oauth.person()
  client = await oauth.client()
})

/** Kills the server at once, as if the power had gone, and starts it again. */
const killAndStart = async (): Promise<void> => {
  const { signal } = await oauth.server.kill('SIGKILL')
  expect(signal).toBe('SIGKILL')
  await gate.open()
  await start()
}

/** An answer, or undefined when the connection ended without one. */
const orNothing = async (reply: Promise<Reply>): Promise<Reply | undefined> => await reply.catch(() => undefined)

type CodeState = { used: boolean; families: number; issued: number }

/** What the database holds of a client's codes: used or not, and what became of each. */
const codesOf = async (client_id: string): Promise<CodeState[]> =>
  await oauth.db<CodeState[]>`
    select c.used_at is not null as used,
      (select count(*)::int from refresh_families f where f.id = c.grant_id) as families,
      (select count(*)::int from all_events e where e.client_id = c.client_id and e.type = 'token.issued') as issued
    from authorization_codes c where c.client_id = ${client_id}`

const isInvalidGrant = (reply: Reply): void =>
  expect([reply.status, reply.json()['error']]).toEqual([400, 'invalid_grant'])

const expectUnavailable = (reply: Reply | undefined): void => {
  expect(reply?.status).toBe(503)
  expect(Number(reply?.headers['retry-after'])).toBeGreaterThan(0)
  expect(reply?.json()).toMatchObject({ error: 'temporarily_unavailable' })
}

describe('a code', () => {
  let own: TestClient
  let code: Code

  const fresh = async (): Promise<void> => {
    own = await oauth.client()
    code = await oauth.code(ada, own)
  }

  it('I1: kill -9 after the claim and before the answer: it is used, once, and a second attempt gets nothing', async () => {
    await fresh()
    const seen = gate.stopAt('update authorization_codes', 'after')
    const answer = orNothing(oauth.redeem(own, code))
    await seen
    await until(async () => (await codesOf(own.client_id))[0]?.used === true)
    await killAndStart()
    expect(await answer).toBeUndefined()
    expect(await codesOf(own.client_id)).toEqual([{ used: true, families: 1, issued: 1 }])
    isInvalidGrant(await oauth.redeem(own, code))
    // The second attempt was a replay as far as anybody can tell, so what nobody ever received is revoked.
    expect(await codesOf(own.client_id)).toEqual([{ used: true, families: 1, issued: 1 }])
    const rows = await oauth.db`select revoked_because from refresh_families where client_id = ${own.client_id}`
    expect(rows).toEqual([{ revoked_because: 'code replayed' }])
  })

  it('I1: kill -9 before the claim: it is not used, and the second attempt gets the tokens', async () => {
    await fresh()
    const seen = gate.stopAt('update authorization_codes', 'before')
    const answer = orNothing(oauth.redeem(own, code))
    await seen
    await killAndStart()
    expect(await answer).toBeUndefined()
    expect(await codesOf(own.client_id)).toEqual([{ used: false, families: 0, issued: 0 }])
    tokensOf(await oauth.redeem(own, code))
    expect(await codesOf(own.client_id)).toEqual([{ used: true, families: 1, issued: 1 }])
  })

  it('G-1: the database takes the claim and its answer is lost: 503 and no verdict', async () => {
    await fresh()
    const seen = gate.stopAt('update authorization_codes', 'after')
    const answer = oauth.redeem(own, code)
    await seen
    await until(async () => (await codesOf(own.client_id))[0]?.used === true)
    gate.cutStopped()
    expectUnavailable(await answer)
    expect(await codesOf(own.client_id)).toEqual([{ used: true, families: 1, issued: 1 }])
  })

  it('G-1: the database never gets the claim: 503, and the second attempt gets the tokens', async () => {
    await fresh()
    const seen = gate.stopAt('update authorization_codes', 'before')
    const answer = oauth.redeem(own, code)
    await seen
    gate.cutStopped()
    expectUnavailable(await answer)
    tokensOf(await oauth.redeem(own, code))
    expect(await codesOf(own.client_id)).toEqual([{ used: true, families: 1, issued: 1 }])
  })

  it('I1: kill -9 at any moment among many exchanges: each is whole or not there, and none succeeds twice', async () => {
    for (const [round, milliseconds] of [8, 25, 60].entries()) {
      const crowd = await oauth.client()
      const codes = await Promise.all(Array.from({ length: 24 }, async () => await oauth.code(ada, crowd)))
      const first = Promise.all(codes.map(async (one) => await orNothing(oauth.redeem(crowd, one))))
      await sleep(milliseconds)
      await killAndStart()
      const answered = await first
      const states = await codesOf(crowd.client_id)
      expect(states.filter(({ used, families }) => families !== Number(used))).toEqual([])
      const used = states.filter(({ used: isUsed }) => isUsed).length
      expect(states[0]?.issued).toBe(used)
      const acknowledged = answered.filter((reply) => reply?.status === 200)
      // I3: what was acknowledged is there.
      expect(used).toBeGreaterThanOrEqual(acknowledged.length)
      for (const reply of acknowledged) {
        if (reply === undefined) continue
        expect((await oauth.refresh(crowd, tokensOf(reply).refresh_token)).status, `round ${round}`).toBe(200)
      }
      const again = await Promise.all(
        codes.filter((_, index) => answered[index]?.status !== 200).map(async (one) => await oauth.redeem(crowd, one)),
      )
      expect(again.filter(({ status }) => status === 200)).toHaveLength(24 - used)
      expect(again.filter(({ status }) => status !== 200 && status !== 400)).toEqual([])
    }
  })
})

describe('a refresh token', () => {
  const familyOf = async (tokens: Tokens): Promise<Record<string, unknown> | undefined> =>
    (
      await oauth.db`select gen, revoked_at from refresh_families where id = ${String(claimsOf(tokens.access_token)['grant_id'])}`
    )[0]

  it('I1, design 3.4: kill -9 after the rotation and before the answer: the retry gets the successor that was lost', async () => {
    const tokens = await oauth.grant(ada, client)
    const seen = gate.stopAt('update refresh_families', 'after')
    const answer = orNothing(oauth.refresh(client, tokens.refresh_token))
    await seen
    await until(async () => (await familyOf(tokens))?.['gen'] === 2)
    await killAndStart()
    expect(await answer).toBeUndefined()
    const retried = tokensOf(await oauth.refresh(client, tokens.refresh_token))
    expect(await familyOf(tokens)).toEqual({ gen: 2, revoked_at: null })
    tokensOf(await oauth.refresh(client, retried.refresh_token))
    expect(await familyOf(tokens)).toEqual({ gen: 3, revoked_at: null })
  })

  it('G-1, design 3.4: the answer of the database is lost: 503, and the retry goes on in the same family', async () => {
    const tokens = await oauth.grant(ada, client)
    const seen = gate.stopAt('update refresh_families', 'after')
    const answer = oauth.refresh(client, tokens.refresh_token)
    await seen
    await until(async () => (await familyOf(tokens))?.['gen'] === 2)
    gate.cutStopped()
    expectUnavailable(await answer)
    tokensOf(await oauth.refresh(client, tokens.refresh_token))
    expect(await familyOf(tokens)).toEqual({ gen: 2, revoked_at: null })
  })
})
