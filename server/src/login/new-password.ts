/**
 * Owns the new password that an account has to have before a sign-in is complete. It ends everything the old one had opened; this
 * sign-in goes on with the new one. Pages and API end here.
 */
import type { Ctx } from '../ctx.ts'
import { callerOf } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { warn } from '../recovery/warn.ts'
import { accountOf, changeAccount, credentialOf, provePassword } from '../users/credentials.ts'
import { canonicalLogin } from '../users/identifier.ts'
import { checkNewPassword, passwordSentence } from '../users/new-password.ts'
import { replacePassword } from '../users/status.ts'
import { loadSubject } from '../users/subject.ts'
import { advance, type Outcome } from './complete.ts'
import { type Due, stepOf } from './sign-in-page.ts'

/** Sets it. Refusals: `weak_password`, `same_password` (422). */
export const setPassword = async (
  ctx: Ctx,
  request: HttpRequest,
  { browser, row }: Due,
  password: string,
): Promise<Outcome | Denial> => {
  const { user_id } = row
  const { now } = request
  const subject = await loadSubject(ctx.db, user_id)
  const weak = await checkNewPassword(ctx, password, [subject?.email, subject?.username, subject?.name])
  if (weak)
    return deny(
      'weak_password',
      passwordSentence(weak),
      { rule: 'a password of the policy (LI-2)', got: weak.code },
      { status: 422 },
    )
  const login = canonicalLogin(subject?.email ?? subject?.username ?? '')
  if ((await provePassword(ctx, await accountOf(ctx, login, undefined), password))?.user_id === user_id) return same
  const password_hash = await ctx.hashing.hash(password)
  const by = callerOf(request)
  const outcome = await advance(ctx, request, browser, {
    id: row.id,
    prove: async (tx, held) => {
      const due = await stepOf(ctx, tx, request, held)
      const isDue = due?.step.step === 'action' && due.step.action === 'change_password'
      if (!isDue || (await changeAccount(tx, user_id)) === undefined) return undefined
      await replacePassword(ctx, tx, { user_id, password_hash, now, because: 'password changed', by })
      await warn(ctx, tx, { kind: 'password_changed', user_id, now, request })
      return { credential: credentialOf(now) }
    },
  })
  ctx.subjects.forget(user_id)
  ctx.outbox.nudge()
  await ctx.feed.announce()
  return outcome
}

const same: Denial = deny(
  'same_password',
  'This is the password that the account has. Choose another one.',
  { rule: 'another password was asked for', expected: 'another one', got: 'the same' },
  { status: 422 },
)
