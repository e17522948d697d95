/**
 * Owns short-lived copies of rows in memory. A copy lives at most `ttlMs`, so what changes elsewhere is seen within it,
 * and a database that is away is noticed instead of papered over.
 */
export type Cache<V> = {
  /** The copy, or the freshly loaded value; concurrent loads of one key are one load. Absent values are not kept. */
  get: (key: string) => Promise<V | undefined>
  /** The copy only, without loading. */
  peek: (key: string) => V | undefined
  forget: (key: string) => void
  clear: () => void
}

type Entry<V> = { value: V; until: number }

type Options<V> = { max: number; ttlMs: number; load: (key: string) => Promise<V | undefined> }
type State<V> = Options<V> & { entries: Map<string, Entry<V>>; loading: Map<string, Promise<V | undefined>> }

/** Makes a cache of at most `max` entries; the oldest goes first. */
export const createCache = <V>(options: Options<V>): Cache<V> => {
  const state: State<V> = { ...options, entries: new Map(), loading: new Map() }
  const { entries, loading } = state
  return {
    peek: (key) => peek(state, key),
    get: async (key) => peek(state, key) ?? (await (loading.get(key) ?? load(state, key))),
    forget: (key) => {
      entries.delete(key)
      loading.delete(key)
    },
    clear: () => {
      entries.clear()
      loading.clear()
    },
  }
}

const peek = <V>({ entries }: State<V>, key: string): V | undefined => {
  const entry = entries.get(key)
  return entry !== undefined && entry.until > performance.now() ? entry.value : undefined
}

const load = async <V>(state: State<V>, key: string): Promise<V | undefined> => {
  const { loading, ttlMs } = state
  // The copy ages from before the load: what it shows cannot be newer than that.
  const until = performance.now() + ttlMs
  const own = state.load(key)
  loading.set(key, own)
  try {
    const value = await own
    // A `forget` during the load took it out of `loading`: then what it read may be old and is not kept.
    if (loading.get(key) === own) keep(state, key, value === undefined ? undefined : { value, until })
    return value
  } finally {
    if (loading.get(key) === own) loading.delete(key)
  }
}

const keep = <V>({ entries, max }: State<V>, key: string, entry: Entry<V> | undefined): void => {
  entries.delete(key)
  if (entry === undefined) return
  entries.set(key, entry)
  if (entries.size > max) entries.delete(entries.keys().next().value ?? key)
}
