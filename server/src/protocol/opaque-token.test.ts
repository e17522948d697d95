/** The format of opaque values: found by scanners, refused without a query, one spelling each (security design 3.2). */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encode62, hashToken, mintOpaque, type OpaqueType, parseOpaque } from './opaque-token.ts'

const types: OpaqueType[] = ['at', 'rt', 'ac', 'ak', 'cs', 'rat', 'iat', 'su']
const groups = fc.uint8Array({ minLength: 4, maxLength: 64 }).map((bytes) => bytes.subarray(0, bytes.length & ~3))

describe('an opaque value', () => {
  it('comes back as the bytes it was made of, as its own type only', () => {
    fc.assert(
      fc.property(groups, fc.constantFrom(...types), fc.constantFrom(...types), (bytes, type, other) => {
        const token = mintOpaque(type, bytes)
        expect(token).toMatch(new RegExp(`^kw_${type}_[0-9A-Za-z]+$`))
        expect(parseOpaque(type, token)).toEqual(Buffer.from(bytes))
        expect(other === type || parseOpaque(other, token) === undefined).toBe(true)
      }),
    )
  })

  it('has a fixed length, so that nothing is said about its bytes', () => {
    const lengths = new Set(
      [Buffer.alloc(32), Buffer.alloc(32, 255), randomBytes(32)].map((b) => mintOpaque('at', b).length),
    )
    expect([...lengths]).toEqual(['kw_at_'.length + 48 + 6])
  })

  it('is spoilt by any one character that is changed, taken away or added', () => {
    const token = mintOpaque('at', randomBytes(32))
    for (let at = 0; at < token.length; at += 1) {
      const changed = `${token.slice(0, at)}${token.charAt(at) === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`
      expect([changed, parseOpaque('at', changed)]).toEqual([changed, undefined])
      expect(parseOpaque('at', token.slice(0, at) + token.slice(at + 1))).toBeUndefined()
      expect(parseOpaque('at', `${token.slice(0, at)}A${token.slice(at)}`)).toBeUndefined()
    }
  })

  it('has one spelling: no text parses that is not what its bytes are minted to', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^kw_at_[0-9A-Za-z]{12,60}$/), (text) => {
        const bytes = parseOpaque('at', text)
        expect(bytes === undefined ? text : mintOpaque('at', bytes)).toBe(text)
      }),
      { numRuns: 2000 },
    )
    // The largest word of six characters is above 32 bits: it is no second spelling of a smaller one.
    expect(encode62(Buffer.from('ffffffff', 'hex'))).toBe('4gfFC3')
  })

  it.each([
    '',
    'kw_at_',
    'kw_at_000000',
    'kw_at',
    'at_abc',
    `kw_at_${'0'.repeat(300)}`,
    'kw_at_ÄÖÜÄÖÜ000000',
    'kw_at_\u0000\u0000\u0000\u0000\u0000\u0000000000',
  ])('garbage is refused: %j', (text) => {
    expect(parseOpaque('at', text)).toBeUndefined()
  })
})

describe('hashToken', () => {
  it('is SHA-256, so that a leaked database gives no tokens away', () => {
    expect(hashToken('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })
})
