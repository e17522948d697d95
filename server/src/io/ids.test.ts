/** Identifiers: UUIDv7 (RFC 9562 §5.7) and secrets of 256 bits. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomBytes, secretBytes, secretText, uuidv7 } from './ids.ts'

const instants = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })

describe('uuidv7', () => {
  it('has version 7, variant 10 and the milliseconds in front', () => {
    fc.assert(
      fc.property(instants, (now) => {
        const id = uuidv7(now)
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now.getTime())
      }),
    )
  })

  it('sorts by time', () => {
    fc.assert(
      fc.property(instants, instants, (one, other) => {
        fc.pre(one.getTime() < other.getTime())
        expect(uuidv7(one) < uuidv7(other)).toBe(true)
      }),
    )
  })

  it('is never the same twice in one millisecond', () => {
    const now = new Date()
    expect(new Set(Array.from({ length: 10_000 }, () => uuidv7(now))).size).toBe(10_000)
  })
})

describe('secrets', () => {
  it('have 256 bits, and are never the same twice', () => {
    expect(secretBytes()).toHaveLength(32)
    expect(secretText()).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(new Set(Array.from({ length: 1000 }, secretText)).size).toBe(1000)
  })
})

describe('random bytes drawn in advance', () => {
  it('are as many as were asked for, and never the same twice, however the supply is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 8, max: 1024 }), { minLength: 1, maxLength: 50 }), (counts) => {
        const drawn = counts.map((count) => randomBytes(count))
        expect(drawn.map((bytes) => bytes.length)).toEqual(counts)
        const starts = drawn.map((bytes) => bytes.toString('hex', 0, 8))
        expect(new Set(starts).size).toBe(counts.length)
        expect(starts).not.toContain('0'.repeat(16))
      }),
    )
  })

  it('stay as they are when more are drawn', () => {
    const first = randomBytes(16)
    const copy = Buffer.from(first)
    for (let n = 0; n < 200; n += 1) randomBytes(16)
    expect(first.equals(copy)).toBe(true)
  })
})
