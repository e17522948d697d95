/**
 * Owns the shape of what the pages on the way to an account show (see data.ts): registration, codes and links of letters, a
 * new password. Never holds wording or markup. Start reading at `EntryPages`.
 */
import type { Message } from './messages.ts'

type Form = { action: string; csrf: string }

/** What a letter is for; its page has the wording of the purpose. */
export type MailKind = 'verify_email' | 'reset_password' | 'sign_in'

export type EntryPages = {
  /**
   * Posts `email`, `name`, `username`, `password`, and `interaction` or `token`. With `fixed_email` the address is proved
   * already and shown only; without `password_min` no password is asked for, because one was chosen before.
   */
  register: Form & {
    kind: 'register' | 'verify_email' | 'invite'
    interaction?: string
    token?: string
    client?: { client_name: string }
    fixed_email?: string
    password_min?: number
    values: { email?: string; name?: string; username?: string }
    errors?: { email?: Message; name?: Message; username?: Message; password?: Message }
    /** For those who have an account. */
    sign_in?: string
  }
  /** Posts `id` and `code`; its other form posts `id` to `resend`. The same whether a letter was sent or not. */
  'mail-code': Form & {
    kind: MailKind
    id: string
    resend: string
    /** The address as it was typed, where that was an address. */
    email?: string
    sent_again?: boolean
    error?: 'wrong_code' | 'expired_code' | 'too_many_attempts' | 'too_many_letters'
    retry_after_seconds?: number
    back: string
  }
  /** A link of a letter was opened: nothing happens before its button is pressed. Posts `token`. */
  'mail-link': Form & { kind: 'verify_email' | 'sign_in' | 'not_me' | 'undo_email'; token: string; email: string }
  /** Posts `login` (an address or a user name) and `interaction`. */
  recover: Form & { interaction?: string; login_hint?: string; back: string }
  /** Posts `token` and `password`. */
  'new-password': Form & {
    kind: 'reset' | 'not_me' | 'undo_email'
    token: string
    email: string
    password_min: number
    error?: Message
  }
  /** What came of it, with the way to the sign-in page. */
  'entry-done': { kind: 'password_set' | 'not_me' | 'undo_email' | 'have_account'; sign_in: string }
}
