/**
 * Owns the published keys of the issuer: kept as long as it says, read again for a key that is not there, and never more
 * often than the pause allows, whoever sends what. Start reading at `createKeys`.
 */
import { unavailable } from './errors.ts'
import { askJson, type Fetch } from './http.ts'
import type { Endpoints } from './issuer.ts'
import { type Key, keyOf } from './key.ts'

export type Keys = {
  /** A key that is known and of which nothing has to be asked now. */
  peek: (kid: string) => Key | undefined
  /** A key, asked for if need be. Undefined when there is none; throws when nobody can say. */
  find: (kid: string) => Promise<Key | undefined>
  /** Forgets how long the keys are good: one of them was withdrawn, and another one signs. */
  expire: () => void
}

type Options = { endpoints: Endpoints; fetch: Fetch; pauseMs: number }
type State = Options & {
  keys: ReadonlyMap<string, Key>
  /** `performance.now()`: until when the keys are good, when they last came, and when they were last asked for. */
  goodUntil: number
  loadedAt: number
  askedAt: number
  /** Until when they are looked at more often, because the issuer itself has said that they change. */
  alarmUntil: number
  loading: Promise<void> | undefined
}

/** How long keys are used after their time while the issuer does not answer. */
const graceMs = 3_600_000
const defaultAgeSeconds = 600
const alarmMs = 15_000
const alarmPauseMs = 500

/** Makes the cache, which is empty at first. */
export const createKeys = (options: Options): Keys => {
  const never = Number.NEGATIVE_INFINITY
  const state: State = {
    ...options,
    keys: new Map(),
    goodUntil: never,
    loadedAt: never,
    askedAt: never,
    alarmUntil: never,
    loading: undefined,
  }
  return {
    peek: (kid) => (performance.now() < state.goodUntil ? state.keys.get(kid) : undefined),
    find: async (kid) => await find(state, kid),
    expire: () => {
      state.goodUntil = never
      state.askedAt = never
      state.alarmUntil = performance.now() + alarmMs
    },
  }
}

const find = async (state: State, kid: string): Promise<Key | undefined> => {
  const now = performance.now()
  const isGood = now < state.goodUntil
  const known = state.keys.get(kid)
  if (known !== undefined && isGood) return known
  const mayAsk = now - state.askedAt >= (now < state.alarmUntil ? Math.min(alarmPauseMs, state.pauseMs) : state.pauseMs)
  const isUsable = known !== undefined && now < Math.max(state.goodUntil, state.loadedAt) + graceMs
  // The keys are old but there: whoever asks does not wait for newer ones.
  if (isUsable) {
    if (mayAsk) void load(state).catch(() => {})
    return known
  }
  if (mayAsk || state.loading !== undefined) await load(state)
  else if (state.askedAt > state.loadedAt)
    throw unavailable('The keys of the issuer cannot be read.', 'issuer_unreachable')
  return state.keys.get(kid)
}

/** One reading at a time. */
const load = async (state: State): Promise<void> => {
  state.loading ??= loadOnce(state).finally(() => {
    state.loading = undefined
  })
  await state.loading
}

const loadOnce = async (state: State): Promise<void> => {
  state.askedAt = performance.now()
  const began = state.askedAt
  const { body, headers } = await askJson(state.fetch, await state.endpoints('jwks_uri'))
  const listed = Array.isArray(body['keys']) ? body['keys'] : []
  const known = new Map([...state.keys.values()].map((key) => [key.text, key]))
  const made = await Promise.all(
    listed.map(async (jwk: unknown) => known.get(JSON.stringify(jwk)) ?? (await keyOf(jwk).catch(() => undefined))),
  )
  state.keys = new Map(made.filter((key) => key !== undefined).map((key) => [key.kid, key]))
  state.loadedAt = began
  state.goodUntil = began + ageSeconds(headers) * 1000
}

/** RFC 9111 §5.2.2.1: as long as the issuer says, within a minute and a day. */
const ageSeconds = (headers: Headers): number => {
  const said = /(?:^|[\s,])max-age=(\d{1,9})/i.exec(headers.get('cache-control') ?? '')?.[1]
  return Math.min(Math.max(said === undefined ? defaultAgeSeconds : Number(said), 60), 86_400)
}
