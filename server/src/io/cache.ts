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

/** Makes a cache of at most `max` entries; the oldest goes first. */
export const createCache = <V>(options: {
  max: number
  ttlMs: number
  load: (key: string) => Promise<V | undefined>
}): Cache<V> => {
  const entries = new Map<string, Entry<V>>()
  const loading = new Map<string, Promise<V | undefined>>()

  const peek = (key: string): V | undefined => {
    const entry = entries.get(key)
    return entry !== undefined && entry.until > performance.now() ? entry.value : undefined
  }

  const load = async (key: string): Promise<V | undefined> => {
    // The copy ages from before the load: what it shows cannot be newer than that.
    const until = performance.now() + options.ttlMs
    const own = options.load(key)
    loading.set(key, own)
    try {
      const value = await own
      // A `forget` during the load took it out of `loading`: then what it read may be old and is not kept.
      if (loading.get(key) === own) keep(key, value, until)
      return value
    } finally {
      if (loading.get(key) === own) loading.delete(key)
    }
  }

  const keep = (key: string, value: V | undefined, until: number): void => {
    entries.delete(key)
    if (value === undefined) return
    entries.set(key, { value, until })
    if (entries.size > options.max) entries.delete(entries.keys().next().value ?? key)
  }

  return {
    peek,
    get: async (key) => peek(key) ?? (await (loading.get(key) ?? load(key))),
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
