/** Owns the shape of what the pages about second steps show; part of data.ts. */
import type { AccountFrame } from './account-data.ts'
import type { Message } from './messages.ts'
import type { QrView } from './qr.ts'

/** A form of ours: where it posts (urlencoded), and the token that proves that this server drew it. */
type Form = { action: string; csrf: string }

/** A way to take the second step. */
export type FactorView = 'passkey' | 'totp' | 'sms' | 'email' | 'backup_code' | 'password'

export type CodeError = 'wrong_code' | 'wrong_passkey' | 'expired_code' | 'too_many_attempts' | 'too_many_codes'

/** What a code by mail or text message needs to be typed: whether one is on its way, and where to, as far as it may be shown. */
type Sent = { sent: boolean; destination?: string }

/** Of a page within a sign-in: which one it is (posted as `sign_in`), the application it leads to, the way back (`cancel=1`). */
export type SignInFrame = Form & { sign_in?: string; client?: { client_name: string }; cancel?: boolean }

/** Within a sign-in, or on a person's own page; then `back` leads to the list. */
type SetUp = SignInFrame & { back?: string }

type Other = { kind: FactorView; href: string }

export type FactorPages = {
  /**
   * Posts `sign_in`, `kind`, `code`, and `trust_device` when the box is ticked; `send=1` from the button that has a code sent;
   * `cancel=1` from the one that leads back.
   */
  factor: SignInFrame &
    Sent & {
      kind: FactorView
      /** Why it is asked for: to confirm a sign-in, before a first second step may be set up, or because the address is new. */
      about: 'confirm' | 'prove_mail' | 'verify_email'
      /** The other ways, as links. */
      others: readonly Other[]
      /** For how long this browser may be trusted; 0 does not offer it. */
      trust_days: number
      /** The script asks the browser for a passkey, as `options` says, and posts its answer as `credential`. */
      passkey?: { options: string }
      error?: CodeError
    }
  /** Which second step to set up, within a sign-in that needs one. */
  'factor-choose': SignInFrame & { kinds: readonly Other[] }
  /** The script asks the browser for a new passkey, as `options` says, and posts its answer as `credential`. */
  'factor-passkey': SignInFrame & { options: string; error?: 'invalid_passkey' }
  /** Nothing can be proved here: somebody has to help. */
  'factor-stuck': SignInFrame
  /** Posts `password`: a new one, before the sign-in is complete. `account` names whose it is, for password managers. */
  'factor-password': SignInFrame & { account: string; password_min: number; error?: Message }
  /** Posts `id`, `name`, `code`. `secret` is shown in groups. */
  'factor-totp': SetUp & {
    id: string
    qr: QrView
    uri: string
    secret: readonly string[]
    name: string
    error?: 'wrong_code' | 'name'
  }
  /** Posts `phone` and `send=1`, then `code`. */
  'factor-code': SetUp &
    Sent & {
      channel: 'email' | 'sms'
      phone?: string
      /** The address was proved a moment ago: there is nothing to send, only to choose. */
      proved?: boolean
      /** Address of the same page with the field for another number. */
      change?: string
      error?: CodeError | 'invalid_phone'
    }
  /**
   * The codes that are shown once, so this page cannot be asked for again. `download` posts them as `codes` to get them as a file,
   * for whoever is signed in; `continue_href` goes on.
   */
  'backup-codes': { codes: readonly string[]; continue_href: string; download?: Form }
  /** Posts nothing but the wish for new ones. */
  'backup-codes-new': Form & { left?: number; created_at?: Date; back: string; is_first: boolean }
  /** Posts `kind` and `code`, or `send=1`; `proof` says what is asked for. */
  'factor-remove': Form &
    Sent & {
      factor: { kind: 'totp' | 'email' | 'sms'; name: string }
      proof: 'given' | 'factor' | 'mail' | 'none'
      kind?: FactorView
      others: readonly Other[]
      /** Where a passkey of this person proves it instead. */
      passkey?: string
      back: string
      error?: CodeError
    }
  /** Posts `id` and `name` to rename. */
  'account-factors': AccountFrame & {
    factors: readonly {
      kind: 'totp' | 'email' | 'sms'
      id: string
      name: string
      created_at: Date
      last_used_at?: Date
      remove: string
    }[]
    passkeys?: { count: number; href: string }
    backup_codes?: { left: number; created_at: Date }
    new_codes: string
    add: readonly { kind: 'totp' | 'email' | 'sms'; href: string }[]
    rename: string
  }
}
