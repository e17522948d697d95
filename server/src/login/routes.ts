/**
 * Owns the sign-in page: for an application's request, for one's own page, and for a fresh proof of somebody who is
 * signed in. Proves nobody itself. Start reading at `loginRoutes`.
 */
import { findOwn, type Interaction, refuseInteraction, restart } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { checkCsrf } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { LoginError } from '../pages/data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { wasEndedForSafety } from '../sessions/cookie.ts'
import { csrfContext, loginPage, ownPath } from './page.ts'
import { signInWithPassword } from './password.ts'
import { replyOf } from './reply.ts'

export const loginRoutes = [
  route({
    method: 'GET',
    path: '/login',
    auth: 'browser',
    errors: 'page',
    summary: 'The sign-in page',
    handler: async (ctx, request, browser) => await showLogin(ctx, request, browser),
  }),
  route({
    method: 'POST',
    path: '/login',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Sign in with name and password',
    handler: async (ctx, request, browser) => await signIn(ctx, request, browser),
  }),
]

const showLogin = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const found = await findOwn(ctx, request, browser, param(request.query, 'interaction'))
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', { route: '/login', request })
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  const return_to = ownPath(param(request.query, 'return_to'))
  const again = return_to !== undefined && request.query.has('again') && browser.session !== undefined
  if (found.kind === 'none' && browser.session && !again) return redirectLocal(return_to ?? '/account')
  const error = await reasonOf(ctx, request, browser)
  const interaction = found.kind === 'open' ? found.interaction : undefined
  const other = request.query.has('other')
  return await loginPage(ctx, browser, { interaction, error, other, return_to, again })
}

/** Why somebody who was on their way, or signed in, sees this page. */
const reasonOf = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<LoginError | undefined> => {
  if (request.query.has('restarted')) return 'expired_restarted'
  if (request.query.has('limit_reached')) return 'session_limit_reached'
  const ended = browser.session === undefined && (await wasEndedForSafety(ctx, request))
  return ended ? 'signed_out_for_safety' : undefined
}

const signIn = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const id = param(request.form, 'interaction')
  const forged = checkCsrf(ctx, request, browser.browser, csrfContext(id))
  if (forged) return refuse(ctx, forged, 'page', { route: '/login', request })
  const found = await findOwn(ctx, request, browser, id)
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', { route: '/login', request })
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  const interaction = found.kind === 'open' ? found.interaction : undefined
  if (interaction && request.form.has('cancel')) return await refuseInteraction(ctx.db, interaction)
  return await tryPassword(ctx, request, browser, interaction)
}

const tryPassword = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  interaction: Interaction | undefined,
): Promise<Reply> => {
  const typed = { login: param(request.form, 'login') ?? '', password: param(request.form, 'password') ?? '' }
  const return_to = ownPath(param(request.form, 'return_to'))
  const destination = { interaction, return_to }
  const outcome = await signInWithPassword(ctx, request, browser, { typed, destination })
  const reply = isDenial(outcome) ? undefined : replyOf(ctx, outcome)
  if (reply) return reply
  const denial = isDenial(outcome) ? outcome : undefined
  const again = return_to !== undefined && browser.session !== undefined
  return await loginPage(ctx, browser, {
    interaction,
    typed: typed.login,
    return_to,
    again,
    error: errorOf(denial),
    status: denial?.status ?? 401,
    retry_after_seconds: denial?.retry_after_seconds,
  })
}

const errorOf = (denial: Denial | undefined): LoginError =>
  denial?.error === 'too_many_attempts' ? 'too_many_attempts' : 'wrong_credentials'
