/** Owns the form of telephone numbers (ITU-T E.164): one canonical text for each, as text messages and claims use it. Pure. */

/**
 * A number as people write it, in canonical form: +491512345678. Undefined without the code of a country, or when it is none:
 * which country is meant is never guessed, a code could go to a stranger.
 */
export const canonicalPhone = (input: string): string | undefined => {
  if (input.length > longest) return undefined
  const text = input
    .normalize('NFKC')
    .replaceAll('(0)', '')
    .replaceAll(/[\s().\-/\u2010-\u2015\u200e\u200f\u202a-\u202e]/g, '')
  return /^(?:\+|00)([1-9]\d{6,14})$/.exec(text)?.[1]?.replace(/^/, '+')
}

const longest = 60

/** A number that its owner recognises and nobody else learns: its last three digits. */
export const maskedPhone = (phone: string): string => `•••• ${phone.slice(-3)}`

/** An address that its owner recognises and nobody else learns: a•••@e•••.com. */
export const maskedEmail = (email: string): string => {
  const at = email.lastIndexOf('@')
  const domain = email.slice(at + 1)
  const end = domain.lastIndexOf('.')
  const [first = ''] = email.slice(0, at)
  const [start = ''] = domain
  return `${first}•••@${start}•••${end === -1 ? '' : domain.slice(end)}`
}
