/** Short-lived copies: never older than they may be, one load at a time, bounded (security rule G-3 stands on them). */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Cache, createCache } from './cache.ts'

type Loads = {
  cache: Cache<string>
  loads: string[]
  answer: (value: string | undefined) => void
  fail: (error: Error) => void
}

/** A cache whose loads the test answers by hand. */
const opened = (options: { max?: number; ttlMs?: number } = {}): Loads => {
  const loads: string[] = []
  const waiting: { resolve: (value: string | undefined) => void; reject: (error: Error) => void }[] = []
  const cache = createCache<string>({
    max: 10,
    ttlMs: 60_000,
    ...options,
    load: async (key) => {
      loads.push(key)
      return await new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
  })
  return {
    cache,
    loads,
    answer: (value) => waiting.shift()?.resolve(value),
    fail: (error) => waiting.shift()?.reject(error),
  }
}

describe('get', () => {
  it('loads once and keeps the copy', async () => {
    const { cache, loads, answer } = opened()
    const first = cache.get('a')
    answer('one')
    expect(await first).toBe('one')
    expect([await cache.get('a'), cache.peek('a'), loads]).toEqual(['one', 'one', ['a']])
  })

  it('loads a key once for everybody who asks meanwhile', async () => {
    const { cache, loads, answer } = opened()
    const all = Promise.all([cache.get('a'), cache.get('a'), cache.get('a')])
    answer('one')
    expect([await all, loads]).toEqual([['one', 'one', 'one'], ['a']])
  })

  it('does not keep what is not there: a new row is seen at once', async () => {
    const { cache, loads, answer } = opened()
    const first = cache.get('a')
    answer(undefined)
    expect(await first).toBeUndefined()
    const second = cache.get('a')
    answer('one')
    expect([await second, loads]).toEqual(['one', ['a', 'a']])
  })

  it('does not keep a failure, and hands it to everybody who waited', async () => {
    const { cache, loads, answer, fail } = opened()
    const both = Promise.allSettled([cache.get('a'), cache.get('a')])
    fail(new Error('away'))
    expect((await both).map((one) => one.status)).toEqual(['rejected', 'rejected'])
    const again = cache.get('a')
    answer('one')
    expect([await again, loads]).toEqual(['one', ['a', 'a']])
  })

  it('loads again when the copy is too old, counted from before the load', async () => {
    const { cache, loads, answer } = opened({ ttlMs: 50 })
    const slow = cache.get('a')
    await sleep(60)
    answer('one')
    expect(await slow).toBe('one')
    expect(cache.peek('a')).toBeUndefined()
    const again = cache.get('a')
    answer('two')
    expect([await again, loads.length]).toEqual(['two', 2])
  })
})

describe('forget', () => {
  it('drops a copy', async () => {
    const { cache, answer } = opened()
    const first = cache.get('a')
    answer('one')
    await first
    cache.forget('a')
    expect(cache.peek('a')).toBeUndefined()
  })

  it('during a load: what that load read may be old and is not kept', async () => {
    const { cache, answer } = opened()
    const first = cache.get('a')
    cache.forget('a')
    answer('old')
    expect(await first).toBe('old')
    expect(cache.peek('a')).toBeUndefined()
    const again = cache.get('a')
    answer('new')
    expect([await again, cache.peek('a')]).toEqual(['new', 'new'])
  })

  it('during two loads: only the later one is kept, whichever answers first', async () => {
    const { cache, answer } = opened()
    const first = cache.get('a')
    cache.forget('a')
    const second = cache.get('a')
    answer('old')
    await first
    answer('new')
    await second
    expect(cache.peek('a')).toBe('new')
  })

  it('clear drops everything, loads under way included', async () => {
    const { cache, answer } = opened()
    const kept = cache.get('a')
    answer('one')
    await kept
    const under = cache.get('b')
    cache.clear()
    answer('two')
    await under
    expect([cache.peek('a'), cache.peek('b')]).toEqual([undefined, undefined])
  })
})

it('holds `max` copies; the oldest goes first', async () => {
  const cache = createCache<string>({ max: 3, ttlMs: 60_000, load: async (key) => await Promise.resolve(key) })
  for (const key of ['a', 'b', 'c', 'd']) await cache.get(key)
  expect(['a', 'b', 'c', 'd'].map((key) => cache.peek(key))).toEqual([undefined, 'b', 'c', 'd'])
})
