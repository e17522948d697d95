/**
 * Owns the whole server inside the test process, over real HTTP, with a clock that stands still until the test moves
 * it: for tests of lifetimes to the second. Its jobs run when the test says so. Start reading at `startInProcess`.
 */
import { afterAll } from 'vitest'
import { authenticators, routesFor } from '../../src/app.ts'
import { buildServer } from '../../src/http/server.ts'
import type { Letter } from '../../src/outbox/letter.ts'
import { rotateKeys } from '../../src/keys/rotate.ts'
import { seed } from '../../src/operations/seed.ts'
import { removeNode } from '../../src/sessions/nodes.ts'
import type { CookieJar } from './cookie-jar.ts'
import { freshDatabase } from './database.ts'
import { fixtures } from './fixtures.ts'
import { type HttpClient, httpClient } from './http.ts'
import { inboxIn, type TestInbox } from './inbox.ts'
import { type Oauth, oauthAt } from './oauth.ts'
import { freePort } from './port.ts'

export type InProcess = Oauth<{ issuer: string; client: (jar?: CookieJar) => HttpClient }> & {
  /** Moves the clock on, or back with a negative number. */
  pass: (seconds: number) => void
  /** What it has sent. Whoever looks makes it send first what is due. */
  inbox: TestInbox
}

const stops: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/**
 * Starts on a database of its own, with its keys made; `env` are settings on top of the defaults of the tests, `letters`
 * kinds of letters beside those of app.ts.
 */
export const startInProcess = async (
  env: Record<string, string> = {},
  letters: readonly Letter[] = [],
): Promise<InProcess> => {
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const { sql: db } = await freshDatabase()
  let instant = Date.now()
  const made = await fixtures({
    env: { KEYWRIGHT_ISSUER: issuer, KEYWRIGHT_LIMITS: 'off', ...env },
    db,
    letters,
    clock: () => instant,
  })
  const { ctx } = made
  await Promise.all([rotateKeys(ctx), ctx.places.refresh(), seed(ctx, { demo: false })])
  const app = buildServer(ctx, routesFor(ctx.config), authenticators)
  await app.listen({ port, host: 'localhost' })
  stops.push(async () => {
    await app.close()
    await removeNode(db, ctx.nodeId)
  })
  const server = { issuer, client: (jar?: CookieJar) => httpClient(issuer, jar === undefined ? {} : { jar }) }
  return {
    ...oauthAt(server, made),
    inbox: inboxIn(ctx),
    pass: (seconds) => {
      instant += seconds * 1000
    },
  }
}
