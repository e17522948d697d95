/**
 * Owns redirect URIs: what may be registered (security rule RG-2), and which request matches (AZ-1). Matching compares
 * raw strings: a URL parser would hide backslashes, tabs, dot segments and full-width characters from the comparison.
 */
import { type Denial, deny, shown } from './errors.ts'

/** A redirect target that was compared with the registered list. The only type a redirect reply accepts. */
export type RegisteredRedirect = string & { readonly brand: 'RegisteredRedirect' }

/**
 * Finds the registered URI that a request names (RFC 6749 §3.1.2.3, RFC 9700 §2.1: exact string comparison). Only a native
 * client's redirect may differ in its loopback port; `owner` is left out where nothing may differ (RP-Initiated Logout §3).
 */
export const matchRedirect = (
  asked: string,
  registered: readonly string[],
  owner?: string,
): RegisteredRedirect | undefined => {
  const match = registered.some((uri) => uri === asked || (owner === 'native' && sameButLoopbackPort(asked, uri)))
  return match ? (asked as RegisteredRedirect) : undefined
}

/** RFC 8252 §7.3: the port of a loopback redirect may be chosen by the native application when it starts. */
const sameButLoopbackPort = (asked: string, registered: string): boolean => {
  const known = loopback.exec(registered)
  const given = loopback.exec(asked)
  return known !== null && given !== null && known[1] === given[1] && known[3] === given[3] && validPort(given[2])
}

const loopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::(\d{1,5}))?(\/[\x21-\x7e]*)?$/

const validPort = (digits: string | undefined): boolean => {
  if (digits === undefined) return true
  return !digits.startsWith('0') && Number(digits) <= 65_535
}

/** Where a redirect leads, for people to read: the host, or the scheme of a private-use URI. */
export const redirectHost = (uri: string): string => {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (url === undefined) return uri
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.host : url.protocol.slice(0, -1)
}

/** Tells whether any program on the person's machine could receive this redirect (RFC 8252 §8.6): loopback or private-use scheme. */
export const isImpersonable = (uri: string): boolean => !uri.startsWith('https:')

/** What kind of client a URI is registered for; a native one may also have a loopback or private-use URI. */
export type UriOwner = 'web' | 'spa' | 'native' | 'machine' | 'device'

/**
 * Checks one URI before it is registered, redirect and post-logout alike (RG-2; RFC 6749 §3.1.2, RFC 8252 §7).
 * Outcome: undefined, or `invalid_redirect_uri` (RFC 7591 §3.2.2).
 */
export const checkRegistration = (uri: string, owner: UriOwner): Denial | undefined => {
  if (!/^[\x21-\x7e]{1,2000}$/.test(uri)) return refuse('printable ASCII, at most 2000 characters', uri)
  if (uri.includes('\\')) return refuse('no backslash', uri)
  if (uri.includes('#')) return refuse('no fragment (RFC 6749 §3.1.2)', uri)
  if (uri.includes('*')) return refuse('no wildcard', uri)
  // RFC 3986 §6.2.2.3: browsers take them away, so that the answer would go elsewhere than it reads.
  if (/^[^?]*\/(?:\.|%2e){1,2}(?:[/?]|$)/i.test(uri)) return refuse('no dot segments', uri)
  // These would end a source in a Content-Security-Policy and begin something else.
  if (/^[^?]*[;,']/.test(uri)) return refuse('no semicolon, comma or quote before the query', uri)
  if (!URL.canParse(uri)) return refuse('an absolute URI', uri)
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '' || /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(uri))
    return refuse('no user information', uri)
  if (url.protocol === 'https:') return undefined
  if (url.protocol === 'http:')
    return loopback.test(uri) ? undefined : refuse('https, or http on a loopback address', uri)
  // RFC 8252 §7.1: private-use schemes are reverse domain names, which also keeps javascript:, data:, file:, blob: out.
  if (owner === 'native' && /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(url.protocol)) return undefined
  return refuse(
    owner === 'native'
      ? 'https, loopback http, or a reverse domain name as scheme'
      : 'https, or http on a loopback address',
    uri,
  )
}

const refuse = (expected: string, got: string): Denial =>
  deny('invalid_redirect_uri', `A redirect URI is not acceptable: ${expected}.`, {
    rule: 'redirect URI may be registered (RFC 6749 §3.1.2, RFC 8252 §7, RG-2)',
    expected,
    got: shown(got),
    remedy: 'Register an https URI, exactly as the application will send it.',
  })

/** The origin of a web URI as it stands in an Origin header (RFC 6454 §7), or undefined. */
export const originOf = (uri: string): string | undefined => {
  if (!URL.canParse(uri)) return undefined
  const { origin, protocol } = new URL(uri)
  return protocol === 'https:' || protocol === 'http:' ? origin : undefined
}
