/**
 * Following the feed: what a heartbeat is worth, how a stream of events is read, what a revocation hits (the same as in the
 * server), and that nobody is flooded.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Db } from '../../server/src/db/connect.ts'
import { createFeed, type RevocationKind } from '../../server/src/sessions/revocation.ts'
import { until } from '../../server/test/support/looks.ts'
import { createVerifier, type KeywrightError, type Verifier, type VerifierOptions } from '../src/index.ts'
import { createRevocations, revocationOf } from '../src/revocations.ts'
import { createReader } from '../src/sse.ts'
import { refusalOf } from './support/refusal.ts'
import { audience, claimsFor, jtiAt, makeKey, sign, type StandIn, startIssuer } from './support/stand-in.ts'

const credentials = { client_id: 'api', client_secret: 'secret' }
const follow = (place: StandIn, options: Partial<VerifierOptions> = {}): Verifier =>
  createVerifier({ issuer: place.issuer, audience, credentials, onFeedLost: 'refuse', ...options })

describe('what a revocation hits', () => {
  const key = 'RS256 key'
  const now = Date.now()
  const claims = { sub: 'ada', client_id: 'app', sid: 's', grant_id: 'g', roles: ['editor', 'user'] }
  const kindOf = fc.constantFrom<RevocationKind>('session', 'user', 'client', 'role', 'family', 'jti', 'kid')
  // Few instants, so that they often meet: what was issued in the very millisecond is dead, too.
  const instant = fc.constantFrom(now - 20_000, now - 5001, now - 5000, now - 4999, now - 1, now)
  const jti = instant.map(jtiAt)
  const keyOf = (kind: RevocationKind, own: string): string =>
    ({ session: 's', user: 'ada', client: 'app', role: 'editor', family: 'g', jti: own, kid: key })[kind]
  const row = fc.record({
    kind: kindOf,
    own: fc.boolean(),
    not_before: instant,
    expires_at: fc.integer({ min: now - 5000, max: now + 60_000 }),
  })

  it('is what it hits in the server, for every kind, time and token', async () => {
    const { createHash } = await import('node:crypto')
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 4 }), jti, fc.boolean(), async (rows, id, foreignJti) => {
        const token = { ...claims, jti: foreignJti ? 'not a UUIDv7' : id, iat: Math.floor((now - 5000) / 1000) }
        const told = rows.map(({ kind, own, ...times }) => ({
          kind,
          key: own ? keyOf(kind, token.jti) : 'another',
          ...times,
        }))
        const view = createRevocations()
        for (const { kind, key: name, not_before, expires_at } of told) {
          const hashed = kind === 'user' ? createHash('sha256').update(name).digest('base64url') : name
          const read = revocationOf({
            kind,
            key: hashed,
            not_before: new Date(not_before).toISOString(),
            expires_at: new Date(expires_at).toISOString(),
          })
          if (read) view.add(read)
        }
        const here = await view.hits({ claims: { ...claimsFor('i'), ...token } as never, kid: key }, now)
        expect(here).toBe(await serverSays(told, { ...token, kid: key }, now))
      }),
      { numRuns: 300 },
    )
  })

  /** What the server decides on the same rows, through its own feed. */
  const serverSays = async (
    told: { kind: RevocationKind; key: string; not_before: number; expires_at: number }[],
    token: Parameters<ReturnType<typeof createFeed>['isRevoked']>[0],
    at: number,
  ): Promise<boolean> => {
    const rows = told.map(({ not_before, expires_at, ...rest }, seq) => ({
      ...rest,
      seq: String(seq),
      not_before: new Date(not_before),
      expires_at: new Date(expires_at),
    }))
    const answer = [{ watermark: '1', read_at: new Date(), db_now: new Date(), others: 0, rows }]
    const db = (async () => await Promise.resolve(answer)) as unknown as Db
    const feed = createFeed({
      db,
      nodeId: 'n',
      lifetimeSeconds: 3600,
      now: () => new Date(at),
      startedAt: new Date(at),
    })
    return await feed.isRevoked(token)
  }

  it('a kind that this release does not know is passed over', () => {
    const rest = { key: 'x', not_before: new Date().toISOString(), expires_at: new Date().toISOString() }
    expect(revocationOf({ ...rest, kind: 'tenant' })).toBeUndefined()
    expect(revocationOf({ ...rest, kind: 'jti', key: 1 })).toBeUndefined()
    expect(revocationOf({ ...rest, kind: 'jti', not_before: 'soon' })).toBeUndefined()
  })
})

describe('a stream of events', () => {
  const bytes = new TextEncoder()
  const text =
    ': hello\n\nevent: a\nid: 1\ndata: {"x":"é"}\n\ndata: one\r\ndata: two\r\n\r\nid: 5\n\nevent: b\ndata:\n\n'
  const events = [
    { event: 'a', id: '1', data: '{"x":"é"}' },
    { event: 'message', id: undefined, data: 'one\ntwo' },
    { event: 'b', id: undefined, data: '' },
  ]

  it('is the same however it is cut into parts', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 200 }), { maxLength: 6 }), (cuts) => {
        const whole = bytes.encode(text)
        const read = createReader()
        const places = [0, ...cuts.map((cut) => cut % whole.length).toSorted((one, other) => one - other), whole.length]
        const parts = places.slice(1).map((end, index) => whole.slice(places[index], end))
        expect(parts.flatMap(read)).toEqual(events)
      }),
    )
  })

  it('an event without end is not collected for ever', () => {
    const read = createReader()
    expect(() => {
      for (let part = 0; part < 40; part += 1) read(bytes.encode('x'.repeat(65_536)))
    }).toThrow(RangeError)
  })
})

describe('what a heartbeat is worth', () => {
  /** An issuer whose stream a test writes by hand. */
  const open = (): { fetch: NonNullable<VerifierOptions['fetch']>; say: (text: string) => void } => {
    const state: { stream?: ReadableStreamDefaultController<Uint8Array> } = {}
    return {
      say: (text) => state.stream?.enqueue(new TextEncoder().encode(text)),
      fetch: async (url, init) => {
        if (!url.endsWith('/feed')) {
          const at = new URL(url).origin
          return await Promise.resolve(
            Response.json({ issuer: at, keywright_revocation_feed: `${at}/feed`, jwks_uri: `${at}/keys` }),
          )
        }
        const body = new ReadableStream<Uint8Array>({
          start: (stream) => {
            state.stream = stream
          },
        })
        init.signal?.addEventListener('abort', () => state.stream?.error(new Error('aborted')))
        return new Response(body)
      },
    }
  }
  const beat = (t: number, age: number): string => `event: heartbeat\nid: 1-1\ndata: ${JSON.stringify({ t, age })}\n\n`
  const start = (fetch: NonNullable<VerifierOptions['fetch']>): Verifier =>
    createVerifier({
      issuer: 'https://id.example',
      audience,
      credentials: { api_key: 'k' },
      onFeedLost: 'refuse',
      fetch,
    })

  it('I2: one that was on its way for long counts from when it was sent; one of a node that reads late, from what that knew', async () => {
    const line = open()
    const verifier = start(line.fetch)
    await sleep(20)
    line.say(beat(0, 0))
    await sleep(20)
    expect(verifier.feed().state).toBe('fresh')
    await sleep(1500)
    // Sent at once and held up for a second and a half: it says nothing of now.
    line.say(beat(5, 0))
    await sleep(20)
    expect(verifier.feed().ageMs).toBeGreaterThan(1480)
    line.say(beat(1500, 900))
    await sleep(20)
    expect(verifier.feed().ageMs).toBeGreaterThan(900)
    // A stream that claims to be older than it can be is believed up to now and no further.
    line.say(beat(900_000, 0))
    await sleep(20)
    expect(verifier.feed().ageMs).toBeGreaterThanOrEqual(0)
    verifier.close()
  })

  it('comments and revocations vouch for nothing', async () => {
    const line = open()
    const verifier = start(line.fetch)
    await sleep(20)
    line.say(': does not know\n\nevent: revocation\ndata: {}\n\nevent: heartbeat\ndata: {}\n\n')
    await sleep(20)
    expect(verifier.feed().state).toBe('lost')
    verifier.close()
  })
})

describe('when the feed does not come', () => {
  it('the issuer is not flooded: the pauses grow; problems are told and hold no secret', async () => {
    const place = await startIssuer([await makeKey()])
    place.mode = 'down'
    const problems: KeywrightError[] = []
    const verifier = follow(place, { onProblem: (problem) => problems.push(problem) })
    await sleep(3000)
    expect(place.count('/.well-known/openid-configuration')).toBeLessThan(12)
    expect(place.count('/.well-known/openid-configuration')).toBeGreaterThan(2)
    expect(problems.length).toBeGreaterThan(2)
    expect(JSON.stringify(problems.map(({ message, code }) => [message, code]))).not.toContain('secret')
    place.mode = 'well'
    await until(() => verifier.feed().state === 'fresh')
    verifier.close()
  })

  it('a first request waits for the feed; one that hangs keeps it two seconds and no longer', async () => {
    const key = await makeKey()
    const place = await startIssuer([key])
    place.feeds = false
    const verifier = follow(place)
    const token = await sign(key, claimsFor(place.issuer))
    const asked = performance.now()
    expect((await refusalOf(verifier.verify(token))).reason).toBe('feed_lost')
    expect(performance.now() - asked).toBeLessThan(2600)
    place.feeds = true
    await until(() => verifier.feed().state === 'fresh')
    expect((await verifier.verify(token)).sub).toBe('ada')
    verifier.close()
  })

  it('a stream that is cut is opened again, and nobody notices', async () => {
    const key = await makeKey()
    const place = await startIssuer([key])
    const verifier = follow(place)
    await verifier.ready()
    const token = await sign(key, claimsFor(place.issuer))
    for (let round = 0; round < 5; round += 1) {
      place.cut()
      await sleep(150)
      expect((await verifier.verify(token)).sub).toBe('ada')
    }
    place.revoke('session', 'session-1')
    await until(
      async () =>
        await verifier.verify(token).then(
          () => false,
          () => true,
        ),
    )
    verifier.close()
    // After the end nothing is known any more.
    expect((await refusalOf(verifier.verify(await sign(key, claimsFor(place.issuer, { sid: 'other' }))))).reason).toBe(
      'feed_lost',
    )
  })

  it('introspection may be asked less often, where that was said', async () => {
    const key = await makeKey()
    const place = await startIssuer([key])
    place.feeds = false
    const verifier = follow(place, { onFeedLost: 'introspect', introspectionCacheSeconds: 5 })
    const token = await sign(key, claimsFor(place.issuer))
    expect((await refusalOf(verifier.verify(token))).reason).toBe('revoked')
    place.active.set(token, {})
    for (let round = 0; round < 5; round += 1) expect((await verifier.verify(token)).sub).toBe('ada')
    expect(place.count('/oauth/introspect')).toBe(2)
    verifier.close()
  })
})
