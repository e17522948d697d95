/** Owns what the JSON API answers to the outcome of a proof. The pages have their own (reply.ts). */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { destinationOf } from '../factors/destination.ts'
import { type FactorKind, factorKinds } from '../factors/policy.ts'
import { csrfToken } from '../http/csrf.ts'
import { refuse, type Where } from '../http/errors.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { browserCookie, ownFormsOf } from '../sessions/cookie.ts'
import { personSchema, personView } from '../users/view.ts'
import type { Outcome } from './complete.ts'
import { pathOfStep } from './reply.ts'
import { findOwnSignIn } from './sign-in.ts'

const completeSchema = z
  .object({
    status: z.literal('complete'),
    user: personSchema.optional(),
    csrf_token: z.string().describe('for the X-CSRF-Token of unsafe calls with the session cookie of this answer'),
  })
  .meta({ id: 'SignedIn' })
const dueSchema = z
  .object({
    status: z.enum(['factor', 'prove_mail', 'enrol', 'action', 'erasure', 'stuck']).describe('the step that is due'),
    interaction: z.string().describe('names the sign-in that is under way'),
    factors: z
      .array(z.object({ kind: z.enum(factorKinds), destination: z.string().optional() }))
      .optional()
      .describe('ways to take a second step'),
    continue: z.string().describe('the page on which a person can go on'),
  })
  .meta({ id: 'SignInDue' })

/** As answers have it. */
export const signInSchema = z.union([completeSchema, dueSchema])

/** Statuses of refusals of whatever signs in: an account or its state is in the way, a session too many, an account that is not let in. */
export const signInRefuses = [409, 422] as const

/**
 * `{status: "complete", user, csrf_token}` with the session cookie, or what is due: `{status, interaction, factors?, continue}`,
 * where `interaction` names the sign-in that is under way and `continue` is the page on which a person can go on.
 */
export const apiReplyOf = async (
  ctx: Ctx,
  browser: BrowserPrincipal,
  outcome: Outcome,
  where: Where,
): Promise<Reply> => {
  if (outcome.kind === 'overtaken') return refuse(ctx, over, 'problem', where)
  if (outcome.kind === 'refused') return refuse(ctx, outcome.denial, 'problem', where)
  if (outcome.kind === 'pending') return await pendingReply(ctx, browser, outcome, where)
  const { session, cookies } = outcome
  const { user_id } = session
  const subject = await ctx.subjects.get(user_id)
  const csrf_token = csrfToken(ctx, browser.browser, ownFormsOf(user_id))
  const body = { status: 'complete', ...(subject && { user: personView(subject) }), csrf_token }
  return json(body, 200, { cookies, log: { user_id, login: 'succeeded' } })
}

type Pending = Extract<Outcome, { kind: 'pending' }>

const pendingReply = async (
  ctx: Ctx,
  browser: BrowserPrincipal,
  { step, sign_in_id }: Pending,
  { request }: Where,
): Promise<Reply> => {
  const row = await findOwnSignIn(ctx, request, browser, sign_in_id)
  const factors =
    step.step === 'factor' && row !== undefined
      ? { factors: await Promise.all(step.kinds.map(async (kind) => await factorView(ctx, row.user_id, kind))) }
      : {}
  const page = `${ctx.config.issuer}${pathOfStep(sign_in_id, step)}`
  const body = { status: step.step, interaction: sign_in_id, ...factors, continue: page }
  // The sign-in goes on in this browser alone, so it has to be known from here on (AZ-12).
  return json(body, 200, { cookies: browserCookie(browser), log: { login: step.step } })
}

/** One way to confirm, and where its code would go, as far as that may be shown. */
const factorView = async (ctx: Ctx, user_id: string, kind: FactorKind) => {
  const to = kind === 'email' || kind === 'sms' ? await destinationOf(ctx.db, user_id, kind) : undefined
  return { kind, ...(to && { destination: to.shown }) }
}

export const over: Denial = deny(
  'expired',
  'This sign-in is over. Begin it again.',
  {
    rule: 'a sign-in goes on within ten minutes, in the browser where it began (AZ-12)',
    expected: 'an open sign-in of this browser',
    got: 'none, or an account that changed meanwhile',
  },
  { status: 401 },
)
