/** Proof Key for Code Exchange, S256 only (RFC 7636; RFC 9700 §2.1.1, §4.8.2). */
import { createHash } from 'node:crypto'
import fc, { assert as assertAlways } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { challengeOf, checkChallenge, verifierMatches } from './pkce.ts'

// RFC 7636 appendix B.
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

describe('checkChallenge', () => {
  it('a challenge with S256 is taken, whether one is required or not', () => {
    expect(checkChallenge(challenge, 'S256', true)).toBe(challenge)
    expect(checkChallenge(challenge, 'S256', false)).toBe(challenge)
    expect(checkChallenge(undefined, undefined, false)).toBeUndefined()
  })

  it.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    [undefined, 'S256'],
    [challenge, undefined],
    [challenge, 'plain'],
    [challenge, 's256'],
    [challenge, 'S256 '],
    [verifier.slice(1), 'S256'],
    [`${challenge}A`, 'S256'],
    [`${challenge.slice(1)}=`, 'S256'],
    [`${challenge.slice(1)}+`, 'S256'],
    [`${challenge.slice(1)}/`, 'S256'],
    [`${challenge}\n`, 'S256'],
    ['', 'S256'],
  ])('%j with %j is invalid_request', (code_challenge, method) => {
    expect(checkChallenge(code_challenge, method, true)).toMatchObject({ denied: true, error: 'invalid_request' })
  })

  it('a method alone is refused even where no challenge is needed', () => {
    expect(checkChallenge(undefined, 'S256', false)).toMatchObject({
      error: 'invalid_request',
      because: { got: 'the method alone' },
    })
    expect(checkChallenge(challenge, undefined, false)).toMatchObject({ because: { got: 'plain (the default)' } })
  })
})

describe('verifierMatches', () => {
  it('RFC 7636 appendix B', () => {
    expect(challengeOf(verifier)).toBe(challenge)
    expect(verifierMatches(verifier, challenge)).toBe(true)
  })

  const unreserved = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~'
  const anyVerifier = fc.string({ unit: fc.constantFrom(...unreserved.split('')), minLength: 43, maxLength: 128 })

  it('a verifier fits its own challenge and no other', () => {
    assertAlways(
      fc.property(anyVerifier, anyVerifier, (one, other) => {
        const own = createHash('sha256').update(one).digest('base64url')
        return (
          verifierMatches(one, own) && verifierMatches(other, own) === (one === other) && !verifierMatches(own, own)
        )
      }),
    )
  })

  it.each([
    undefined,
    '',
    'a',
    verifier.slice(1),
    'a'.repeat(42),
    'a'.repeat(129),
    `${verifier} `,
    `${verifier}\n`,
    verifier.replace('-', '+'),
    challenge,
  ])('%j does not fit', (code_verifier) => {
    expect(verifierMatches(code_verifier, challenge)).toBe(false)
  })

  it('a verifier that is malformed fits nothing, not even its own hash', () => {
    for (const bad of ['', 'a', 'a'.repeat(129), 'é'.repeat(43)]) {
      expect(verifierMatches(bad, createHash('sha256').update(bad).digest('base64url'))).toBe(false)
    }
  })

  it('RFC 9700 §4.8.2: without a challenge only no verifier fits', () => {
    expect(verifierMatches(undefined, null)).toBe(true)
    expect(verifierMatches(verifier, null)).toBe(false)
    expect(verifierMatches('', null)).toBe(false)
  })
})
