/** A set of words in compact form: it misses none, and takes few others for one of its own. */
import { describe, expect, it } from 'vitest'
import { buildFilter, openFilter } from './word-filter.ts'

const words = new Set(Array.from({ length: 5000 }, (_, index) => `word ${index} é`))

describe('a filter', () => {
  it.each([10, 1000, 10_000])('that may be wrong once in %i', (oneIn) => {
    const bytes = buildFilter(words, oneIn)
    const has = openFilter(bytes)
    for (const word of words) expect(has(word)).toBe(true)
    const wrong = Array.from({ length: 20_000 }, (_, index) => `other ${index}`).filter(has).length
    expect(wrong).toBeLessThanOrEqual(3 * (20_000 / oneIn) + 3)
    // 1.44 bits for each halving of the mistakes.
    expect(bytes.length).toBeLessThanOrEqual(8 + Math.ceil((1.45 * Math.log2(oneIn) * words.size) / 8))
  })

  it('of nothing holds nothing', () => {
    expect(openFilter(buildFilter(new Set(), 1000))('word')).toBe(false)
  })

  it('is not opened from bytes that are none', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('KWF1'), Buffer.alloc(100)])
      expect(() => openFilter(bytes)).toThrow('no word filter')
  })
})
