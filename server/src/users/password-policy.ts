/**
 * Owns which new passwords are accepted (security rule LI-2; NIST SP 800-63B-4 §3.1.1.2): length, a blocklist, nothing
 * that is merely the account's own name. No composition rules. Pure.
 */

export type PasswordProblem = { code: 'too_short' | 'too_long' | 'too_common' | 'too_close'; minimum?: number }

export type PasswordFacts = {
  minimum: number
  /** Words of the account and the deployment: names, addresses, the application. */
  context: readonly string[]
  /** Whether a text in lower case is on the blocklist. */
  isCommon: (text: string) => boolean
}

const longest = 256
const longestBytes = 1024

/** The shortest password that the settings accept. NIST SP 800-63B-4 §3.1.1.2: 15 where the password is the only factor. */
export const minimumLength = (config: { password_profile: 'default' | 'nist'; password_min_length: number }): number =>
  Math.max(config.password_min_length, config.password_profile === 'nist' ? 15 : 8)

/** Length counts code points after NFKC, the form that is hashed. */
export const checkPassword = (password: string, facts: PasswordFacts): PasswordProblem | undefined => {
  // Normalising makes some texts longer, up to eighteen times: what is far too long is not even looked at.
  if (Buffer.byteLength(password) > 4 * longestBytes) return { code: 'too_long' }
  const normal = password.normalize('NFKC')
  const length = Array.from(normal).length
  if (length < facts.minimum) return { code: 'too_short', minimum: facts.minimum }
  if (length > longest || Buffer.byteLength(normal) > longestBytes) return { code: 'too_long' }
  const lower = normal.toLowerCase()
  if (isClose(lower, facts.context)) return { code: 'too_close' }
  return isEasy(lower, facts.isCommon) ? { code: 'too_common' } : undefined
}

/** Whatever an attacker's rules make of the lists: the entry itself, one with a few digits or signs around it, one twice, a run. */
const isEasy = (lower: string, isCommon: PasswordFacts['isCommon']): boolean => {
  const unit = /^(.+?)\1+$/su.exec(lower)?.[1] ?? lower
  const core = lower.replace(/^\P{L}+|\P{L}+$/gu, '')
  const around = lower.length - core.length
  return (
    isCommon(lower) ||
    (unit !== lower && (unit.length <= 4 || isCommon(unit))) ||
    (core.length >= 4 && around > 0 && around <= 6 && isCommon(core)) ||
    isRun(lower)
  )
}

/** 12345678910, abcdefghijk: one step from each character to the next. */
const isRun = (text: string): boolean => {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  const steps = new Set(codes.slice(1).map((code, index) => code - (codes[index] ?? 0)))
  return steps.size === 1 && [1, -1].includes([...steps][0] ?? 0)
}

/** Nothing but the account's own words, written forwards or backwards, with digits, signs and up to three letters more. */
const isClose = (lower: string, context: readonly string[]): boolean => {
  const words = new Set(context.map(squeeze).filter((word) => word.length >= 4))
  const both = [...words].flatMap((word) => [word, backwards(word)]).toSorted((a, b) => b.length - a.length)
  const text = squeeze(lower)
  const rest = both.reduce((left, word) => left.replaceAll(word, ' '), text)
  return rest !== text && rest.replaceAll(/\P{L}/gu, '').length <= 3
}

/** Letters and digits alone, in lower case: `Ada Lovelace` and `ada.lovelace` are one. */
const squeeze = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')

const backwards = (text: string): string => Array.from(text).toReversed().join('')

/** Passwords longer than this are refused before they are hashed or looked up (security rule RL-2). */
export const tooLongToTry = (password: string): boolean => Buffer.byteLength(password) > 4096
