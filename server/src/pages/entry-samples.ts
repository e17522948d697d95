/** Owns one example of each way the pages on the way to an account can look (see samples.ts). */
import type { EntryPages } from './entry-data.ts'

const csrf = 'sample-csrf'
const token = 'sample-token'
const email = 'ada@example.com'
const long = 'augusta.ada.king-noel.countess.of.lovelace@analytical-engine.example.org'
const interaction = '0190f6a2-0000-7000-8000-000000000001'
const client = { client_name: 'Acme Analytics' }

const register: EntryPages['register'] = {
  action: '/register',
  csrf,
  kind: 'register',
  password_min: 10,
  values: {},
  sign_in: '/login',
}

const verify: EntryPages['register'] = {
  action: '/verify',
  csrf,
  kind: 'verify_email',
  token,
  fixed_email: email,
  values: { name: 'Ada Lovelace' },
}

const code: EntryPages['mail-code'] = {
  action: '/verify',
  csrf,
  kind: 'verify_email',
  id: '0190f6a2-0000-7000-8000-000000000002',
  resend: '/verify/resend',
  email,
  back: '/register',
}
const { email: _, ...named } = code
const forReset = { action: '/recover/code', resend: '/recover/resend', back: '/recover' }

const link: EntryPages['mail-link'] = { action: '/login/link', csrf, kind: 'sign_in', token, email }

const password: EntryPages['new-password'] = {
  action: '/reset',
  csrf,
  kind: 'reset',
  token,
  email,
  password_min: 10,
}

export const entrySamples: { readonly [P in keyof EntryPages]: readonly EntryPages[P][] } = {
  register: [
    { ...register, interaction, client },
    {
      ...register,
      values: { email: 'ada@', name: 'Ada Lovelace', username: 'a' },
      errors: {
        email: { key: 'register.error.email' },
        username: { key: 'register.error.username' },
        password: { key: 'password.too_short', params: { min: 10 } },
      },
    },
    { ...register, errors: { name: { key: 'register.error.name' } } },
    { ...verify, password_min: 10 },
    { ...verify, values: { username: 'ada' }, errors: { username: { key: 'register.error.username_taken' } } },
    { ...verify, action: '/invite', kind: 'invite', fixed_email: long, password_min: 10, values: {} },
  ],
  'mail-code': [
    code,
    { ...code, email: long, sent_again: true },
    { ...code, error: 'wrong_code' },
    { ...named, ...forReset, kind: 'reset_password', error: 'expired_code' },
    { ...code, ...forReset, kind: 'reset_password', error: 'too_many_letters' },
    { ...named, action: '/login/code/verify', resend: '/login/code/resend', back: '/login', kind: 'sign_in' },
    { ...named, kind: 'sign_in', error: 'too_many_attempts', retry_after_seconds: 64 },
  ],
  'mail-link': [
    link,
    { ...link, action: '/verify', kind: 'verify_email', email: long },
    { ...link, action: '/not-me', kind: 'not_me' },
    { ...link, action: '/undo-email', kind: 'undo_email' },
  ],
  recover: [
    { action: '/recover', csrf, back: '/login' },
    { action: '/recover', csrf, interaction, login_hint: email, back: '/login' },
  ],
  'new-password': [
    password,
    { ...password, error: { key: 'password.too_common' } },
    { ...password, kind: 'not_me' },
    { ...password, kind: 'undo_email', email: long },
  ],
  'entry-done': [
    { kind: 'password_set', sign_in: '/login' },
    { kind: 'not_me', sign_in: '/login' },
    { kind: 'undo_email', sign_in: '/login' },
    { kind: 'have_account', sign_in: '/login' },
  ],
}
