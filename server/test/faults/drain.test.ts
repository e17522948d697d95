/**
 * SIGTERM: the server takes nothing new, finishes what it has begun, and ends with code 0; a request that never finishes
 * keeps it no longer than the drain time.
 */
import { once } from 'node:events'
import { connect as connectTo } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import { processesOf } from '../../../scripts/processes.ts'
import { httpClient } from '../support/http.ts'
import { until } from '../support/looks.ts'
import { claimsOf, type Oauth, oauthOf, type Tokens, tokensOf } from '../support/oauth.ts'
import { startServer } from '../support/server.ts'
import type { TestClient } from '../support/fixtures.ts'

let oauth: Oauth
let client: TestClient
let tokens: Tokens

const start = async (env: Record<string, string> = {}): Promise<void> => {
  oauth = await oauthOf(await startServer({ env }))
  client = await oauth.client({ refresh_grace_seconds: 60 })
  tokens = await oauth.grant(await oauth.person(), client)
}

beforeAll(async () => await start())

/** Keeps a refresh waiting in the database until `release`: the slow request. */
const slowRefresh = async (): Promise<{ answer: ReturnType<Oauth['refresh']>; release: () => Promise<void> }> => {
  const family = String(claimsOf(tokens.access_token)['grant_id'])
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const { promise: isLocked, resolve: locked } = Promise.withResolvers<void>()
  const holding = oauth.db.begin(async (tx) => {
    await tx`select 1 from refresh_families where id = ${family} for update`
    locked()
    await held
  })
  await isLocked
  const answer = oauth.refresh(client, tokens.refresh_token)
  answer.catch(() => {})
  // It is really there: somebody waits for the row.
  await until(
    async () =>
      (
        await oauth.db`
        select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      ).length > 0,
  )
  const release = async (): Promise<void> => {
    letGo()
    await holding
  }
  return { answer, release }
}

/** Whether somebody listens at the server's port. */
const listens = async (): Promise<boolean> =>
  await httpClient(oauth.server.origin)
    .get('/health/live')
    .then(
      () => true,
      () => false,
    )

describe('SIGTERM', () => {
  it('a request in flight gets its answer, new ones are not taken, idle connections are closed, exit code 0', async () => {
    const idle = connectTo(oauth.server.port, 'localhost')
    await once(idle, 'connect')
    idle.resume()
    const ended = once(idle, 'close')
    const { answer, release } = await slowRefresh()
    oauth.server.process.kill('SIGTERM')
    await until(async () => !(await listens()))
    expect(oauth.server.process.exitCode).toBe(null)
    await release()
    const released = performance.now()
    expect(tokensOf(await answer).refresh_token).toMatch(/^kw_rt_/)
    expect(await oauth.server.exit).toEqual({ code: 0, signal: null })
    await ended
    // A connection on which nobody has asked anything is no reason to wait for the end of the drain time.
    expect(performance.now() - released).toBeLessThan(5000)
    expect(processesOf(oauth.server.dataDir)).toEqual([])
    // Nobody waits for a node that has said goodbye.
    expect(await oauth.db`select 1 from nodes`).toEqual([])
    expect(oauth.server.logs().filter(({ level }) => level === 'error')).toEqual([])
  })

  it('the port is free at once: the next server takes it', async () => {
    await start()
    const { port } = oauth.server
    expect(await oauth.server.stop()).toEqual({ code: 0, signal: null })
    await start()
    expect(oauth.server.port).toBe(port)
  })

  it('what never finishes is given up after the drain time, and the exit code is 0 all the same', async () => {
    await oauth.server.stop()
    await start({ KEYWRIGHT_DRAIN_SECONDS: '1' })
    const { answer, release } = await slowRefresh()
    const began = performance.now()
    oauth.server.process.kill('SIGTERM')
    expect(await oauth.server.exit).toEqual({ code: 0, signal: null })
    expect(performance.now() - began).toBeLessThan(9000)
    await release()
    // Its connection was closed, or it was told to come back: nothing is a verdict.
    expect((await answer.catch(() => undefined))?.status ?? 503).toBe(503)
  })
})
