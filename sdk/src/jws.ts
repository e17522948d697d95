/** Owns the form of a signed token (RFC 7515 §7.1, RFC 9068 §4): three parts, a header that says what it is, an object inside. */
import { invalidToken, type KeywrightError } from './errors.ts'
import { bytesOf, objectOf } from './text.ts'

/** A token that was read, and of which nothing was believed yet. */
export type Jws = {
  token: string
  input: string
  kid: string
  alg: string
  payload: Record<string, unknown>
  signature: Uint8Array<ArrayBuffer>
}

const longest = 16_384
const form = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/** Reads an access token; a refusal is returned, not thrown. Keys and addresses in its header (`jwk`, `jku`, `x5u`) are never looked at. */
export const readJws = (token: string): Jws | KeywrightError => {
  if (token.length > longest || !form.test(token)) return invalidToken('The access token is malformed.', 'malformed')
  const [first = '', second = '', third = ''] = token.split('.')
  const header = objectOf(bytesOf(first))
  const payload = objectOf(bytesOf(second))
  if (header === undefined || payload === undefined) return invalidToken('The access token is malformed.', 'malformed')
  const { typ, alg, kid } = header
  // RFC 7515 §4.1.11: an extension that must be understood, and is not.
  if ('crit' in header) return invalidToken('The access token needs an extension.', 'critical_header')
  // RFC 9068 §4, RFC 8725 §3.11: an ID token or any other JWT is no access token.
  if (typeof typ !== 'string' || !/^(application\/)?at\+jwt$/i.test(typ))
    return invalidToken('The token is not an access token.', 'type')
  if (typeof alg !== 'string') return invalidToken('The access token is malformed.', 'algorithm')
  if (typeof kid !== 'string') return invalidToken('The key of the access token is not known.', 'unknown_key')
  return { token, input: `${first}.${second}`, kid, alg, payload, signature: bytesOf(third) }
}
