/**
 * Owns what makes a foreign value harmless in a page: escaping, and which addresses may become a link or a form target.
 * Never decides wording or look. Start reading at `escapeHtml`.
 */

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
// Control, format and space characters: browsers skip some of them when they read a scheme (WHATWG URL, "basic URL
// parser", steps 1 and 3), and others turn the shown text around.
const hidden = /[\p{Cc}\p{Cf}\p{Z}]/u
const webAddress = /^https?:\/\/[^/\\]/i
const ownPath = /^\/(?![/\\])/
const privateScheme = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:/i

/** Escapes a value for HTML text and for quoted attributes. The one escape function of every page. */
export const escapeHtml = (value: unknown): string =>
  String(value).replace(/[&<>"']/g, (sign) => entities[sign] ?? sign)

/** Whether a link may lead there: an http(s) address or a path on this server, without a hidden character. */
export const isLink = (address: string | undefined): address is string =>
  address !== undefined && !hidden.test(address) && leadsToWeb(address)

/**
 * Whether a registered answer address may be a link or a form target: as `isLink`, and an application's own scheme in
 * reverse-DNS form (RFC 8252 §7.1). Registration checks this too; here a scheme that runs script never reaches a page.
 */
export const isReturnAddress = (address: string | undefined): address is string =>
  address !== undefined && !hidden.test(address) && (leadsToWeb(address) || privateScheme.test(address))

/** The first letter or digit of a name, in capitals, for the small round sign that stands where a logo would. */
export const monogram = (name: string): string => {
  const first = name.match(/\p{L}\p{M}*|\p{N}/u)?.[0]
  return first === undefined ? '·' : first.toLocaleUpperCase('en')
}

const leadsToWeb = (address: string) => webAddress.test(address) || ownPath.test(address)
