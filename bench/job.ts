/**
 * Owns what the bench and its load process say to each other: one job in, one outcome back. Plain data, nothing runs here.
 */

/** A request with places `{0}`, `{1}` … in path, headers and body that each request fills from its own values. */
export type Template = { method: 'GET' | 'POST'; path: string; headers: Record<string, string>; body?: string }

/** What an answer must look like; anything else is counted as an error. */
export type Check =
  | { kind: 'document'; member: 'issuer' | 'keys' }
  | { kind: 'tokens'; alg: 'RS256' | 'ES256' | 'opaque'; id_token: boolean; refresh_token: boolean }
  | { kind: 'redirect'; to: string }
  | { kind: 'active'; client_id: string }
  | { kind: 'inactive' }
  | { kind: 'person' }
  | { kind: 'empty' }

/**
 * Load to make: `connections` sockets, each with one request in flight, until `seconds` have passed, `limit` requests
 * were sent, or the values are used up. `cycle` sends the values round and round, `once` each a single time, `chain`
 * starts each connection with its own value and goes on with what the last answer gave (`collect`).
 */
export type Job = {
  port: number
  connections: number
  seconds: number
  limit: number
  template: Template
  values: string[][]
  use: 'cycle' | 'once' | 'chain'
  check: Check
  /** What to take out of each answer, for the jobs that follow. */
  collect?: 'code' | 'access_token' | 'refresh_token'
  /** Follow redirects with the cookies that are set, until one leads here; all of it counts as one request. */
  followTo?: string
}

/** What happened. `seconds` is the time from the first request to the last answer; latencies are milliseconds. */
export type Outcome = {
  count: number
  seconds: number
  p50Ms: number
  p99Ms: number
  errors: number
  firstError: string
  collected: string[]
}
