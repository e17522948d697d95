import { describe, expect, it } from 'vitest'
import { type RemovalFacts, removalProof } from './removal.ts'

const facts = (change: Partial<RemovalFacts>): RemovalFacts => ({
  removed: 'totp',
  kinds: ['password'],
  amr: ['pwd', 'otp', 'mfa'],
  can_mail: true,
  ...change,
})

describe('MF-4: what the removal of a factor needs', () => {
  it.each<[string, Partial<RemovalFacts>, unknown]>([
    ['another second step', { kinds: ['email', 'password'] }, { proof: 'factor', kinds: ['email'] }],
    ['a backup code', { kinds: ['backup_code'] }, { proof: 'factor', kinds: ['backup_code'] }],
    ['a second authenticator', { kinds: ['totp'] }, { proof: 'factor', kinds: ['totp'] }],
    ['a mailed code, where none stays', {}, { proof: 'mail' }],
    ['the mailed code for mailed codes too, where none stays', { removed: 'email' }, { proof: 'mail' }],
    ['an administrator, where there is no address', { can_mail: false }, { proof: 'none' }],
    [
      'the password, where the sign-in was another',
      { amr: ['otp', 'sms', 'mfa'] },
      { proof: 'factor', kinds: ['password'] },
    ],
    ['nothing more after a passkey', { amr: ['hwk', 'user', 'mfa'] }, { proof: 'given' }],
    [
      'something else than a passkey for a passkey',
      { removed: 'passkey', amr: ['swk', 'user', 'mfa'] },
      { proof: 'factor', kinds: ['password'] },
    ],
    ['never the password again that signed in', { kinds: ['password', 'passkey'] }, { proof: 'mail' }],
  ])('%s', (_, change, expected) => expect(removalProof(facts(change))).toEqual(expected))
})
