/**
 * Owns the sign-in as JSON: the same functions, throttles and outcomes as the pages, for a script of ours. Never answers with
 * tokens: those come from /oauth/token. Start reading at `authApiRoutes`.
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { destinationOf } from '../factors/destination.ts'
import { type FactorKind, factorKinds } from '../factors/policy.ts'
import { type Call, openRoute } from '../http/open-call.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Route } from '../http/route.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { apiReplyOf, over, signInRefuses, signInSchema } from './api-reply.ts'
import { signInWithPassword } from './password.ts'
import { sendStepCode, takeStep } from './second-step.ts'
import { type Due, dueOf } from './sign-in-page.ts'

const loginBody = z.strictObject({ login: z.string().max(1000), password: z.string().max(10_000) })

const login = async (ctx: Ctx, call: Call<z.infer<typeof loginBody>>): Promise<Reply | Denial> => {
  const { request, browser, body: typed, where } = call
  const destination = { interaction: undefined }
  const outcome = await signInWithPassword(ctx, request, browser, { typed, destination })
  return isDenial(outcome) ? outcome : await apiReplyOf(ctx, browser, outcome, where)
}

const kind = z.enum(factorKinds)
const interaction = z.string().max(100)

const factorBody = z.strictObject({
  interaction,
  kind,
  code: z.string().max(4096).optional(),
  credential: z.unknown().optional().describe('for a passkey: what the browser answered'),
  trust_device: z.boolean().optional(),
})

const factor = async (ctx: Ctx, call: Call<z.infer<typeof factorBody>>): Promise<Reply | Denial> => {
  const { request, browser, body, where } = call
  const due = await dueFactor(ctx, request, browser, body.interaction)
  if (isDenial(due)) return due
  const step = {
    kind: body.kind,
    code: body.kind === 'passkey' ? JSON.stringify(body.credential ?? null) : (body.code ?? ''),
    trust_device: body.trust_device === true && ctx.config.trusted_device_days > 0,
  }
  const outcome = await takeStep(ctx, { request, browser, row: due.row, step, kinds: due.step.kinds })
  return isDenial(outcome) ? outcome : await apiReplyOf(ctx, browser, outcome, where)
}

const sendBody = z.strictObject({ interaction, kind })

const send = async (ctx: Ctx, { request, browser, body }: Call<z.infer<typeof sendBody>>): Promise<Reply | Denial> => {
  const due = await dueFactor(ctx, request, browser, body.interaction)
  if (isDenial(due)) return due
  const { row, step } = due
  const denial = await sendStepCode(ctx, { request, browser, row, kind: body.kind, kinds: step.kinds })
  if (denial) return denial
  const channel = body.kind === 'sms' ? 'sms' : 'email'
  const to = await destinationOf(ctx.db, row.user_id, channel)
  const cookies = browserCookie(browser)
  return json({ status: 'sent', kind: body.kind, ...(to && { destination: to.shown }) }, 202, { cookies })
}

type FactorDue = Due<{ step: 'factor'; kinds: FactorKind[] }>

const dueFactor = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  id: string,
): Promise<FactorDue | Denial> => {
  const due = await dueOf(ctx, request, browser, id)
  if (due === undefined) return over
  const { step } = due
  return step.step === 'factor' ? { ...due, step } : notDue(step.step)
}

const notDue = (got: string): Denial =>
  deny('invalid_request', 'No second step is due now.', {
    rule: 'a second step is taken when it is due (AZ-12)',
    expected: 'a sign-in of which the second step is due',
    got,
    remedy: 'Open the page that `continue` named.',
  })

const sentSchema = z.object({ status: z.literal('sent'), kind, destination: z.string().optional() })
const facts = { tag: 'Signing in', limit: 'login' } as const

export const authApiRoutes: Route[] = [
  openRoute({
    ...facts,
    path: '/api/v1/auth/login',
    summary: 'Sign in with name and password',
    body: loginBody,
    answers: { 200: signInSchema },
    refuses: signInRefuses,
    handler: login,
  }),
  openRoute({
    ...facts,
    path: '/api/v1/auth/factor',
    summary: 'Take the second step of a sign-in',
    body: factorBody,
    answers: { 200: signInSchema },
    refuses: signInRefuses,
    handler: factor,
  }),
  openRoute({
    ...facts,
    path: '/api/v1/auth/factor/send',
    summary: 'Have a code for the second step sent',
    body: sendBody,
    answers: { 202: sentSchema },
    handler: send,
  }),
]
