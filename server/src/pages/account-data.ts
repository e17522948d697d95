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

/** Where an address is, as far as that is known. */
export type PlaceView = { ip: string; city?: string; country_code?: string }

/** A session of the reader. `user_agent_label` is for people: the message of "Firefox on Linux". */
export type SessionView = {
  id: string
  current: boolean
  /** An administrator acts as the reader in it. */
  acted: boolean
  user_agent_label: Message
  where: PlaceView
  created_at: Date
  last_seen_at: Date
}

/** A browser in which the reader has signed in. */
export type DeviceView = {
  id: string
  current: boolean
  user_agent_label: Message
  where: PlaceView
  first_seen_at: Date
  last_seen_at: Date
  /** Until then it goes without the second step. */
  trusted_until?: Date
}

/** Something that happened to the account of the reader. */
export type EventView = { text: Message; at: Date; failed: boolean; where?: PlaceView; browser?: Message }

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

/** An API key as its owner sees it: never what makes it work. */
export type KeyView = {
  id: string
  name: string
  masked: string
  rights: readonly string[]
  state: 'active' | 'inactive' | 'expired'
  expires_at: Date
  last_used_at: Date | null
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
  /** Posts `session_id` to end: one of those shown, or `others`; `device_id` to forget. */
  'account-sessions': AccountFrame & {
    sessions: readonly SessionView[]
    devices: readonly DeviceView[]
    end: string
    forget: string
  }
  'account-security': AccountFrame & {
    password: { href: string; changed_at?: Date }
    email: { href: string; address?: string; verified: boolean }
    passkeys?: { href: string; count: number }
    factors: { href: string; count: number; codes_left?: number }
    keys: { href: string; count: number }
    events: readonly EventView[]
    all_events: string
  }
  'account-activity': AccountFrame & { events: readonly EventView[]; older?: string; back: string }
  /** Posts `current` where it is asked for, and `password`. `prove` leads to another proof than the password. */
  'account-password': AccountFrame & {
    action: string
    back: string
    prove: string
    login: string
    has_one: boolean
    needs_current: boolean
    password_min: number
    errors?: { current?: Message; password?: Message }
    retry_after_seconds?: number
  }
  /** Posts `email`. */
  'account-email': AccountFrame & {
    action: string
    back: string
    email?: string
    verified: boolean
    typed?: string
    error?: 'invalid_email' | 'same_email' | 'too_many_requests'
    retry_after_seconds?: number
  }
  /** Posts `id` and `code`. */
  'account-email-code': AccountFrame & {
    action: string
    again: string
    id: string
    email?: string
    error?: 'wrong_code' | 'expired_code' | 'already_exists'
  }
  /** `days`: how long a deletion can be called off. */
  'account-data': AccountFrame & {
    delete_href: string
    days: number
    /** Posts nothing, to ask for a copy; posts `id` to download. */
    request: string
    download: string
    copy?: {
      id: string
      state: 'pending' | 'ready' | 'downloaded' | 'expired'
      requested_at: Date
      expires_at: Date
    }
    /** It was asked for too soon after the last one. */
    wait_seconds?: number
  }
  /** Posts `token`. */
  'account-download': AccountFrame & { download: string; token: string }
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
   * Posts `name`, `days` and any of `permission` to make one, `id` and `to` to switch one, `id` to remove one. `made` is shown
   * in the answer that made it, and never again.
   */
  'account-keys': AccountFrame & {
    keys: readonly KeyView[]
    permissions: readonly string[]
    days: readonly number[]
    make: string
    change: string
    remove: string
    back: string
    made?: { name: string; key: string }
    error?: 'invalid_request' | 'beyond_ceiling' | 'too_many_keys' | 'not_found'
  }
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
