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
  /** Posts `session_id`: one of those shown, or `others`. */
  'account-sessions': AccountFrame & { sessions: readonly SessionView[]; end: string }
  /** Posts `client_id`. */
  'account-applications': AccountFrame & { consents: readonly ConsentView[]; withdraw: string }
}
