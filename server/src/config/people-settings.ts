/**
 * Owns the settings of people: who may register, what a sign-in needs, their sessions, how long things may be taken back.
 * Part of schema.ts; never reads the environment.
 */
import { z } from 'zod'
import { flag, group, list, whole } from './leaf.ts'

const people = group('People')
const sessions = group('Sessions')
const limits = group('Limits')
const signin = group('Sign-in')

/** What may make a session suspicious (devices/suspicion.ts). */
export const sessionSignals = ['device', 'browser', 'system', 'country', 'network', 'travel'] as const

export const peopleSettings = {
  signup: people(
    'KEYWRIGHT_SIGNUP',
    z.enum(['open', 'invite', 'domains', 'off']).default('open'),
    'Who may register: everybody, whoever was invited, whoever has an address of KEYWRIGHT_SIGNUP_DOMAINS (or an invitation), nobody.',
  ),
  signup_domains: people(
    'KEYWRIGHT_SIGNUP_DOMAINS',
    list.describe('domains, comma separated').default([]),
    'Mail domains, comma separated, whose people may register when KEYWRIGHT_SIGNUP is domains. Subdomains are named one by one.',
  ),
  password_profile: signin(
    'KEYWRIGHT_PASSWORD_PROFILE',
    z.enum(['default', 'nist']).default('default'),
    'nist asks for 15 characters at least, as NIST SP 800-63B-4 does where a password is the only factor; see passwords.md.',
  ),
  acr: people(
    'KEYWRIGHT_ACR',
    z.enum(['aal1', 'aal2', 'phr']).default('aal1'),
    'What every sign-in has to prove: aal1 one factor, aal2 two, phr a passkey. Roles and applications may ask for more.',
  ),
  factors: people(
    'KEYWRIGHT_FACTORS',
    list
      .describe('passkey, totp, sms, email, comma separated')
      .pipe(z.array(z.enum(['passkey', 'totp', 'sms', 'email'])))
      .default(['passkey', 'totp', 'sms', 'email']),
    'The second steps that people may choose, comma separated. What is left out proves nothing any more, for nobody.',
  ),
  email_sign_in: people(
    'KEYWRIGHT_EMAIL_SIGN_IN',
    flag.default(true),
    'Sign-in with a code or link that is mailed, beside passwords and passkeys.',
  ),
  limit_mail_address: limits(
    'KEYWRIGHT_LIMIT_MAIL_ADDRESS',
    whole(1, 1_000_000).default(10),
    'Requests per hour and address that make a letter: registration, a forgotten password, sign-in by mail. One mailbox gets five an hour in any case.',
  ),
  freshness_seconds: people(
    'KEYWRIGHT_FRESHNESS_SECONDS',
    whole(30, 900).default(300),
    'How old a proof may be when somebody changes a password, an address or a factor, takes their data or deletes their account.',
  ),
  trusted_device_days: people(
    'KEYWRIGHT_TRUSTED_DEVICE_DAYS',
    whole(0, 30).default(30),
    'How long a browser may be trusted to go without the second step; 0 does not offer it.',
  ),
  erasure_days: people(
    'KEYWRIGHT_ERASURE_DAYS',
    whole(0, 30).default(7),
    'Days in which the deletion of an account can still be called off; 0 deletes at once.',
  ),
  erasures_file: people(
    'KEYWRIGHT_ERASURES_FILE',
    z.string().min(1).optional(),
    'A file that keeps the ids of erased accounts outside of the database, so that a restored backup forgets them again; erasures.txt in the data folder, when there is one.',
  ),
  session_limit: sessions(
    'KEYWRIGHT_SESSION_LIMIT',
    z
      .string()
      .regex(/^(off|[1-9]\d{0,2}:(refuse|end_oldest))$/)
      .describe('off, or a number and what happens beyond it, such as 3:end_oldest or 3:refuse')
      .default('off'),
    'How many sessions one person may have at once, and whether one more is refused or ends the oldest.',
  ),
  session_signals: sessions(
    'KEYWRIGHT_SESSION_SIGNALS',
    list
      .transform((names) => (names.length === 1 && names[0] === 'off' ? [] : names))
      .pipe(z.array(z.enum(sessionSignals)))
      .describe('off, or out of device, browser, system, country, network, travel, comma separated')
      .default(['device', 'browser', 'system', 'travel']),
    'What ends a session and asks its person to sign in again; see sessions.md.',
  ),
  geoip_file: sessions(
    'KEYWRIGHT_GEOIP_FILE',
    z.string().min(1).optional(),
    'A City or Country database in MaxMind DB format (.mmdb) that tells where an address is; see sessions.md. Read again when it changes.',
  ),
}
