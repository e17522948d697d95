/**
 * Owns the reading of query strings and form bodies (RFC 6749 §3.1, §3.2 and appendix B), strictly: what cannot be
 * decoded is refused instead of repaired, so that no two readers can see two different requests.
 */
import { type Denial, deny, shown } from './errors.ts'

/** Parameters in the order they came; a name maps to every value it was given. Empty values are left out (§3.1). */
export type Params = ReadonlyMap<string, readonly string[]>

/**
 * Reads `application/x-www-form-urlencoded` text. Parameters without a value count as not sent (RFC 6749 §3.1).
 * Refuses with `invalid_request`: broken percent-encoding, invalid UTF-8, NUL, more than 100 parameters.
 */
export const parseParams = (text: string): Params | Denial => {
  const params = new Map<string, string[]>()
  if (text === '') return params
  const pairs = text.split('&')
  if (pairs.length > 100) return unreadable('at most 100 parameters', String(pairs.length))
  for (const pair of pairs) {
    const cut = pair.indexOf('=')
    const name = decode(cut === -1 ? pair : pair.slice(0, cut))
    const value = cut === -1 ? '' : decode(pair.slice(cut + 1))
    if (name === undefined || value === undefined)
      return unreadable('UTF-8 in percent-encoding, without NUL', `something else in parameter ${params.size + 1}`)
    if (name === '' || value === '') continue
    const known = params.get(name)
    if (known) known.push(value)
    else params.set(name, [value])
  }
  return params
}

const decode = (text: string): string | undefined => {
  if (!/[%+\0]/.test(text)) return text
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    return decoded.includes('\0') ? undefined : decoded
  } catch {
    return undefined
  }
}

const unreadable = (expected: string, got: string): Denial =>
  deny('invalid_request', 'The request could not be read.', {
    rule: 'parameters can be decoded (RFC 6749 appendix B)',
    expected,
    got: shown(got),
    remedy: 'Encode each name and value as application/x-www-form-urlencoded.',
  })

/** The parameters as text again, in their order: what `parseParams` read it reads the same. */
export const formatParams = (params: Params): string =>
  [...params]
    .flatMap(([name, values]) => values.map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`))
    .join('&')

/** The value of a parameter, or undefined. Of a repeated one the first; `repeated` refuses those. */
export const param = (params: Params, name: string): string | undefined => params.get(name)?.[0]

/** Every value of a parameter that may be repeated (RFC 8707 §2: `resource`). */
export const paramAll = (params: Params, name: string): readonly string[] => params.get(name) ?? []

/** Refuses a request in which a parameter comes twice (RFC 6749 §3.1, §3.2), those named apart. */
export const repeated = (params: Params, mayRepeat: readonly string[] = ['resource']): Denial | undefined => {
  for (const [name, values] of params) {
    if (values.length > 1 && !mayRepeat.includes(name)) {
      return deny('invalid_request', `The parameter ${printable(name)} is repeated.`, {
        rule: 'parameters are not repeated (RFC 6749 §3.1)',
        expected: `${printable(name)} once`,
        got: `${values.length} times`,
        remedy: 'Send each parameter once.',
      })
    }
  }
  return undefined
}

/** A name from outside, safe in an error_description (RFC 6749 §5.2 character set). */
const printable = (name: string): string => (/^[\w.-]{1,60}$/.test(name) ? name : 'with an unusual name')
