/** Owns realistic data for the pages of a person's own, one entry for each way they can look (see samples.ts). */
import { keySamples } from './key-samples.ts'
import type { AccountFrame, AccountPages, AccountSection } from './account-data.ts'

const account = { name: 'Ada Lovelace', email: 'ada@example.com' }
const at = (text: string) => new Date(text)
const sections: readonly AccountSection[] = ['overview', 'profile', 'security', 'sessions', 'applications', 'data']

const frame = (current: AccountSection, done?: string): AccountFrame => ({
  nav: sections.map((section) => ({ section, href: `/account/${section}`, current: section === current })),
  csrf: 'sample-csrf-Zk3v9Q',
  ...(done !== undefined && { done }),
})

/** The same for samples of such pages elsewhere. */
export const accountFrameSample = frame

const sessions: AccountPages['account-sessions']['sessions'] = [
  {
    id: 'ses_1',
    current: true,
    user_agent_label: { key: 'browser.on_system', params: { browser: 'Firefox', system: 'Linux' } },
    acted: false,
    where: { ip: '203.0.113.7', city: 'Berlin', country_code: 'DE' },
    created_at: at('2026-11-02T08:14:00Z'),
    last_seen_at: at('2026-11-20T16:40:00Z'),
  },
  {
    id: 'ses_2',
    current: false,
    user_agent_label: { key: 'browser.some_on_system', params: { system: 'iOS' } },
    acted: true,
    where: { ip: '2001:db8:85a3::8a2e:370:7334', country_code: 'JP' },
    created_at: at('2026-11-11T19:02:00Z'),
    last_seen_at: at('2026-11-19T21:05:00Z'),
  },
]

const consents = [
  {
    client_id: 'acme',
    client_name: 'Acme Analytics',
    scopes: ['profile', 'email', 'offline_access', 'reports:read'],
    resources: [
      'https://api.example.com/reports',
      'https://warehouse.analytics.example.com/v2/organisations/3f1c9a52-7b0e-4d5e-9a7c-0d9be2f86c11/exports',
    ],
    granted_at: at('2026-10-01T10:00:00Z'),
  },
  { client_id: 'notes', client_name: 'Field Notes', scopes: [], resources: [], granted_at: at('2026-09-12T07:30:00Z') },
]

const profile: Pick<AccountPages['account-profile'], 'action' | 'values' | 'zones'> = {
  action: '/account/profile',
  values: {
    name: 'Ada Lovelace',
    given_name: 'Ada',
    family_name: 'Lovelace',
    middle_name: '',
    nickname: '',
    profile: '',
    picture: '',
    website: 'https://ada.example',
    gender: '',
    birthdate: '1915-12-10',
    zoneinfo: 'Europe/London',
    locale: 'en',
    street_address: '12 St James’s Square\nThird floor',
    locality: 'London',
    region: '',
    postal_code: 'SW1Y 4JH',
    country: 'United Kingdom',
  },
  zones: ['America/Argentina/Buenos_Aires', 'Europe/London', 'UTC'],
}
const passkeys: AccountPages['account-passkeys'] = {
  ...frame('security'),
  passkeys: [
    {
      id: 'pk_1',
      name: 'Google Password Manager',
      created_at: at('2026-10-01T10:00:00Z'),
      last_used_at: at('2026-11-20T16:40:00Z'),
      synced: true,
      discoverable: true,
    },
    {
      id: 'pk_2',
      name: 'The blue key with the long name that hangs beside the door',
      created_at: at('2026-11-02T08:14:00Z'),
      last_used_at: null,
      synced: false,
      discoverable: false,
    },
  ],
  add: { action: '/account/passkeys', options: '/api/v1/users/me/passkeys/options' },
  rename: '/account/passkeys/rename',
  remove: '/account/passkeys/remove',
  again: '/login?again=1&return_to=%2Faccount%2Fpasskeys',
}
const passkeyErrors = [
  'invalid_passkey',
  'known_passkey',
  'too_many_passkeys',
  'invalid_name',
  'not_found',
  'last_way_in',
  'other_factor_needed',
] as const

const dataSample = {
  ...frame('data'),
  delete_href: '/account/delete',
  days: 7,
  request: '/account/data',
  download: '/account/data/download',
}

const leaving = { action: '/account/delete', login: account.email, days: 7, back: '/account/data' }
const keeping = { action: '/keep-account', csrf: 'sample-csrf-Zk3v9Q', erase_after: at('2026-11-27T16:40:00Z') }

const label = sessions[0]?.user_agent_label ?? { key: 'browser.unknown' }
const ends = { end: '/account/sessions/end', forget: '/account/devices/forget' }
const devices: AccountPages['account-sessions']['devices'] = [
  {
    id: 'dev_1',
    current: true,
    user_agent_label: label,
    where: { ip: '203.0.113.7', city: 'Berlin', country_code: 'DE' },
    first_seen_at: at('2026-08-02T08:14:00Z'),
    last_seen_at: at('2026-11-20T16:40:00Z'),
    trusted_until: at('2026-12-02T08:14:00Z'),
  },
  {
    id: 'dev_2',
    current: false,
    user_agent_label: { key: 'browser.unknown' },
    where: { ip: '198.51.100.4', country_code: 'JP' },
    first_seen_at: at('2026-09-02T08:14:00Z'),
    last_seen_at: at('2026-09-20T16:40:00Z'),
  },
]

const events: AccountPages['account-activity']['events'] = [
  {
    text: { key: 'event.login.succeeded', params: { client: '' } },
    at: at('2026-11-20T16:40:00Z'),
    failed: false,
    where: { ip: '203.0.113.7', city: 'Berlin', country_code: 'DE' },
    browser: label,
  },
  {
    text: { key: 'event.login.failed', params: { client: '' } },
    at: at('2026-11-20T16:39:00Z'),
    failed: true,
    where: { ip: '2001:db8:85a3::8a2e:370:7334' },
  },
  {
    text: { key: 'event.consent.granted', params: { client: 'Acme Analytics' } },
    at: at('2026-10-01T10:00:00Z'),
    failed: false,
  },
]

const security: AccountPages['account-security'] = {
  ...frame('security', 'password_changed'),
  password: { href: '/account/password', changed_at: at('2026-10-01T10:00:00Z') },
  email: { href: '/account/email', address: account.email, verified: true },
  passkeys: { href: '/account/passkeys', count: 2 },
  factors: { href: '/account/factors', count: 1, codes_left: 8 },
  keys: { href: '/account/keys', count: 2 },
  events,
  all_events: '/account/activity',
}

const password: AccountPages['account-password'] = {
  ...frame('security'),
  action: '/account/password',
  back: '/account/security',
  prove: '/login?again=1&return_to=%2Faccount%2Fpassword',
  login: account.email,
  has_one: true,
  needs_current: true,
  password_min: 10,
}

const email = { ...frame('security'), action: '/account/email', back: '/account/security' }
const emailCode = { ...frame('security'), action: '/account/email/code', again: '/account/email', id: 'sample-id' }

/** Every one of these pages. */
export const accountSamples: { readonly [P in keyof AccountPages]: readonly AccountPages[P][] } = {
  account: [
    {
      ...frame('overview'),
      account: { ...account, username: 'ada' },
      warnings: [],
      sessions: 2,
      applications: 1,
      logout: '/logout',
    },
    {
      ...frame('overview'),
      account,
      warnings: [
        { text: { key: 'account.warning.unverified', params: { email: account.email } }, href: '/account/email' },
        { text: { key: 'account.warning.codes', params: { count: 2 } }, href: '/account/factors' },
      ],
      sessions: 1,
      applications: 0,
      logout: '/logout',
    },
  ],
  'account-profile': [
    { ...frame('profile', 'saved'), ...profile },
    {
      ...frame('profile'),
      ...profile,
      values: { ...profile.values, locale: 'de-AT', zoneinfo: 'Asia/Calcutta', picture: 'ada.png' },
      phone: { number: '+49 30 901820', verified: true },
      errors: {
        picture: { key: 'profile.error.https_address' },
        birthdate: { key: 'profile.error.date' },
        address: { key: 'profile.error.too_long' },
      },
    },
  ],
  'account-security': [
    security,
    {
      ...security,
      password: { href: '/account/password' },
      email: { href: '/account/email', verified: false },
      passkeys: { href: '/account/passkeys', count: 0 },
      factors: { href: '/account/factors', count: 0 },
      keys: { href: '/account/keys', count: 0 },
      events: [],
    },
  ],
  'account-activity': [
    { ...frame('security'), events, back: '/account/security', older: '/account/activity?cursor=x' },
    { ...frame('security'), events: [], back: '/account/security' },
  ],
  'account-password': [
    password,
    { ...password, needs_current: false, errors: { password: { key: 'password.too_short', params: { min: 10 } } } },
    { ...password, errors: { current: { key: 'own_password.wrong' } } },
    { ...password, errors: { current: { key: 'own_password.too_many' } }, retry_after_seconds: 64 },
    { ...password, has_one: false, needs_current: false },
  ],
  'account-email': [
    { ...email, email: account.email, verified: true },
    { ...email, email: account.email, verified: false },
    { ...email, verified: false, typed: 'ada@', error: 'invalid_email' },
    { ...email, email: account.email, verified: true, typed: account.email, error: 'same_email' },
    { ...email, verified: false, typed: account.email, error: 'too_many_requests', retry_after_seconds: 7200 },
  ],
  'account-email-code': [
    { ...emailCode, email: 'ada@example.org' },
    { ...emailCode, email: 'ada@example.org', error: 'wrong_code' },
    { ...emailCode, error: 'expired_code' },
    { ...emailCode, error: 'already_exists' },
  ],
  'account-sessions': [
    { ...frame('sessions'), sessions, devices, ...ends },
    { ...frame('sessions', 'sessions_ended'), sessions: sessions.slice(0, 1), devices: [], ...ends },
  ],
  'account-data': [
    dataSample,
    ...(['pending', 'ready', 'downloaded', 'expired'] as const).map((state) => ({
      ...dataSample,
      copy: { id: 'exp_1', state, requested_at: at('2026-11-20T16:40:00Z'), expires_at: at('2026-11-21T16:40:00Z') },
    })),
    { ...dataSample, wait_seconds: 7200 },
  ],
  'account-download': [{ ...frame('data'), download: '/account/data/download', token: 'sample-token' }],
  'account-delete': [
    { ...frame('data'), ...leaving },
    { ...frame('data'), ...leaving, days: 0, typed: 'ada@example.org', error: 'another_login' },
    { ...frame('data'), ...leaving, days: 1, typed: 'ada@example.com', error: 'last_administrator' },
  ],
  'account-left': [{ erase_after: at('2026-11-27T16:40:00Z') }, {}],
  'keep-account': [
    { ...keeping, token: 'sample-token' },
    { ...keeping, sign_in: 'sample-sign-in-4Kd8', cancel: true, client: { client_name: 'Acme Analytics' } },
  ],
  'account-kept': [{ sign_in: '/login' }],
  'account-applications': [
    { ...frame('applications', 'access_removed'), consents, withdraw: '/account/consents/withdraw' },
    { ...frame('applications'), consents: [], withdraw: '/account/consents/withdraw' },
  ],
  'account-keys': keySamples(frame('security')),
  'account-passkeys': [
    passkeys,
    { ...passkeys, ...frame('security', 'passkey_added') },
    { ...passkeys, ...frame('security', 'passkey_removed'), passkeys: [] },
    ...passkeyErrors.map((error) => ({ ...passkeys, error })),
  ],
}
