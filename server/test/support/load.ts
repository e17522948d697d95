/**
 * Owns load for tests of faults: applications and people who go on with what they do, again and again, and note every
 * answer. Start reading at `startLoad`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestClient } from './fixtures.ts'
import { usual } from './flow.ts'
import { describe, type Reply } from './http.ts'
import { type Oauth, type Person, type Tokens, tokensOf } from './oauth.ts'

/** One thing that was done: `outcome` is undefined for an answer that nobody may give. */
export type Deed = {
  what: string
  at: number
  done: number
  outcome: 'done' | 'unavailable' | undefined
  shown: string
}

export type Load = {
  deeds: Deed[]
  /** Tells whether everybody has succeeded with everything since a moment (`performance.now()`). */
  allDoneSince: (moment: number) => boolean
  /** Lets everybody finish what they are doing. */
  stop: () => Promise<void>
  /** The newest tokens of the chain of refreshes: what was acknowledged last. */
  newest: () => Tokens
}

type Worker = { what: string; turn: () => Promise<Reply[]> }

/** Starts the load. All of it is for one person with a live sign-in; `client` may refresh, `machine` acts for itself. */
export const startLoad = async (
  oauth: Oauth,
  { person, client, machine }: { person: Person; client: TestClient; machine: TestClient },
): Promise<Load> => {
  const held = await oauth.grant(person, client)
  let newest = await oauth.grant(person, client)
  const get = (path: string) => async (): Promise<Reply[]> => [await oauth.server.client().get(path)]
  const workers: Worker[] = [
    { what: 'discovery', turn: get('/.well-known/openid-configuration') },
    { what: 'keys', turn: get('/.well-known/jwks.json') },
    { what: 'life', turn: get('/health/live') },
    { what: 'userinfo', turn: async () => [await oauth.userinfo(held.access_token)] },
    {
      what: 'introspection',
      turn: async () => [await oauth.post('/oauth/introspect', client, { token: held.access_token })],
    },
    {
      what: 'introspection of a refresh token',
      turn: async () => [await oauth.post('/oauth/introspect', client, { token: held.refresh_token })],
    },
    { what: 'machine', turn: async () => [await oauth.token(machine, { grant_type: 'client_credentials' })] },
    {
      what: 'refresh',
      turn: async () => {
        const reply = await oauth.refresh(client, newest.refresh_token)
        if (reply.status === 200) newest = tokensOf(reply)
        return [reply]
      },
    },
    { what: 'page', turn: async () => [await person.browser.get('/account')] },
    { what: 'exchange', turn: async () => await signInAndRedeem(oauth, person, client) },
  ]
  const deeds: Deed[] = []
  const end = new AbortController()
  const running = workers.map(async ({ what, turn }) => {
    while (!end.signal.aborted) {
      const at = performance.now()
      const replies = await turn().catch((error: unknown) => [String(error)])
      for (const reply of replies) deeds.push({ what, at, done: performance.now(), ...judge(what, reply) })
      await sleep(15)
    }
  })
  return {
    deeds,
    newest: () => newest,
    allDoneSince: (moment) =>
      workers.every(({ what }) =>
        deeds.some((deed) => deed.what === what && deed.at >= moment && deed.outcome === 'done'),
      ),
    stop: async () => {
      end.abort()
      await Promise.all(running)
    },
  }
}

/** A code from a live sign-in, redeemed once: whoever cannot get an answer must not try a code again. */
const signInAndRedeem = async (oauth: Oauth, person: Person, client: TestClient): Promise<Reply[]> => {
  const request = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: usual.challenge,
    code_challenge_method: 'S256',
  })
  const reply = await person.browser.get(`/oauth/authorize?${request.toString()}`)
  const code = reply.location?.searchParams.get('code')
  if (code === null || code === undefined) return [reply]
  return [
    reply,
    await oauth.redeem(client, {
      code,
      code_verifier: usual.verifier,
      redirect_uri: client.redirect_uri,
    }),
  ]
}

/** Done, or 503 as security rule G-1 wants it; everything else is a verdict that nobody could know. */
const judge = (what: string, reply: Reply | string): Pick<Deed, 'outcome' | 'shown'> => {
  if (typeof reply === 'string') return { outcome: undefined, shown: reply }
  const shown = describe(reply)
  if (isDone(what, reply)) return { outcome: 'done', shown }
  const isPage = reply.headers['content-type']?.startsWith('text/html') === true
  const said = isPage || reply.json()['error'] === 'temporarily_unavailable'
  const isUnavailable = reply.status === 503 && Number(reply.headers['retry-after']) > 0 && said
  return { outcome: isUnavailable ? 'unavailable' : undefined, shown }
}

const isDone = (what: string, reply: Reply): boolean => {
  if (reply.status === 303) return reply.location?.searchParams.get('code')?.startsWith('kw_ac_') === true
  if (reply.status !== 200) return false
  return what.startsWith('introspection') ? reply.json()['active'] === true : true
}
