/** Keys for each use, and secrets at rest that open only where they lie (security rule KY-1, design 3.1). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSecrets, type Label, sameBytes } from './secrets.ts'

const issuer = 'https://issuer.example'
const root = 'a root secret of at least 32 characters'
const secrets = createSecrets(root, issuer)
const labels: Label[] = ['csrf', 'cursor', 'refresh', 'throttle', 'seal', 'address']

describe('mac', () => {
  it('is another one for every use, issuer and root secret', () => {
    const macs = labels.map((label) => secrets.mac(label, 'text').toString('hex'))
    const others = [createSecrets(root, 'https://other.example'), createSecrets(`${root}!`, issuer)]
    const all = [...macs, ...others.flatMap((other) => labels.map((label) => other.mac(label, 'text').toString('hex')))]
    expect(new Set(all).size).toBe(labels.length * 3)
  })

  it('is the same for the same, on every node', () => {
    expect(
      createSecrets(root, issuer)
        .mac('csrf', 'a', 'b')
        .equals(secrets.mac('csrf', 'a', 'b')),
    ).toBe(true)
    expect(secrets.mac('csrf', 'x')).toHaveLength(32)
  })

  it('keeps its parts apart', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 4 }), fc.array(fc.string(), { maxLength: 4 }), (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other)
        expect(secrets.mac('csrf', ...one).equals(secrets.mac('csrf', ...other))).toBe(same)
      }),
    )
    expect(secrets.mac('csrf', 'ab', 'c').equals(secrets.mac('csrf', 'a', 'bc'))).toBe(false)
    expect(secrets.mac('csrf', 'a', '').equals(secrets.mac('csrf', 'a'))).toBe(false)
    expect(secrets.mac('csrf', 'ü').equals(secrets.mac('csrf', Buffer.from('ü')))).toBe(true)
  })
})

describe('seal and open', () => {
  it('give back what was sealed, never the same text twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, place) => {
        const [one, two] = [secrets.seal(plain, place), secrets.seal(plain, place)]
        expect(secrets.open(one, place)).toBe(plain)
        expect(one).not.toBe(two)
        expect(one).toMatch(/^v1\.root\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/)
      }),
    )
  })

  it('do not open elsewhere: another row, another issuer, another root secret', () => {
    const sealed = secrets.seal('private key', 'issuer|signing_keys|private_sealed|kid1|v1')
    expect(() => secrets.open(sealed, 'issuer|signing_keys|private_sealed|kid2|v1')).toThrow()
    expect(() =>
      createSecrets(root, 'https://other.example').open(sealed, 'issuer|signing_keys|private_sealed|kid1|v1'),
    ).toThrow()
    expect(() => createSecrets(`${root}!`, issuer).open(sealed, 'issuer|signing_keys|private_sealed|kid1|v1')).toThrow()
  })

  it('notice every bit that was changed', () => {
    const sealed = secrets.seal('private key', 'place')
    const parts = sealed.split('.')
    for (const at of [2, 3, 4]) {
      const bytes = Buffer.from(parts[at] ?? '', 'base64url')
      for (let byte = 0; byte < bytes.length; byte += 1) {
        const changed = Buffer.from(bytes)
        changed[byte] = (changed[byte] ?? 0) ^ 1
        const text = parts.with(at, changed.toString('base64url')).join('.')
        expect(() => secrets.open(text, 'place')).toThrow()
      }
    }
  })

  it.each(['', 'v1', 'v1.root', 'v2.root.a.b.c', 'v1.other.a.b.c', 'v1.root..b.c', 'v1.root.a.b.', 'plain text'])(
    'refuse what was not sealed: %j',
    (text) => {
      expect(() => secrets.open(text, 'place')).toThrow()
    },
  )

  it('refuse a shortened tag', () => {
    const sealed = secrets.seal('private key', 'place')
    const tag = Buffer.from(sealed.split('.')[4] ?? '', 'base64url')
    for (const length of [4, 12, 15]) {
      const text = sealed.split('.').with(4, tag.subarray(0, length).toString('base64url')).join('.')
      expect(() => secrets.open(text, 'place')).toThrow()
    }
  })
})

describe('sameBytes', () => {
  it.each([
    ['abc', 'abc', true],
    ['abc', 'abd', false],
    ['abc', 'ab', false],
    ['', '', true],
  ])('%j and %j: %s', (one, other, same) => {
    expect(sameBytes(Buffer.from(one), Buffer.from(other))).toBe(same)
  })
})
