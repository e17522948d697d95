/**
 * Owns the shape of a refusal. A refusal is a value, not an exception: a refused request may still have to commit
 * something. Exceptions are left to bugs and broken infrastructure and never become an OAuth error.
 */

/** The private half of a refusal: which check spoke, what it wanted, what came, and how to mend it. */
export type Because = {
  /** The check, with the section that demands it. */
  rule: string
  expected?: string
  got?: string
  remedy?: string
}

/** A refusal: a public code and sentence for the caller, a private reason for the operator (`keywright explain`). */
export type Denial = {
  denied: true
  /** A code from the specification that the answer follows. */
  error: string
  /** One English sentence in the ASCII subset that RFC 6749 §5.2 allows. Says nothing an attacker could use. */
  error_description: string
  because: Because
  /** HTTP status when it is not the default of the code (see `statusOf`). */
  status?: number
  /** Value of WWW-Authenticate, where the specification wants one. */
  www_authenticate?: string
  retry_after_seconds?: number
  /** Further members of a problem document (RFC 9457 §3.2). */
  members?: Record<string, string | number | Readonly<Record<string, string>>>
}

type Extra = Pick<Denial, 'status' | 'www_authenticate' | 'retry_after_seconds' | 'members'>

/** Builds a refusal. */
export const deny = (error: string, error_description: string, because: Because, extra: Extra = {}): Denial => ({
  denied: true,
  error,
  error_description,
  because,
  ...extra,
})

/** Tells a refusal from a result. */
export const isDenial = (value: unknown): value is Denial =>
  typeof value === 'object' && value !== null && 'denied' in value && value.denied === true

const statuses: Record<string, number> = {
  invalid_client: 401,
  invalid_token: 401,
  login_required: 401,
  insufficient_scope: 403,
  access_denied: 403,
  not_found: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  uri_too_long: 414,
  unsupported_media_type: 415,
  misdirected_request: 421,
  too_many_requests: 429,
  server_error: 500,
  temporarily_unavailable: 503,
}

/** HTTP status of a refusal (RFC 6749 §5.2: 400 unless stated otherwise; RFC 6750 §3.1; RFC 9110 §15). */
export const statusOf = (denial: Denial): number => denial.status ?? statuses[denial.error] ?? 400

/** Cuts a value that came from outside to what fits into a decision record. */
export const shown = (value: string | undefined): string => {
  if (value === undefined) return 'nothing'
  return value.length > 200 ? `${value.slice(0, 200)}… (${value.length} characters)` : value
}
