/**
 * Owns realistic data for every page and every branch of it. Used to prove an operator's templates at start, and by tests.
 * Never shown to a visitor. Start reading at `samples`.
 */
import { accountSamples } from './account-samples.ts'
import { entrySamples } from './entry-samples.ts'
import type { PageData, PageName } from './data.ts'
import { factorSamples } from './factor-samples.ts'
import { referenceSample } from './reference-samples.ts'

export const sampleFrame = {
  locale: 'en',
  nonce: 'c2FtcGxlLW5vbmNl',
  assetsPath: '/assets',
  kept: [['interaction', '7Yw2']],
} as const

const csrf = 'sample-csrf-Zk3v9Q'
const interaction = 'sample-interaction-7Yw2'
const client = { client_name: 'Acme Analytics' }
const account = { name: 'Ada Lovelace', email: 'ada@example.com' }
const login = { action: '/login', csrf, interaction, client }
const passkey = { action: '/login/passkey', options: '/api/v1/auth/passkey/options', again: false }
const at = (text: string) => new Date(text)

const signIn: readonly PageData['login'][] = [
  { ...login, cancel: true },
  { action: '/login', csrf },
  { ...login, login_hint: 'ada@example.com', error: 'wrong_credentials', cancel: true },
  { ...login, error: 'too_many_attempts', retry_after_seconds: 95 },
  { ...login, error: 'too_many_attempts' },
  { ...login, error: 'expired_restarted' },
  { ...login, error: 'session_limit_reached' },
  { action: '/login', csrf, error: 'signed_out_for_safety' },
  { ...login, error: 'temporarily_unavailable', retry_after_seconds: 20 },
  { ...login, error: 'temporarily_unavailable' },
  { ...login, reauthenticate: true, account, cancel: true, select_account: '/select-account?interaction=7Yw2' },
  { action: '/login', csrf, reauthenticate: true, account, error: 'wrong_credentials', back: '/account' },
  { ...login, passkey, cancel: true },
  { ...login, passkey, cancel: true, email_code: '/login/email', recover: '/recover', register: '/register' },
  { action: '/login', csrf, email_code: '/login/email', recover: '/recover', error: 'missing_login' },
  { ...login, passkey, error: 'wrong_passkey', cancel: true },
  { action: '/login', csrf, reauthenticate: true, account, passkey: { ...passkey, again: true } },
]

const scopes = [
  { name: 'profile', is_new: false },
  { name: 'email', is_new: false },
  { name: 'offline_access', is_new: true },
  { name: 'reports:read', is_new: true },
]

const resources = [
  { resource: 'https://api.example.com/reports', is_new: false },
  {
    resource: 'https://warehouse.analytics.example.com/v2/organisations/3f1c9a52-7b0e-4d5e-9a7c-0d9be2f86c11/exports',
    is_new: true,
  },
]

const consent: PageData['consent'] = {
  action: '/consent',
  csrf,
  interaction,
  client: {
    ...client,
    client_uri: 'https://analytics.example.com',
    policy_uri: 'https://analytics.example.com/privacy',
    tos_uri: 'https://analytics.example.com/terms',
    on_this_device: false,
  },
  redirect_host: 'analytics.example.com',
  account,
  scopes,
  resources: [],
}

const refusal: PageData['error'] = {
  status: 400,
  error: 'invalid_redirect_uri',
  error_description: 'The redirect_uri of this request is not registered for this application.',
  error_id: 'err_8Hq2mWzT4cVb',
  request_id: 'req-01J9ZK4T7Q',
  what_to_do: 'error.do.contact_application',
}

const setup: PageData['setup'] = { action: '/setup', csrf, token: 'sample-token', password_min: 10, values: {} }

const home: PageData['home'] = {
  issuer: 'https://id.example.com',
  name: 'Keywright',
  version: '0.1.0',
  setup_needed: false,
  links: [
    { href: '/.well-known/openid-configuration', label: { key: 'home.discovery' } },
    { href: '/oauth/jwks', label: { key: 'home.keys' } },
  ],
}

const letter = { to: 'ada@example.com', subject: 'Confirm your email address', at: at('2026-11-20T16:40:00Z') }
const code = { to: '+4915112345678', subject: 'Keywright: your code is 123456', at: at('2026-11-20T16:41:00Z') }
const nowhere = { mail: false, sms: false }

const devMail: readonly PageData['dev-mail'][] = [
  { messages: [], reload: '/dev/mail', elsewhere: nowhere },
  { messages: [], reload: '/dev/mail', elsewhere: { mail: true, sms: true } },
  {
    messages: [
      { ...code, href: '/dev/mail?id=2', channel: 'sms', current: false },
      { ...letter, href: '/dev/mail?id=1', channel: 'email', current: true },
    ],
    opened: {
      ...letter,
      text: 'Your code is below.\n\n    123456',
      html_href: '/dev/mail/1',
      code: '123456',
      link: 'https://id.example.com/verify?token=kw_ve_sample',
    },
    reload: '/dev/mail',
    elsewhere: nowhere,
  },
  {
    messages: [{ ...code, href: '/dev/mail?id=2', channel: 'sms', current: true }],
    opened: { ...code, text: 'Keywright: your code is 123456', code: '123456' },
    reload: '/dev/mail',
    elsewhere: { mail: true, sms: false },
  },
]

/** Every page, each with one entry for each way it can look. */
export const samples: { readonly [P in PageName]: readonly PageData[P][] } = {
  login: signIn,
  ...factorSamples,
  consent: [
    consent,
    {
      ...consent,
      client: { client_name: 'Field Notes', on_this_device: true },
      redirect_host: '127.0.0.1',
      scopes: [],
    },
    { ...consent, resources },
    { ...consent, scopes: [], resources: resources.slice(0, 1) },
  ],
  'select-account': [
    {
      action: '/select-account',
      csrf,
      interaction,
      client,
      accounts: [
        { session_id: 'ses_1', ...account },
        { session_id: 'ses_2', name: 'Grace Hopper', email: 'grace.brewster.murray.hopper@navy.example.org' },
      ],
    },
    { action: '/select-account', csrf, interaction, accounts: [] },
  ],
  logout: [
    {
      action: '/logout',
      csrf,
      client,
      account,
      fields: { state: 'af0ifjsldkj', post_logout_redirect_uri: 'https://a.example' },
    },
    { action: '/logout', csrf, fields: {} },
  ],
  'logged-out': [
    { client, continue_uri: 'https://analytics.example.com/bye', everywhere: false },
    { continue_uri: 'com.example.app:/bye', everywhere: true },
    { everywhere: false },
  ],
  error: [
    refusal,
    {
      status: 503,
      error: 'temporarily_unavailable',
      request_id: 'req-01J9ZK4T7R',
      what_to_do: 'error.do.wait',
      back: {
        href: 'https://analytics.example.com',
        label: { key: 'page.back_to_client', params: { client: 'Acme Analytics' } },
      },
    },
    {
      status: 418,
      error: 'short_and_stout',
      title_key: 'error.title.expired',
      request_id: 'req-3',
      what_to_do: 'error.do.restart',
    },
    {
      status: 404,
      error: 'not_found',
      error_description: 'There is nothing at this address.',
      request_id: 'req-4',
      what_to_do: 'error.do.start_page',
    },
    {
      status: 400,
      error: 'setup_link',
      error_description: 'This link was used already, has expired, or is not complete.',
      request_id: 'req-5',
      what_to_do: 'error.do.setup_done',
      sign_in: '/login',
    },
  ],
  setup: [
    setup,
    {
      ...setup,
      values: { email: 'ada@', name: 'Ada Lovelace', username: 'a' },
      errors: {
        email: { key: 'setup.error.email' },
        username: { key: 'setup.error.username' },
        password: { key: 'password.too_short', params: { min: 10 } },
      },
    },
    { ...setup, errors: { name: { key: 'setup.error.name' }, form: { key: 'setup.error.form' } } },
  ],
  'setup-done': [{ account, login_href: '/login', issuer: 'https://id.example.com' }],
  docs: [{ reference: referenceSample, document: '/api/v1/openapi.json', version: '0.1.0' }],
  home: [home, { ...home, signed_in: account }, { ...home, setup_needed: true, links: [] }],
  'dev-mail': devMail,
  ...accountSamples,
  ...entrySamples,
  'form-post': [
    {
      action: 'https://analytics.example.com/callback',
      fields: { code: 'kw_ac_sample', state: 'af0ifjsldkj', iss: 'https://id.example.com' },
    },
  ],
}
