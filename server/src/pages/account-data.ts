/**
 * Owns the shape of what the pages of a person's own show (see data.ts). Never holds wording or markup. Start reading at
 * `AccountPages`.
 */
import type { Message } from './messages.ts'

/** A person as a page shows them. */
export type AccountView = { name: string; email: string; username?: string }

/** The pages of a person's own, in the order of their navigation. */
export type AccountSection = 'overview' | 'profile' | 'security' | 'sessions' | 'applications' | 'data'

/** What all of them have: the way to the others, the token of their forms, and what was just done (`account.done.<done>`). */
export type AccountFrame = {
  nav: readonly { section: AccountSection; href: string; current: boolean }[]
  csrf: string
  done?: string
}

/** A session of the reader. `user_agent_label` is for people: the message of "Firefox on Linux". */
export type SessionView = {
  id: string
  current: boolean
  user_agent_label: Message
  ip: string
  /** Where that address is, when a file of places is configured: a city as the file names it, a country by its code. */
  place?: { city?: string; country_code: string }
  created_at: Date
  last_seen_at: Date
}

/** What an application was allowed to do, and where. `scopes` and `resources` (RFC 8707) as the wire names them. */
export type ConsentView = {
  client_id: string
  client_name: string
  scopes: readonly string[]
  resources: readonly string[]
  granted_at: Date
}

/** The fields of a profile: claims of OpenID Connect Core §5.1, the parts of the address each for itself. */
export type ProfileName =
  | 'name'
  | 'given_name'
  | 'family_name'
  | 'middle_name'
  | 'nickname'
  | 'profile'
  | 'picture'
  | 'website'
  | 'gender'
  | 'birthdate'
  | 'zoneinfo'
  | 'locale'
  | 'street_address'
  | 'locality'
  | 'region'
  | 'postal_code'
  | 'country'
/** A passkey of the reader. `discoverable` is false for one that cannot sign in by itself, null where nobody knows. */
export type PasskeyView = {
  id: string
  name: string
  created_at: Date
  last_used_at: Date | null
  synced: boolean
  discoverable: boolean | null
}

export type AccountPages = {
  /** Posts `scope` = here | everywhere to logout. */
  account: AccountFrame & {
    account: AccountView
    /** What needs the person's attention, with the page where they can mend it. */
    warnings: readonly { text: Message; href: string }[]
    /** How many there are. */
    sessions: number
    applications: number
    logout: string
  }
  /** Posts each of `values`. `zones` are the time zones there are (IANA). */
  'account-profile': AccountFrame & {
    action: string
    values: Readonly<Record<ProfileName, string>>
    errors?: Partial<Record<ProfileName | 'address', Message>>
    zones: readonly string[]
    /** Changed elsewhere; shown here. */
    phone?: { number: string; verified: boolean }
  }
  /** Posts `session_id`: one of those shown, or `others`. */
  'account-sessions': AccountFrame & { sessions: readonly SessionView[]; end: string }
  /** `days`: how long a deletion can be called off. */
  'account-data': AccountFrame & { delete_href: string; days: number }
  /** Posts `login`: what the person signs in with, typed once more. */
  'account-delete': AccountFrame & {
    action: string
    login: string
    days: number
    back: string
    typed?: string
    error?: 'another_login' | 'last_administrator'
  }
  /** `erase_after`: until then it can be called off; missing when it is gone already. */
  'account-left': { erase_after?: Date }
  /** Somebody may keep an account that is about to be deleted: in a sign-in (posts `sign_in`) or by a link (posts `token`). */
  'keep-account': {
    action: string
    csrf: string
    erase_after: Date
    sign_in?: string
    token?: string
    cancel?: boolean
    client?: { client_name: string }
  }
  'account-kept': { sign_in: string }
  /** Posts `client_id`. */
  'account-applications': AccountFrame & { consents: readonly ConsentView[]; withdraw: string }
  /**
   * The script asks the browser for a new passkey, as `add.options` says, and posts its answer to `add.action` as `credential`.
   * Posts `id` and `name` to rename, `id` to remove. `again` is where a fresh proof is given.
   */
  'account-passkeys': AccountFrame & {
    passkeys: readonly PasskeyView[]
    add?: { action: string; options: string }
    rename: string
    remove: string
    again: string
    error?:
      | 'invalid_passkey'
      | 'known_passkey'
      | 'too_many_passkeys'
      | 'invalid_name'
      | 'not_found'
      | 'last_way_in'
      | 'other_factor_needed'
  }
}
