/** Owns what the JSON API answers to the outcome of a proof. The pages have their own (reply.ts). */
import type { Ctx } from '../ctx.ts'
import { refuse, type Where } from '../http/errors.ts'
import { json, type Reply } from '../http/reply.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import type { Outcome } from './complete.ts'
import { pathOfStep } from './reply.ts'
import { personView } from '../users/view.ts'

/**
 * `{status: "complete", user}` with the session cookie, or what is due: `{status, interaction, factors?, continue}`, where
 * `interaction` names the sign-in that is under way and `continue` is the page on which a person can go on.
 */
export const apiReplyOf = async (ctx: Ctx, outcome: Outcome, where: Where): Promise<Reply> => {
  if (outcome.kind === 'overtaken') return refuse(ctx, over, 'problem', where)
  if (outcome.kind === 'refused') return refuse(ctx, outcome.denial, 'problem', where)
  if (outcome.kind === 'pending') {
    const { step, sign_in_id } = outcome
    const factors = step.step === 'factor' ? { factors: step.kinds } : {}
    const page = `${ctx.config.issuer}${pathOfStep(sign_in_id, step)}`
    return json({ status: step.step, interaction: sign_in_id, ...factors, continue: page })
  }
  const { session, cookies } = outcome
  const subject = await ctx.subjects.get(session.user_id)
  const log = { user_id: session.user_id, login: 'succeeded' }
  return json({ status: 'complete', ...(subject && { user: personView(subject) }) }, 200, { cookies, log })
}

const over: Denial = deny(
  'expired',
  'This sign-in is over. Begin it again.',
  {
    rule: 'a sign-in goes on within ten minutes, in the browser where it began (AZ-12)',
    expected: 'an open sign-in of this browser',
    got: 'none, or an account that changed meanwhile',
  },
  { status: 401 },
)
