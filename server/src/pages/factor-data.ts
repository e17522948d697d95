/** Owns the shape of what the pages about second steps show; part of data.ts. */

/** A form of ours: where it posts (urlencoded), and the token that proves that this server drew it. */
type Form = { action: string; csrf: string }

/** A way to take the second step. */
export type FactorView = 'passkey' | 'totp' | 'sms' | 'email' | 'backup_code' | 'password'

export type CodeError = 'wrong_code' | 'expired_code' | 'too_many_attempts' | 'too_many_codes'

/** What a code by mail or text message needs to be typed: whether one is on its way, and where to, as far as it may be shown. */
type Sent = { sent: boolean; destination?: string }

/** The application that somebody comes from, and the way back to it without an answer. */
type From = { client?: { client_name: string }; cancel: boolean }

export type FactorPages = {
  /**
   * Posts `sign_in`, `kind`, `code`, and `trust_device` when the box is ticked; `send=1` from the button that has a code sent;
   * `cancel=1` from the one that leads back.
   */
  factor: Form &
    Sent &
    From & {
      sign_in: string
      kind: FactorView
      /** Why it is asked for: to confirm a sign-in, before a first second step may be set up, or because the address is new. */
      about: 'confirm' | 'prove_mail' | 'verify_email'
      /** The other ways, as links. */
      others: readonly { kind: FactorView; href: string }[]
      /** For how long this browser may be trusted; 0 does not offer it. */
      trust_days: number
      error?: CodeError
    }
}
