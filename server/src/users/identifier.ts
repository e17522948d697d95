/**
 * Owns what an email address and a user name may be (security rule EM-1), and their canonical form: the one that is
 * unique, looked up, and counted by the throttle. Pure.
 */
import { domainToASCII } from 'node:url'

/** Beyond this nothing is an identifier, and normalising it would cost time that grows with the square of its length. */
const longest = 320

/** One plain addr-spec, lower case, domain as A-label; undefined for everything else. */
export const canonicalEmail = (input: string): string | undefined => {
  if (input.length > longest) return undefined
  const text = input.normalize('NFKC')
  if (countAt(input) !== 1 || countAt(text) !== 1) return undefined
  const [local = '', domain = ''] = text.split('@')
  // domainToASCII reads as a URL parser does: it would cut off a path or port, undo %41, and turn 127.1 into an address.
  const ascii = plainDomain.test(domain) ? domainToASCII(domain.toLowerCase()) : ''
  const name = local.toLowerCase()
  const canonical = `${name}@${ascii}`
  // The lower case is judged: that of İ has a mark which no address may have, so it would not be its own canonical form.
  const wellFormed = localForm.test(name) && !name.includes('..') && domainForm.test(ascii) && canonical.length <= 254
  return wellFormed ? canonical : undefined
}

/**
 * An address as it is shown and told in tokens: as it was typed, in the form in which it was proved. Other systems may take
 * `ſam` for somebody else than `sam`, whose mailbox it is (EM-1).
 */
export const shownEmail = (input: string): string => input.normalize('NFKC')

const countAt = (text: string): number => text.split('@').length - 1
const localForm = /^(?!\.)[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]{1,64}(?<!\.)$/u
const plainDomain = /^[\p{L}\p{M}\p{N}.-]+$/u
const domainForm =
  /^(?=.{1,253}$)(?!(?:.*\.)?\d+$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/** A user name: letters, digits and . _ - without @, so that no name can be mistaken for an address. Lower case. */
export const canonicalUsername = (input: string): string | undefined => {
  if (input.length > longest) return undefined
  const name = input.normalize('NFKC').toLowerCase()
  return /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u.test(name) ? name : undefined
}

/** The beginning of a login that no account has: with its space it is neither an address nor a user name. */
const noAccount = '? '

/** Whether a canonical login is one that no account has. */
export const isNobody = (login: string): boolean => login.startsWith(noAccount)

/** What somebody typed into the sign-in field, in the form in which accounts are found. */
export const canonicalLogin = (input: string): string => {
  const text = input.slice(0, longest).trim()
  const canonical = text.includes('@') ? canonicalEmail(text) : canonicalUsername(text)
  // What cannot be an account is still counted, under a form that no account has.
  return canonical ?? `${noAccount}${text.normalize('NFKC').toLowerCase().slice(0, 320)}`
}
