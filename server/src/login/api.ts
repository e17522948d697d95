/**
 * Owns the sign-in as JSON: the same functions, throttles and outcomes as the pages, for a script of ours. Never answers with
 * tokens: those come from /oauth/token. Start reading at `authApiRoutes`.
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { destinationOf } from '../factors/destination.ts'
import { type FactorKind, factorKinds } from '../factors/policy.ts'
import { checkOrigin } from '../http/csrf.ts'
import { refuse, type Where } from '../http/errors.ts'
import { readBody } from '../http/json-body.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Route, route } from '../http/route.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { apiReplyOf, over } from './api-reply.ts'
import { signInWithPassword } from './password.ts'
import { sendStepCode, takeStep } from './second-step.ts'
import { type Due, dueOf } from './sign-in-page.ts'

type Work = (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, where: Where) => Promise<Reply | Denial>

/** JSON only, and from a page of ours where the browser says from which (security rule AD-4): no other site signs anybody in here. */
const own = (facts: Pick<Route, 'path' | 'summary'>, work: Work): Route =>
  route({
    ...facts,
    method: 'POST',
    auth: 'browser',
    errors: 'problem',
    accepts: 'json',
    limit: 'login',
    handler: async (ctx, request, browser) => {
      const where = { route: facts.path, request }
      const reply = checkOrigin(ctx, request) ?? (await work(ctx, request, browser, where))
      return isDenial(reply) ? refuse(ctx, reply, 'problem', where) : reply
    },
  })

const loginBody = z.strictObject({ login: z.string().max(1000), password: z.string().max(10_000) })

const login: Work = async (ctx, request, browser, where) => {
  const typed = readBody(loginBody, request)
  if (isDenial(typed)) return typed
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
  /** For a passkey: what the browser answered. */
  credential: z.unknown().optional(),
  trust_device: z.boolean().optional(),
})

const factor: Work = async (ctx, request, browser, where) => {
  const body = readBody(factorBody, request)
  if (isDenial(body)) return body
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

const send: Work = async (ctx, request, browser) => {
  const body = readBody(sendBody, request)
  if (isDenial(body)) return body
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

export const authApiRoutes = [
  own({ path: '/api/v1/auth/login', summary: 'Sign in with name and password' }, login),
  own({ path: '/api/v1/auth/factor', summary: 'Take the second step of a sign-in' }, factor),
  own({ path: '/api/v1/auth/factor/send', summary: 'Have a code for the second step sent' }, send),
]
