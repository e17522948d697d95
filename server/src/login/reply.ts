/** Owns the way from the outcome of a proof to the next page. The JSON API has its own (login/api.ts). */
import type { Ctx } from '../ctx.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { DueStep, Outcome } from './complete.ts'

/** The redirect that follows from an outcome. Undefined when the sign-in was overtaken: the page says that it did not work. */
export const replyOf = (_ctx: Ctx, outcome: Outcome): Reply | undefined => {
  if (outcome.kind === 'overtaken') return undefined
  if (outcome.kind === 'refused') return redirectLocal(outcome.to, { log: { login: outcome.denial.error } })
  if (outcome.kind === 'pending')
    return redirectLocal(pathOfStep(outcome.sign_in_id, outcome.step), { log: { login: outcome.step.step } })
  const { session, to, cookies } = outcome
  return redirectLocal(to, { cookies, log: { user_id: session.user_id, login: 'succeeded' } })
}

/** The page on which a step is taken. */
export const pathOfStep = (sign_in_id: string, { step }: DueStep): `/${string}` => {
  const pages = {
    factor: '/factor',
    prove_mail: '/factor/mail',
    enrol: '/factor/enrol',
    action: '/factor/action',
    erasure: '/factor/erasure',
  }
  return step === 'stuck'
    ? `/factor/stuck?sign_in=${sign_in_id}`
    : `${pages[step] as `/${string}`}?sign_in=${sign_in_id}`
}
