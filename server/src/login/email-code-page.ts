/** Owns the pages of the sign-in by mail. Start reading at `emailCodeRoutes`. */
import { findOwn, formTargets, restart } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, secretAddress } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { deadLink, type OneTime, textIn } from '../users/one-time.ts'
import { askForLetter } from './by-mail.ts'
import { codeRoutes, type CodeWay, toCodePage } from './code-page.ts'
import { emailSignInOff, peekSignIn, signInByMail, spendSignIn } from './email-code.ts'
import { csrfContext, loginPage, ownPath } from './page.ts'
import { replyOf } from './reply.ts'

/** The second button of the sign-in page: the same form, another address. */
const ask = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const where = { route: '/login/email', request }
  const off = emailSignInOff(ctx)
  if (off) return refuse(ctx, off, 'page', where)
  const id = param(request.form, 'interaction')
  const forged = checkCsrf(ctx, request, browser.browser, csrfContext(id))
  if (forged) return refuse(ctx, forged, 'page', where)
  const found = await findOwn(ctx, request, browser, id)
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', where)
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  const interaction = found.kind === 'open' ? found.interaction : undefined
  const return_to = ownPath(param(request.form, 'return_to'))
  const login = param(request.form, 'login')
  if (login === undefined)
    return await loginPage(ctx, browser, { interaction, return_to, error: 'missing_login', status: 422 })
  const data = { ...(interaction && { interaction: interaction.id }), ...(return_to !== undefined && { return_to }) }
  return toCodePage(way, await askForLetter(ctx, request, browser, { purpose: 'sign_in', login, data }), browser)
}

const goIn = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  oneTime: OneTime | undefined,
): Promise<Reply> => {
  const reply = oneTime && replyOf(ctx, await signInByMail(ctx, request, browser, oneTime))
  return reply ?? refuse(ctx, deadLink, 'page', { route: request.path, request })
}

const way: CodeWay = {
  purpose: 'sign_in',
  path: '/login/code',
  resend: '/login/code/resend',
  back: '/login',
  closed: emailSignInOff,
  right: goIn,
}

/** RC-1: a program that reads mail opens the link; a person presses the button. */
const showLink = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const token = param(request.query, 'token') ?? ''
  const oneTime = await peekSignIn(ctx, token, request.now)
  const off = emailSignInOff(ctx)
  if (off || oneTime === undefined) return refuse(ctx, off ?? deadLink, 'page', { route: '/login/link', request })
  const data = {
    action: pathOf(ctx, '/login/link'),
    csrf: csrfToken(ctx, browser.browser, 'login-link'),
    kind: 'sign_in' as const,
    token,
    email: oneTime.address ?? '',
  }
  const formAction = await formTargets(ctx, request, browser, textIn(oneTime.data, 'interaction'))
  return page('mail-link', data, 200, { headers: secretAddress, cookies: browserCookie(browser), formAction })
}

const useLink = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const refused = emailSignInOff(ctx) ?? checkCsrf(ctx, request, browser.browser, 'login-link')
  if (refused) return refuse(ctx, refused, 'page', { route: '/login/link', request })
  const token = param(request.form, 'token') ?? ''
  return await goIn(ctx, request, browser, await spendSignIn(ctx, token, request.now))
}

export const emailCodeRoutes = [
  route({
    method: 'POST',
    path: '/login/email',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'mail',
    summary: 'Ask for a code that signs in',
    handler: ask,
  }),
  ...codeRoutes(way),
  route({
    method: 'GET',
    path: '/login/link',
    auth: 'browser',
    errors: 'page',
    summary: 'The question behind the link that signs in',
    handler: showLink,
  }),
  route({
    method: 'POST',
    path: '/login/link',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Sign in with the link of a letter',
    handler: useLink,
  }),
]
