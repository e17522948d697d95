/**
 * Owns which new passwords are accepted (security rule LI-2; NIST SP 800-63B §3.1.1.2): length, a blocklist, nothing
 * that is merely the account's own name. No composition rules. Pure.
 */

export type PasswordProblem = { code: 'too_short' | 'too_long' | 'too_common' | 'too_close'; minimum?: number }

export type PasswordFacts = { minimum: number; context: readonly string[]; common: ReadonlySet<string> }

/** Length counts code points after NFKC, the form that is hashed. `context` are words of the account and the deployment. */
export const checkPassword = (password: string, facts: PasswordFacts): PasswordProblem | undefined => {
  const normal = password.normalize('NFKC')
  const length = Array.from(normal).length
  if (length < facts.minimum) return { code: 'too_short', minimum: facts.minimum }
  if (length > 256 || Buffer.byteLength(normal) > 1024) return { code: 'too_long' }
  const lower = normal.toLowerCase()
  if (facts.common.has(lower) || /^(.)\1*$/u.test(lower) || isRun(lower)) return { code: 'too_common' }
  const near = facts.context.map((word) => word.toLowerCase()).filter((word) => word.length >= 4)
  return near.some((word) => lower.replace(/[\d\W_]+$/u, '') === word || lower === word)
    ? { code: 'too_close' }
    : undefined
}

/** 12345678910, abcdefghijk: one step from each character to the next. */
const isRun = (text: string): boolean => {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  const steps = new Set(codes.slice(1).map((code, index) => code - (codes[index] ?? 0)))
  return steps.size === 1 && [1, -1].includes([...steps][0] ?? 0)
}

/** Passwords longer than this are refused before they are hashed or looked up (security rule RL-2). */
export const tooLongToTry = (password: string): boolean => Buffer.byteLength(password) > 4096
