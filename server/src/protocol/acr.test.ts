/** What sign-ins are worth: OpenID Connect Core §2 (`acr`, `amr`), §3.1.2.1 (`acr_values`), RFC 8176. */
import { describe, expect, it } from 'vitest'
import { acrOf, demandedAcr, satisfies, strongest, withFactor } from './acr.ts'

describe('acr', () => {
  it.each([
    [[], 'aal1'],
    [['pwd'], 'aal1'],
    [['otp'], 'aal1'],
    [['swk', 'user'], 'aal1'],
    [['pwd', 'otp', 'mfa'], 'aal2'],
    [['pwd', 'sms', 'mfa'], 'aal2'],
    [['otp', 'mfa'], 'aal2'],
    [['pwd', 'swk', 'user', 'mfa'], 'phr'],
    [['hwk', 'user', 'mfa'], 'phr'],
  ])('RFC 8176: %j is worth %s', (amr, acr) => expect(acrOf(amr)).toBe(acr))

  it.each([
    ['aal1', undefined, true],
    ['aal1', 'aal1', true],
    ['aal1', 'aal2', false],
    ['aal2', 'aal2', true],
    ['aal2', 'phr', false],
    ['phr', 'aal2', true],
    ['unheard of', undefined, true],
    ['unheard of', 'aal1', false],
  ] as const)('%s satisfies a demand of %s: %s', (have, want, answer) => expect(satisfies(have, want)).toBe(answer))

  it.each([
    [[], [], undefined],
    [['urn:x', 'aal2', 'phr'], [], 'aal2'],
    [['urn:x'], ['phr'], 'phr'],
    [['aal1'], ['phr'], 'aal1'],
    [[], ['urn:x'], undefined],
  ])('OpenID Connect Core §3.1.2.1: acr_values %j with defaults %j demand %s', (values, defaults, demand) =>
    expect(demandedAcr(values, defaults)).toBe(demand),
  )

  it('of several demands the strongest counts', () => {
    expect(strongest(['aal1', null, 'phr', undefined, 'aal2'])).toBe('phr')
    expect(strongest([null, undefined])).toBeUndefined()
  })

  it('a further factor is added once and makes it mfa', () => {
    expect(withFactor(['pwd'], ['otp'])).toEqual(['pwd', 'otp', 'mfa'])
    expect(withFactor(['otp'], ['otp'])).toEqual(['otp', 'mfa'])
  })
})
