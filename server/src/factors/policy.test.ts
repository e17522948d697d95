/** What a sign-in still needs, case by case (security rules MF-1, MF-4). */
import { describe, expect, it } from 'vitest'
import { type PolicyFacts, signInStep, usableKinds } from './policy.ts'

const plain: PolicyFacts = {
  amr: ['pwd'],
  demanded: undefined,
  policy: undefined,
  kinds: ['password'],
  two_step: false,
  trusted_device: false,
  mailed: false,
  can_mail: true,
  actions: [],
  leaving: false,
}
const stepOf = (facts: Partial<PolicyFacts>): string => signInStep({ ...plain, ...facts }).step

describe('MF-1', () => {
  it.each<[string, Partial<PolicyFacts>, string]>([
    ['one factor where nobody wants more', {}, 'complete'],
    ['one factor where the person wants two', { two_step: true, kinds: ['totp', 'password'] }, 'factor'],
    ['two factors', { amr: ['pwd', 'otp', 'mfa'], policy: 'aal2', two_step: true }, 'complete'],
    ['nothing enrolled, where two are wanted', { policy: 'aal2' }, 'prove_mail'],
    ['the address proved, then', { policy: 'aal2', mailed: true }, 'enrol'],
    ['no address to prove', { policy: 'aal2', can_mail: false }, 'stuck'],
    ['two factors where a passkey is wanted', { amr: ['pwd', 'otp', 'mfa'], policy: 'phr' }, 'prove_mail'],
    ['the same of an application', { amr: ['pwd', 'otp', 'mfa'], demanded: 'phr', kinds: ['passkey'] }, 'factor'],
    ['something to do first', { actions: ['enrol_factor', 'verify_email'] }, 'action'],
    ['somebody who leaves, with nothing to prove', { leaving: true, policy: 'phr' }, 'erasure'],
    ['somebody who leaves, with a second step', { leaving: true, two_step: true, kinds: ['totp'] }, 'factor'],
  ])('%s', (_name, facts, step) => {
    expect(stepOf(facts)).toBe(step)
  })

  it('what proved the first step proves no second one', () => {
    const kinds = ['passkey', 'totp', 'sms', 'email', 'backup_code', 'password'] as const
    expect(usableKinds({ kinds, amr: ['pwd'] }, 'aal2')).toEqual(['passkey', 'totp', 'sms', 'email', 'backup_code'])
    expect(usableKinds({ kinds, amr: ['otp'] }, 'aal2')).toEqual(['passkey', 'totp', 'sms', 'backup_code', 'password'])
    expect(usableKinds({ kinds, amr: ['hwk', 'user'] }, 'phr')).toEqual(kinds.slice(1))
    expect(usableKinds({ kinds, amr: ['pwd', 'otp', 'mfa'] }, 'phr')).toEqual(['passkey'])
  })
})

describe('MF-4: a trusted device', () => {
  const trusted = { trusted_device: true, two_step: true, kinds: ['totp', 'password'] } as const

  it('stands in for the second step that person or policy want, and the session tells', () => {
    for (const policy of [undefined, 'aal2'] as const)
      expect(signInStep({ ...plain, ...trusted, policy })).toEqual({
        step: 'complete',
        acr: 'aal1',
        device_trusted: true,
      })
  })

  it('never for a passkey, and never for what an application asks for', () => {
    expect(stepOf({ ...trusted, policy: 'phr', kinds: ['passkey'] })).toBe('factor')
    expect(stepOf({ ...trusted, demanded: 'aal2' })).toBe('factor')
  })
})
