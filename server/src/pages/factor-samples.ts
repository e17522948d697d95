/** Owns realistic data for the pages about second steps; part of samples.ts. */
import { accountFrameSample } from './account-samples.ts'
import type { FactorPages } from './factor-data.ts'
import { qrView } from './qr.ts'

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

const passkey = { options: '/api/v1/auth/passkey/options' }
const email = 'a•••@e•••.com'
const at = (text: string) => new Date(text)
const back = '/account/factors'
const own = { csrf, back }

const uri =
  'otpauth://totp/Keywright:ada%40example.com?issuer=Keywright&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30'

const app: FactorPages['factor-totp'] = {
  ...own,
  action: '/account/factors/totp',
  id: '01977c1e-7a53-7c9f-8d1d-6b5c2b3f9a01',
  uri,
  qr: qrView(uri),
  secret: ['JBSW', 'Y3DP', 'EHPK', '3PXP', 'JBSW', 'Y3DP', 'EHPK', '3PXP'],
  name: '',
}

const number: FactorPages['factor-code'] = { ...own, action: '/account/factors/sms', channel: 'sms', sent: false }

const codes = ['k7qd', '3xw0', 'p9ra', 'b41z', 'c8me', 't2ys', 'f5hn', 'g6vj', 'd0qx', 'r3pk'].map(
  (lookup, index) => `${lookup}-m${index}c4-w8tz-q${index}xd-h5r2`,
)

const removal: FactorPages['factor-remove'] = {
  ...own,
  action: '/account/factors/remove/totp/1',
  factor: { kind: 'totp', name: 'Phone' },
  proof: 'factor',
  kind: 'backup_code',
  sent: true,
  others: [],
}

const list: FactorPages['account-factors'] = {
  ...accountFrameSample('security'),
  factors: [],
  new_codes: '/account/factors/backup-codes',
  add: (['totp', 'sms', 'email'] as const).map((kind) => ({ kind, href: `/account/factors/${kind}` })),
  rename: '/account/factors/rename',
}

const kept: FactorPages['account-factors']['factors'] = [
  {
    kind: 'totp',
    id: '1',
    name: 'Phone',
    created_at: at('2026-09-01T08:00:00Z'),
    last_used_at: at('2026-11-20T16:40:00Z'),
    remove: '/account/factors/remove/totp/1',
  },
  {
    kind: 'sms',
    id: '2',
    name: '+4915112345678',
    created_at: at('2026-10-01T08:00:00Z'),
    remove: '/account/factors/remove/sms/2',
  },
  {
    kind: 'email',
    id: '3',
    name: 'grace.brewster.murray.hopper@navy.example.org',
    created_at: at('2026-10-02T08:00:00Z'),
    remove: '/account/factors/remove/email/3',
  },
]

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
    { ...secondStep, kind: 'passkey', passkey, others: others.slice(1) },
    { ...secondStep, kind: 'passkey', passkey, error: 'wrong_passkey', trust_days: 0 },
  ],
  'factor-passkey': [
    { ...frame, client, action: '/factor/enrol', ...passkey },
    { ...frame, action: '/factor/enrol', ...passkey, error: 'invalid_passkey' },
  ],
  'factor-choose': [
    {
      ...frame,
      client,
      action: '/factor/enrol',
      kinds: (['passkey', 'totp', 'sms', 'email'] as const).map((kind) => ({
        kind,
        href: `/factor/enrol?kind=${kind}`,
      })),
    },
  ],
  'factor-stuck': [{ ...frame, client }, frame],
  'factor-password': [
    { ...frame, client, action: '/factor/action', account: 'ada@example.com', password_min: 10 },
    { ...frame, action: '/factor/action', account: 'ada', password_min: 10, error: { key: 'password.same' } },
  ],
  'factor-totp': [
    app,
    { ...app, name: 'Work phone', error: 'wrong_code' },
    { ...app, ...frame, action: '/factor/enrol', client, error: 'name' },
  ],
  'factor-code': [
    number,
    { ...number, phone: '0151', error: 'invalid_phone' },
    {
      ...number,
      sent: true,
      destination: '+4915112345678',
      change: '/account/factors/sms?change=1',
      error: 'wrong_code',
    },
    { ...number, ...frame, action: '/factor/enrol', channel: 'email', destination: 'ada@example.com', proved: true },
    { ...number, channel: 'email', sent: true, destination: 'ada@example.com', error: 'too_many_codes' },
  ],
  'backup-codes': [
    { codes, continue_href: back, download: { action: '/account/factors/backup-codes/download', csrf } },
    { codes, continue_href: '/factor/action?sign_in=4Kd8' },
  ],
  'backup-codes-new': [
    { ...own, action: '/account/factors/backup-codes', is_first: true },
    {
      ...own,
      action: '/account/factors/backup-codes',
      is_first: false,
      left: 3,
      created_at: at('2026-09-01T08:00:00Z'),
    },
  ],
  'factor-remove': [
    { ...removal, others: others.slice(2, 4), passkey: '/login?again=1' },
    { ...removal, proof: 'mail', sent: false, destination: email },
    { ...removal, proof: 'mail', destination: email, error: 'expired_code' },
    { ...removal, kind: 'password', error: 'wrong_code' },
    { ...removal, factor: { kind: 'sms', name: '+4915112345678' }, proof: 'given' },
    { ...removal, proof: 'none' },
  ],
  'account-factors': [
    list,
    {
      ...list,
      ...accountFrameSample('security', 'factor_added'),
      factors: kept,
      add: list.add.slice(0, 2),
      passkeys: { count: 2, href: '/account/passkeys' },
      backup_codes: { left: 1, created_at: at('2026-09-01T08:00:00Z') },
    },
  ],
}
