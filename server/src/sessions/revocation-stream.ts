/**
 * Owns the revocation feed for APIs (`GET /oauth/revocations`, text/event-stream): first what lives, then each revocation
 * as this node reads it. A heartbeat vouches for everything before it, and none is sent by a node that cannot read.
 * Start reading at `eventsFor`.
 */
import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Ctx } from '../ctx.ts'
import { refuse } from '../http/errors.ts'
import type { ListenerPrincipal } from '../http/principal.ts'
import { empty, type Reply, stream } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { longestAccessSeconds } from '../protocol/access-token.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { authenticateListener } from './listener.ts'
import { freshMs, type RevocationRow } from './revocation.ts'
import { readRevocations } from './revocation-store.ts'

/** How many may listen to one node, and how many of them may be one caller's. */
const mostListeners = 1000
const mostOfOne = 100
const heartbeatMs = 500
const pageSize = 500
/** How many events wait for a listener that does not read, before it is let go: it comes back and reads on. */
const mostWaiting = 10_000

const follow = (ctx: Ctx, request: HttpRequest, { listener }: ListenerPrincipal): Reply => {
  const headers = { 'x-accel-buffering': 'no' }
  // The edge would run a stream that nobody reads for as long as the process lives.
  if (request.method === 'HEAD') return empty(200, { headers: { ...headers, 'content-type': 'text/event-stream' } })
  const listening = listenersOf(ctx)
  const own = listening.filter((name) => name === listener).length
  if (ctx.draining() || listening.length >= mostListeners || own >= mostOfOne)
    return refuse(ctx, crowded, 'oauth', { route: '/oauth/revocations', request })
  const body = openStream(ctx, request, listener)
  return stream(body, 'text/event-stream', { headers, log: { listener } })
}

const crowded: Denial = deny(
  'temporarily_unavailable',
  'Too many follow the feed here.',
  {
    rule: 'the number of listeners of a node is bounded',
    expected: `at most ${mostListeners}, and ${mostOfOne} of one caller`,
    got: 'one more',
    remedy: 'Follow the feed once in each process, and share what it says.',
  },
  { status: 503, retry_after_seconds: 5 },
)

export const revocationRoutes = [
  route({
    method: 'GET',
    path: '/oauth/revocations',
    auth: 'listener',
    errors: 'oauth',
    summary: 'Follow revocations as they happen',
    api: { tag: 'OAuth', answers: { 200: 'events' } },
    handler: follow,
  }),
]

const listeners = new WeakMap<Ctx, string[]>()

const listenersOf = (ctx: Ctx): string[] => {
  const known = listeners.get(ctx) ?? []
  listeners.set(ctx, known)
  return known
}

/** One listener: what waits to be read, whether what lives was sent, and what cuts it off when it does not read the end. */
type Line = {
  waiting: string[]
  caughtUp: boolean
  over: boolean
  wake: () => void
  cut: () => void
  /** `performance.now()` of the start. */
  begun: number
}
/** How long a listener may take to read the end. */
const partingMs = 1000

const openStream = (ctx: Ctx, request: HttpRequest, listener: string): Readable => {
  const line = newLine()
  const listening = listenersOf(ctx)
  listening.push(listener)
  const unfollow = ctx.feed.follow((rows) => put(line, rows.map(eventOf)))
  const body = Readable.from(eventsFor(ctx, request, line), { objectMode: false })
  line.cut = () => body.destroy()
  const beating = setInterval(() => void beat(ctx, request, line).catch(() => quiet(line)), heartbeatMs)
  body.once('close', () => {
    clearInterval(beating)
    unfollow()
    listening.splice(listening.indexOf(listener), 1)
    end(line)
  })
  // The caller goes away in the middle: nothing that anybody has to hear of.
  body.on('error', () => {})
  return body
}

const newLine = (): Line => ({
  waiting: [],
  caughtUp: false,
  over: false,
  wake: () => {},
  cut: () => {},
  begun: performance.now(),
})

/** Everything a listener is sent, in order. What is revoked during the reading of what lives waits, and comes after it. */
async function* eventsFor(ctx: Ctx, request: HttpRequest, line: Line): AsyncGenerator<string> {
  yield ': revocations\n\n'
  const since = resumeAt(ctx, request)
  const page = { since, now: request.now, limit: pageSize }
  for (let after = '0'; after !== ''; ) {
    const rows = await readRevocations(ctx.db, { ...page, after })
    after = rows.length < pageSize ? '' : (rows.at(-1)?.seq ?? '')
    if (rows.length > 0) yield rows.map(eventOf).join('')
  }
  line.caughtUp = true
  await beat(ctx, request, line).catch(() => quiet(line))
  while (!line.over) {
    const { promise, resolve } = Promise.withResolvers<void>()
    line.wake = resolve
    if (line.waiting.length === 0) await promise
    const text = line.waiting.splice(0).join('')
    if (text !== '') yield text
  }
}

/**
 * The transaction id from which a listener has to be told, out of its `Last-Event-ID`. One that is not ours, from a later
 * time than this database's, or older than every token it could still be about: from the beginning.
 */
const resumeAt = (ctx: Ctx, request: HttpRequest): string => {
  const [, watermark = '0', second = '0'] = /^(\d{1,19})-(\d{1,12})$/.exec(request.header('last-event-id') ?? '') ?? []
  const isOld = Number(second) < request.now.getTime() / 1000 - longestAccessSeconds
  const isLater = BigInt(watermark) > BigInt(ctx.feed.watermark() ?? '0')
  return isOld || isLater ? '0' : watermark
}

/** Tells whether the caller may go on listening, and vouches for what was sent: `age` is that of the reading, in milliseconds. */
const beat = async (ctx: Ctx, request: HttpRequest, line: Line): Promise<void> => {
  const isSlow = line.waiting.length > mostWaiting
  if (ctx.draining() || isSlow) return end(line)
  const now = ctx.now()
  if (isDenial(await authenticateListener(ctx, { ...request, now }))) return end(line)
  const age = Math.ceil(ctx.feed.ageMs())
  const watermark = ctx.feed.watermark()
  if (!line.caughtUp) return
  // Security design 3.3: a node that has not read for two seconds does not know, and does not say that it does.
  if (age > freshMs || watermark === undefined) return quiet(line)
  const data = JSON.stringify({ t: Math.floor(performance.now() - line.begun), age })
  put(line, [`event: heartbeat\nid: ${watermark}-${Math.floor(now.getTime() / 1000)}\ndata: ${data}\n\n`])
}

/** A sign of life for whatever lies between, that vouches for nothing. */
const quiet = (line: Line): void => put(line, [': does not know\n\n'])

const put = (line: Line, events: string[]): void => {
  line.waiting.push(...events)
  line.wake()
}

const end = (line: Line): void => {
  if (!line.over) setTimeout(line.cut, partingMs).unref()
  line.over = true
  line.waiting.length = 0
  line.wake()
}

/** What is told of a revocation. People are named by a hash: who listens knows the tokens that come, and learns of nobody else. */
const eventOf = ({ seq, kind, key, not_before, expires_at }: RevocationRow): string => {
  const named = kind === 'user' ? hash('sha256', key, 'base64url') : key
  return `event: revocation\ndata: ${JSON.stringify({ seq: Number(seq), kind, key: named, not_before, expires_at })}\n\n`
}
