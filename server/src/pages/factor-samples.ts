/** Owns realistic data for the pages about second steps; part of samples.ts. */
import type { FactorPages } from './factor-data.ts'

const csrf = 'sample-csrf-Zk3v9Q'
const client = { client_name: 'Acme Analytics' }
const frame = { action: '/factor', csrf, sign_in: 'sample-sign-in-4Kd8', cancel: true }

const secondStep: FactorPages['factor'] = {
  ...frame,
  client,
  kind: 'totp',
  about: 'confirm',
  sent: true,
  others: [],
  trust_days: 30,
}

const others = (['passkey', 'totp', 'sms', 'email', 'backup_code', 'password'] as const).map((kind) => ({
  kind,
  href: `/factor?sign_in=4Kd8&kind=${kind}`,
}))

const email = 'a•••@e•••.com'

export const factorSamples: { readonly [P in keyof FactorPages]: readonly FactorPages[P][] } = {
  factor: [
    secondStep,
    { ...secondStep, ...frame, error: 'wrong_code', trust_days: 0, others: others.slice(2) },
    { ...secondStep, error: 'too_many_attempts', trust_days: 1 },
    { ...secondStep, kind: 'email', sent: false, destination: email, others: others.slice(0, 2) },
    { ...secondStep, kind: 'email', destination: email, error: 'expired_code' },
    { ...secondStep, kind: 'sms', destination: '•••• 678' },
    { ...secondStep, kind: 'sms', sent: false, destination: '•••• 678', error: 'too_many_codes' },
    { ...secondStep, kind: 'backup_code', others: others.slice(1, 2) },
    { ...secondStep, kind: 'password', error: 'wrong_code', trust_days: 0 },
    { ...secondStep, kind: 'email', about: 'prove_mail', sent: false, destination: email, trust_days: 0 },
    { ...secondStep, kind: 'email', about: 'prove_mail', destination: email, trust_days: 0 },
    {
      ...secondStep,
      kind: 'email',
      about: 'verify_email',
      sent: false,
      destination: email,
      trust_days: 0,
      cancel: false,
    },
  ],
}
