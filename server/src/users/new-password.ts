/**
 * Owns the question whether a new password may be set, for whoever sets one: registration, reset, change, setup, command
 * line, the meter on the page. The rules are password-policy.ts's. Start reading at `checkNewPassword`.
 */
import type { Ctx } from '../ctx.ts'
import type { Message } from '../pages/messages.ts'
import { loadCommonPasswords } from './common-passwords.ts'
import { checkPassword, minimumLength, type PasswordProblem } from './password-policy.ts'

/**
 * Runs the password policy with this deployment's settings. `words` are those of the account, and of the application in
 * which it is made: names and addresses, whole; their parts count too.
 */
export const checkNewPassword = async (
  ctx: Ctx,
  password: string,
  words: readonly (string | null | undefined)[],
): Promise<PasswordProblem | undefined> => {
  const { config } = ctx
  const own = [...words, config.name, new URL(config.issuer).hostname]
  const context = own.flatMap((word) => (word == null ? [] : [word, ...word.split(/[\s@.+_-]+/)]))
  return checkPassword(password, { minimum: minimumLength(config), context, isCommon: await loadCommonPasswords() })
}

/** What a program is told about a refused password. */
export const passwordSentence = (problem: PasswordProblem): string =>
  ({
    too_short: `The password is too short: at least ${problem.minimum ?? 0} characters.`,
    too_long: 'The password is too long: at most 256 characters.',
    too_common: 'This password is too common: it is on the lists that attackers try first.',
    too_close: 'The password is too close to the name or the address of the account.',
  })[problem.code]

/** What a person is told about a refused password: `got` of a `weak_password` refusal names the problem. */
export const passwordMessage = (ctx: Ctx, code: string | undefined): Message => {
  if (code === 'too_short') return { key: 'password.too_short', params: { min: minimumLength(ctx.config) } }
  if (code === 'too_long' || code === 'too_close') return { key: `password.${code}` }
  return { key: 'password.too_common' }
}
