/**
 * Owns the shape of what each hosted page shows: the contract between the slices and the templates.
 * Never holds wording (messages/*.json) or markup (templates/*.eta). Start reading at `PageData`.
 */
import type { AccountPages, AccountView } from './account-data.ts'
import type { EntryPages } from './entry-data.ts'
import type { FactorPages } from './factor-data.ts'
import type { Message, MessageKey } from './messages.ts'
import type { ReferencePages } from './reference-data.ts'

export type { CodeError, FactorView } from './factor-data.ts'
export type { AccountFrame, AccountSection, AccountView, ConsentView, SessionView } from './account-data.ts'

/** One permission asked for: `name` is the scope of the wire; what people read of it is in the catalogue. */
export type ScopeView = { name: string; is_new: boolean }

/** One service at which the permissions are to hold: a resource as the wire names it (RFC 8707 §2). */
export type ResourceView = { resource: string; is_new: boolean }

/** A form of ours: where it posts (urlencoded), and the token that proves that this server drew it. */
type Form = { action: string; csrf: string }

export type LoginError =
  | 'wrong_credentials'
  | 'missing_login'
  | 'wrong_passkey'
  | 'too_many_attempts'
  | 'expired_restarted'
  | 'temporarily_unavailable'
  | 'session_limit_reached'
  | 'signed_out_for_safety'

/** A form that the script fills in: what `options` (JSON) asks the browser for is posted to `action`. */
type PasskeyForm = { action: string; options: string }

/** The pages of one's own account, those of second steps, and those on the way to an account. */
type Parts = AccountPages & FactorPages & EntryPages & ReferencePages

/** What each page needs. Every address is checked again before it becomes a link or a form target (safe.ts). */
export type PageData = Parts & {
  /** Posts `login`, `password`, and `cancel=1` from the button back to the application. */
  login: Form & {
    interaction?: string
    client?: { client_name: string; logo_uri?: string }
    /** Prefills the login field. */
    login_hint?: string
    error?: LoginError
    retry_after_seconds?: number
    /** A fresh proof from a known person: `account` is shown and the login field is fixed. */
    reauthenticate?: boolean
    account?: AccountView
    cancel?: boolean
    /** Goes on to this page of ours; posted as `return_to`. */
    return_to?: string
    /** Address of "Use another account". */
    select_account?: string
    /** The way back, for whoever proves it afresh for a page of ours. */
    back?: string
    /** Addresses of the other ways in; the first is where the same form asks for a code by mail. */
    email_code?: string
    recover?: string
    register?: string
    /** The script asks the browser for a passkey, as `options` says, and posts its answer to `action` as `credential`. */
    passkey?: PasskeyForm & { again: boolean }
  }
  /** Posts `decision` = allow | deny | switch. */
  consent: Form & {
    interaction: string
    client: {
      client_name: string
      logo_uri?: string
      client_uri?: string
      policy_uri?: string
      tos_uri?: string
      /** The answer goes to a program on the person's own machine, and any program there may claim to be this one. */
      on_this_device: boolean
    }
    redirect_host: string
    account: AccountView
    scopes: readonly ScopeView[]
    resources: readonly ResourceView[]
  }
  /** Posts `session_id`: one of those shown, or `other`; and `cancel=1` from the button back to the application. */
  'select-account': Form & {
    interaction: string
    client?: { client_name: string }
    accounts: readonly { session_id: string; name: string; email: string }[]
  }
  /** Posts `scope` = here | everywhere | cancel, and `fields` as they are. */
  logout: Form & { client?: { client_name: string }; account?: AccountView; fields: Readonly<Record<string, string>> }
  'logged-out': { client?: { client_name: string }; continue_uri?: string; everywhere: boolean }
  /** `error` is any code; its title is `title_key`, else the message `error.title.<error>`, else one for the status. */
  error: {
    status: number
    error: string
    title_key?: MessageKey
    /** The public sentence of the refusal, shown as it is. */
    error_description?: string
    error_id?: string
    request_id: string
    what_to_do: MessageKey
    back?: { href: string; label: Message }
    /** Address of the sign-in page, when signing in is what is left to do. */
    sign_in?: string
  }
  /** Posts `token`, `email`, `name`, `username` (may be empty), `password`. */
  setup: Form & {
    token: string
    password_min: number
    errors?: { email?: Message; username?: Message; password?: Message; name?: Message; form?: Message }
    values: { email?: string; name?: string; username?: string }
  }
  'setup-done': { account: AccountView; login_href: string; issuer: string }
  home: {
    issuer: string
    name: string
    version: string
    signed_in?: AccountView
    setup_needed: boolean
    links: readonly { href: string; label: Message }[]
  }
  /** Development only. `opened` is the message that was chosen; without html it is a text message. */
  'dev-mail': {
    messages: readonly {
      href: string
      current: boolean
      channel: 'email' | 'sms'
      to: string
      subject: string
      at: Date
    }[]
    opened?: {
      to: string
      subject: string
      at: Date
      text: string
      html_href?: string
      code?: string
      link?: string
    }
    /** Address of this page without a choice, for the newest state. */
    reload: string
    /** Mails, text messages, or both go out for real instead. */
    elsewhere: { mail: boolean; sms: boolean }
  }
  /** The answer of OAuth 2.0 Form Post Response Mode: `action` is a registered redirect URI, `fields` the parameters. */
  'form-post': { action: string; fields: Readonly<Record<string, string>> }
}

export type PageName = keyof PageData
