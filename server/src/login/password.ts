/**
 * Owns the sign-in page and the proof by password. The answer to a wrong password, an unknown account and a disabled one is
 * the same, in words and in time (security rule LI-1). Start reading at `loginRoutes`.
 */
import { findOwn, type Interaction, refuseInteraction, restart } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { callerOf, record } from '../events/record.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { formTarget, refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import { type HttpRequest, route } from '../http/route.ts'
import type { LoginError } from '../pages/data.ts'
import { deny, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { mayAct } from '../protocol/subject.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { provePassword } from '../users/credentials.ts'
import { canonicalLogin } from '../users/identifier.ts'
import { completeLogin } from './complete.ts'
import { reserve, succeeded } from './throttle.ts'

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
  if (found.kind === 'none' && browser.session) return redirectLocal('/account')
  const error = request.query.has('restarted') ? 'expired_restarted' : undefined
  return await loginPage(ctx, browser, { interaction: found.kind === 'open' ? found.interaction : undefined, error })
}

const signIn = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const id = param(request.form, 'interaction')
  const forged = checkCsrf(ctx, request, browser.browser, `login|${id ?? ''}`)
  if (forged) return refuse(ctx, forged, 'page', { route: '/login', request })
  const found = await findOwn(ctx, request, browser, id)
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', { route: '/login', request })
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  const interaction = found.kind === 'open' ? found.interaction : undefined
  if (interaction && request.form.has('cancel')) return await refuseInteraction(ctx, interaction)
  return await tryPassword(ctx, request, browser, interaction)
}

const tryPassword = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  interaction: Interaction | undefined,
): Promise<Reply> => {
  const typed = param(request.form, 'login') ?? ''
  const login = canonicalLogin(typed)
  const again = async (error: LoginError, status: number, retry_after_seconds?: number) =>
    await loginPage(ctx, browser, { interaction, error, typed, status, retry_after_seconds })
  const attempt = await reserve(ctx, request, login)
  if (isDenial(attempt)) {
    await record(ctx.db, {
      type: 'login.throttled',
      now: request.now,
      client_id: interaction?.client_id,
      ...callerOf(request),
    })
    return await again('too_many_attempts', 429, attempt.retry_after_seconds)
  }
  const proof = await provePassword(ctx, login, param(request.form, 'password') ?? '')
  const refused = proof && mayAct({ user: { id: proof.user_id, status: proof.status } }, 'wrong_credentials')
  if (proof === undefined || refused) {
    const why = refused?.because.got ?? 'unknown account or wrong password'
    ctx.decisions.record(
      deny('wrong_credentials', 'Wrong name or password.', {
        rule: 'the password proves the person (LI-1)',
        expected: 'the password of an active account',
        got: why,
      }),
      { route: '/login', request_id: request.request_id, client_id: interaction?.client_id, now: request.now },
    )
    await record(ctx.db, {
      type: 'login.failed',
      now: request.now,
      user_id: proof?.user_id,
      client_id: interaction?.client_id,
      data: { method: 'password' },
      ...callerOf(request),
    })
    return await again('wrong_credentials', 401)
  }
  const device = await succeeded(ctx, attempt, login, request.now)
  const proven = { user_id: proof.user_id, amr: ['pwd'], acr: 'aal1', method: 'password' }
  return await completeLogin(ctx, request, browser, { proven, interaction_id: interaction?.id, cookies: [device] })
}

type LoginPage = {
  interaction: Interaction | undefined
  error?: LoginError | undefined
  typed?: string
  status?: number
  retry_after_seconds?: number | undefined
}

const loginPage = async (ctx: Ctx, browser: BrowserPrincipal, facts: LoginPage): Promise<Reply> => {
  const { interaction, error, retry_after_seconds } = facts
  const client = interaction && (await ctx.clients.get(interaction.client_id))
  const hint = facts.typed ?? interaction?.request.login_hint
  const data = {
    action: pathOf(ctx.config, '/login'),
    csrf: csrfToken(ctx, browser.browser, `login|${interaction?.id ?? ''}`),
    ...(interaction && { interaction: interaction.id, cancel: true }),
    ...(client && { client: { client_name: client.client_name } }),
    ...(hint !== undefined && { login_hint: hint }),
    ...(error !== undefined && { error }),
    ...(retry_after_seconds !== undefined && { retry_after_seconds }),
  }
  const headers = retry_after_seconds === undefined ? {} : { 'retry-after': String(retry_after_seconds) }
  return page('login', data, facts.status ?? 200, {
    headers,
    cookies: browserCookie(browser),
    formAction: interaction ? [formTarget(interaction.request.redirect_uri)] : [],
    log: error ? { login: error } : {},
  })
}
