/**
 * Owns following the revocation feed: one stream, opened again whenever it ends or falls silent, resumed where it was. What
 * it vouches for is a moment: everything that was revoked until then is known here. Start reading at `followFeed`.
 */
import type { Pass } from './credentials.ts'
import { KeywrightError, unavailable } from './errors.ts'
import { ask, type Fetch } from './http.ts'
import type { Endpoints } from './issuer.ts'
import { type Revocation, revocationOf } from './revocations.ts'
import { createReader, type StreamEvent } from './sse.ts'
import { objectOf } from './text.ts'

export type Feed = {
  /** Whether everything that was revoked two seconds ago is known. */
  isFresh: () => boolean
  /** Milliseconds since the moment that was last vouched for. */
  ageMs: () => number
  /** Resolves once it is fresh for the first time, or has failed, or two seconds have gone. */
  begun: Promise<void>
  close: () => void
}

type Options = {
  endpoints: Endpoints
  fetch: Fetch
  pass: Pass
  onRevocation: (revocation: Revocation) => void
  onProblem: (problem: KeywrightError) => void
}
type State = Options & {
  /** `performance.now()` of the moment that was vouched for, of the last sign of life, and of the start of the stream. */
  knownAt: number
  heardAt: number
  openedAt: number
  lastEventId: string | undefined
  /** Failures in a row. */
  failures: number
  stop: AbortController
  settle: () => void
}

/** After this long without a word from the feed its silence says nothing (security design 3.3). */
export const freshMs = 2000
const firstPauseMs = 100
const longestPauseMs = 5000
const checkMs = 250

/** Follows the feed until it is closed. */
export const followFeed = (options: Options): Feed => {
  const never = Number.NEGATIVE_INFINITY
  const state: State = {
    ...options,
    knownAt: never,
    heardAt: never,
    openedAt: never,
    lastEventId: undefined,
    failures: 0,
    stop: new AbortController(),
    settle: () => {},
  }
  const begun = new Promise<void>((resolve) => {
    state.settle = resolve
  })
  const late = setTimeout(state.settle, freshMs)
  void begun.then(() => clearTimeout(late))
  void run(state)
  return {
    begun,
    isFresh: () => performance.now() - state.knownAt <= freshMs,
    ageMs: () => performance.now() - state.knownAt,
    close: () => {
      state.stop.abort()
      state.knownAt = never
      state.settle()
    },
  }
}

const run = async (state: State): Promise<void> => {
  while (!isClosed(state)) {
    await followOnce(state).catch((error: unknown) => failed(state, error))
    if (!isClosed(state)) await pause(state)
  }
}

const isClosed = ({ stop }: State): boolean => stop.signal.aborted

const failed = (state: State, error: unknown): void => {
  state.settle()
  state.failures += 1
  if (isClosed(state)) return
  state.onProblem(
    error instanceof KeywrightError ? error : unavailable('The revocation feed broke off.', 'feed_lost', error),
  )
}

/** A stream that ended in order is opened again at once, while what it said still counts. */
const pause = async ({ failures, stop, openedAt }: State): Promise<void> => {
  const isOrder = failures === 0 && performance.now() - openedAt > longestPauseMs
  const ms = isOrder ? 0 : Math.min(firstPauseMs * 2 ** Math.max(failures - 1, 0), longestPauseMs)
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms * (0.75 + Math.random() / 2))
    stop.signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}

/** One stream, until it ends, breaks or falls silent. */
const followOnce = async (state: State): Promise<void> => {
  const address = await state.endpoints('keywright_revocation_feed')
  const headers = await state.pass.headers()
  const silence = new AbortController()
  const signal = AbortSignal.any([state.stop.signal, silence.signal])
  state.openedAt = performance.now()
  state.heardAt = state.openedAt
  const watch = setInterval(() => {
    if (performance.now() - state.heardAt > freshMs + checkMs) silence.abort()
  }, checkMs)
  try {
    const response = await ask(state.fetch, address, { headers: { ...headers, ...resume(state) }, signal })
    if (response.status === 401) state.pass.renew()
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel()
      throw unavailable(`The revocation feed answers ${response.status}.`, 'feed_lost')
    }
    await readAll(state, response.body)
    if (state.knownAt < state.openedAt) throw unavailable('The revocation feed knows nothing.', 'feed_lost')
  } finally {
    clearInterval(watch)
    silence.abort()
  }
}

const resume = ({ lastEventId }: State): Record<string, string> => ({
  accept: 'text/event-stream',
  ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
})

const readAll = async (state: State, body: ReadableStream<Uint8Array>): Promise<void> => {
  const read = createReader()
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    state.heardAt = performance.now()
    for (const event of read(value)) take(state, event)
  }
}

const take = (state: State, { event, id, data }: StreamEvent): void => {
  const facts = objectOf(data) ?? {}
  if (event === 'revocation') {
    const revocation = revocationOf(facts)
    if (revocation !== undefined) state.onRevocation(revocation)
  }
  if (event !== 'heartbeat') return
  if (id !== undefined) state.lastEventId = id
  state.knownAt = Math.max(state.knownAt, momentOf(state, facts))
  if (performance.now() - state.knownAt > freshMs) return
  state.failures = 0
  state.settle()
}

/**
 * The moment a heartbeat vouches for, on this machine's clock: the stream began no earlier than it was asked for, so however
 * long a heartbeat was on its way, it counts for no more than it knew.
 */
const momentOf = ({ openedAt }: State, { t, age }: Record<string, unknown>): number => {
  if (typeof t !== 'number' || typeof age !== 'number') return Number.NEGATIVE_INFINITY
  return Math.min(openedAt + t, performance.now()) - age
}
