/**
 * Owns who a caller can be. How each is recognised is said by the slice that knows (see `authenticators` in app.ts).
 */
import type { ClientsRow } from '../db/tables.gen.ts'
import type { Ctx } from '../ctx.ts'
import type { AccessTokenClaims } from '../protocol/access-token.ts'
import type { Subject } from '../protocol/claims.ts'
import type { Denial } from '../protocol/errors.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'
import type { LiveSession } from '../protocol/session.ts'
import type { HttpRequest } from './request.ts'

/** A client and how it proved who it is. */
export type ClientPrincipal = { client: ClientsRow; method: 'client_secret_basic' | 'client_secret_post' | 'none' }

/** A browser: always recognised by its cookie, signed in or not. */
export type BrowserPrincipal = {
  /** The browser cookie's value; a new one was made when there was none. */
  browser: string
  isNew: boolean
  /** The device cookie's value, known to anybody or not (devices/remember.ts). */
  device: string | undefined
  session: LiveSession | undefined
  /** SHA-256 of the session cookie's value, when there is a session: proves later that the cookie is still the current one. */
  token_hash: TokenHash | undefined
  subject: Subject | undefined
  /** Why this request gets no further, though its page still tells who it is. */
  refused?: Denial
}

/** The holder of an access token that was checked for signature, time, revocation and the account behind it. */
export type BearerPrincipal = {
  token: AccessTokenClaims
  subject: Subject | undefined
  /** The API key that the token was made of; then `subject` has no more than the key holds. */
  api_key?: { id: string; service: boolean } | undefined
}

/**
 * A person at the JSON API: by the session of their browser, or by an access token that an application holds for them. What
 * was proved, and when, is that of the sign-in behind it.
 */
export type PersonPrincipal = {
  subject: Subject
  auth_time: Date
  acr: string
  amr: string[]
  sid: string | undefined
  /** A trusted device stood in for the second step of that sign-in: no fresh proof (security rule MF-4). */
  device_trusted: boolean
  /** Somebody else acts as this person, in the browser or through an application (security rule AD-4). */
  acted: boolean
  /** Present when the browser itself calls; then CSRF was checked. */
  browser?: BrowserPrincipal & { session: LiveSession }
  /** Present when an application calls. */
  client_id?: string
  /** The scope of its token. */
  scope?: string | undefined
  /** What the caller showed. */
  proof: Proof
  /** Present when it is an API key: then `subject` has no more than the key holds. */
  api_key?: { id: string }
  /** The caller is a service account: what it shows is its own fresh proof. */
  service: boolean
  /** Whether the permission of the route is held. Where it is not, the object has to be the caller's own. */
  holds: boolean
}

/** A session cookie, an access token, or an API key. */
export type Proof = 'session' | 'token' | 'api_key'

/** Who may follow the revocation feed: a client, a person or an API key, by a name that is theirs alone. */
export type ListenerPrincipal = { listener: string }

/** What a handler is given for each `auth`. */
export type Principals = {
  none: null
  /** A client that authenticated, or a public client that named itself. */
  client: ClientPrincipal
  /** An access token in the Authorization header, or in the form where RFC 6750 §2.2 allows it. */
  bearer: BearerPrincipal
  browser: BrowserPrincipal
  person: PersonPrincipal
  listener: ListenerPrincipal
}

/**
 * What a route demands of a person who calls it: `self` for one's own data, else a permission (`resource:action`). `path` is
 * the route's own: that of a request may be spelt in other ways.
 */
export type Demands = {
  path: string
  may?: May | undefined
  orOwner?: boolean
  keys?: boolean
  proofs?: readonly Proof[]
}
export type May = 'self' | `${string}:${string}`

export type Authenticators = {
  [A in Exclude<keyof Principals, 'none'>]: (
    ctx: Ctx,
    request: HttpRequest,
    route: Demands,
  ) => Promise<Principals[A] | Denial>
}
