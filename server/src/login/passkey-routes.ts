/**
 * Owns the addresses of signing in with a passkey: what to ask the browser, and its answer, from the sign-in page and as JSON.
 * Start reading at `passkeyRoutes`.
 */
import { z } from 'zod'
import { findOwn, refuseInteraction, restart } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { creationOptions } from '../factors/passkey-keeping.ts'
import { creationOptionsSchema, requestOptionsSchema } from '../factors/passkey-schemas.ts'
import { passkeysOn, requestOptions, switchedOff } from '../factors/passkeys.ts'
import { checkCsrf } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { type Call, openRoute } from '../http/open-call.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { apiReplyOf, signInRefuses, signInSchema } from './api-reply.ts'
import { enrolKinds } from './enrol.ts'
import { csrfContext, loginPage, ownPath } from './page.ts'
import { signInWithPasskey } from './passkey.ts'
import { replyOf } from './reply.ts'
import { dueOf, isStep, over } from './sign-in-page.ts'

/** The form of the sign-in page that its script fills in. */
const submit = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const id = param(request.form, 'interaction')
  const where = { route: '/login/passkey', request }
  const forged = checkCsrf(ctx, request, browser.browser, csrfContext(id))
  if (forged) return refuse(ctx, forged, 'page', where)
  const found = await findOwn(ctx, request, browser, id)
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', where)
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  const interaction = found.kind === 'open' ? found.interaction : undefined
  if (interaction && request.form.has('cancel')) return await refuseInteraction(ctx.db, interaction)
  const return_to = ownPath(param(request.form, 'return_to'))
  const sent = param(request.form, 'credential')
  const outcome = await signInWithPasskey(ctx, request, browser, { sent, destination: { interaction, return_to } })
  const reply = isDenial(outcome) ? undefined : replyOf(ctx, outcome)
  if (reply) return reply
  if (isDenial(outcome)) remember(ctx, outcome, request)
  const again = return_to !== undefined && browser.session !== undefined
  return await loginPage(ctx, browser, { interaction, return_to, again, error: 'wrong_passkey', status: 401 })
}

/** Nobody sees the reason; an operator finds it by the request. */
const remember = (ctx: Ctx, denial: Denial, request: HttpRequest): void => {
  const { request_id, now } = request
  ctx.decisions.record(denial, { route: '/login/passkey', request_id, now })
}

/**
 * `again`: whoever is signed in proves it afresh, so their own passkeys are offered. `interaction`: a sign-in that is under way,
 * of which a passkey is the second step, or is to become it.
 */
const optionsBody = z.strictObject({ again: z.boolean().optional(), interaction: z.string().max(100).optional() })

const options = async (ctx: Ctx, call: Call<z.infer<typeof optionsBody>>): Promise<Reply | Denial> => {
  const { request, browser, body } = call
  const asked = passkeysOn(ctx) ? await ask(ctx, request, browser, body) : switchedOff
  return isDenial(asked) ? asked : json(asked, 200, { cookies: browserCookie(browser) })
}

const ask = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { again, interaction }: z.infer<typeof optionsBody>,
): Promise<object | Denial> => {
  const bound_to = browser.browser
  if (interaction === undefined) {
    const user_id = again === true ? browser.session?.user_id : undefined
    return await requestOptions(ctx, request, { ceremony: 'sign_in', bound_to, user_id })
  }
  const due = await dueOf(ctx, request, browser, interaction)
  if (due === undefined) return over
  if (isStep(due, 'factor') && due.step.kinds.includes('passkey'))
    return await requestOptions(ctx, request, { ceremony: 'factor', bound_to, user_id: due.row.user_id })
  const isNew = isStep(due, 'enrol') && enrolKinds(ctx, due).includes('passkey')
  return isNew ? await creationOptions(ctx, request, { ...due.standing, bound_to }) : over
}

const answerBody = z.strictObject({ credential: z.unknown().describe('WebAuthn §5.1 AuthenticationResponseJSON') })

const answer = async (ctx: Ctx, call: Call<z.infer<typeof answerBody>>): Promise<Reply | Denial> => {
  const { request, browser, body, where } = call
  const destination = { interaction: undefined }
  const outcome = await signInWithPasskey(ctx, request, browser, { sent: body.credential, destination })
  return isDenial(outcome) ? outcome : await apiReplyOf(ctx, browser, outcome, where)
}

export const passkeyRoutes = [
  route({
    method: 'POST',
    path: '/login/passkey',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Sign in with a passkey',
    handler: submit,
  }),
  openRoute({
    path: '/api/v1/auth/passkey/options',
    tag: 'Signing in',
    summary: 'What to ask a browser for a sign-in with a passkey (WebAuthn PublicKeyCredentialRequestOptionsJSON)',
    body: optionsBody,
    answers: { 200: z.union([requestOptionsSchema, creationOptionsSchema]) },
    handler: options,
  }),
  openRoute({
    path: '/api/v1/auth/passkey',
    tag: 'Signing in',
    limit: 'login',
    summary: 'Sign in with a passkey (WebAuthn AuthenticationResponseJSON)',
    body: answerBody,
    answers: { 200: signInSchema },
    refuses: signInRefuses,
    handler: answer,
  }),
]
