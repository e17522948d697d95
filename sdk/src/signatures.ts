/**
 * Owns the check of a signature, and a bounded memory of those that were good. Remembered is only that a key signed these
 * bytes: whether the key still counts, the token is in time and nobody revoked it is asked each time.
 */
import { invalidToken, type KeywrightError } from './errors.ts'
import { algorithms, type Key } from './key.ts'
import type { Keys } from './keys.ts'
import { type Jws, readJws } from './jws.ts'
import { frozen } from './text.ts'

export type Signed = { kid: string; payload: Record<string, unknown> }
/** Reads a token and checks who signed it. A refusal is returned; thrown is that nobody can say. */
export type CheckSignature = (token: string) => Promise<Signed | KeywrightError> | Signed | KeywrightError

type Known = Signed & { key: Key }

/** Makes the check. `most` tokens are remembered, none with 0. */
export const createSignatures = (keys: Keys, allowed: readonly string[], most: number): CheckSignature => {
  const good = new Map<string, Known>()
  const remember = (jws: Jws, key: Key): Signed => {
    const known = { kid: jws.kid, payload: frozen(jws.payload), key }
    if (most > 0) good.set(jws.token, known)
    if (good.size > most) good.delete(good.keys().next().value ?? '')
    return known
  }
  return (token) => {
    const known = good.get(token)
    // The very key: one that was published anew under the name of another has signed nothing yet.
    if (known !== undefined && keys.peek(known.kid) === known.key) return known
    const jws = readJws(token)
    if (jws instanceof Error) return jws
    if (!algorithms.some((alg) => alg === jws.alg && allowed.includes(alg)))
      return invalidToken('The algorithm of the access token is not allowed.', 'algorithm')
    const key = keys.peek(jws.kid)
    return key === undefined ? checkLater(jws, keys, remember) : check(jws, key, remember)
  }
}

type Remember = (jws: Jws, key: Key) => Signed

const checkLater = async (jws: Jws, keys: Keys, remember: Remember): Promise<Signed | KeywrightError> => {
  const key = await keys.find(jws.kid)
  return key === undefined
    ? invalidToken('The key of the access token is not known.', 'unknown_key')
    : await check(jws, key, remember)
}

const check = (jws: Jws, key: Key, remember: Remember): Promise<Signed | KeywrightError> | Signed | KeywrightError => {
  // RFC 8725 §3.1: the key says which algorithm it is for.
  if (key.alg !== jws.alg) return invalidToken('The algorithm of the access token is not allowed.', 'algorithm')
  const decide = (isGood: boolean): Signed | KeywrightError =>
    isGood ? remember(jws, key) : invalidToken('The signature of the access token is wrong.', 'signature')
  const result = key.check(jws)
  return typeof result === 'boolean' ? decide(result) : result.then(decide)
}
