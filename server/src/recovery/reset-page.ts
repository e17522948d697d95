/**
 * Owns the pages of a forgotten password: who are you, what does the letter say, and the new one. Never signs anybody in.
 * Start reading at `resetRoutes`.
 */
import { findOwn } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal, secretAddress } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { askForLetter } from '../login/by-mail.ts'
import { codeRoutes, type CodeWay, toCodePage } from '../login/code-page.ts'
import type { EntryPages } from '../pages/entry-data.ts'
import type { Message } from '../pages/messages.ts'
import { isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { passwordMessage } from '../users/new-password.ts'
import { type OneTime, textIn } from '../users/one-time.ts'
import { minimumLength } from '../users/password-policy.ts'
import { openReset, resetLinkOf, resetPassword } from './reset.ts'

const showRecover = (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Reply => {
  const interaction = param(request.query, 'interaction')
  const login_hint = param(request.query, 'login_hint')
  const data: EntryPages['recover'] = {
    action: pathOf(ctx, '/recover'),
    csrf: csrfToken(ctx, browser.browser, 'recover'),
    back: pathOf(ctx, interaction === undefined ? '/login' : `/login?interaction=${encodeURIComponent(interaction)}`),
    ...(interaction !== undefined && { interaction }),
    ...(login_hint !== undefined && { login_hint }),
  }
  return page('recover', data, 200, { cookies: browserCookie(browser) })
}

const recover = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const forged = checkCsrf(ctx, request, browser.browser, 'recover')
  if (forged) return refuse(ctx, forged, 'page', { route: '/recover', request })
  const login = param(request.form, 'login') ?? ''
  const interaction = param(request.form, 'interaction')?.slice(0, 40)
  const data = interaction === undefined ? {} : { interaction }
  return toCodePage(way, await askForLetter(ctx, request, browser, { purpose: 'reset_password', login, data }), browser)
}

const way: CodeWay = {
  purpose: 'reset_password',
  path: '/recover/code',
  resend: '/recover/resend',
  back: '/recover',
  right: async (ctx, request, _browser, oneTime) => {
    const token = await resetLinkOf(ctx, oneTime, request.now)
    return isDenial(token)
      ? refuse(ctx, token, 'page', { route: '/recover/code', request })
      : redirectLocal(`/reset?token=${token}`)
  },
}

/** RC-1: looking changes nothing. Programs that read mail open its links too. */
const showReset = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const token = param(request.query, 'token') ?? ''
  const opened = await openReset(ctx, token, request.now)
  if (isDenial(opened)) return refuse(ctx, opened, 'page', { route: '/reset', request })
  return newPasswordPage(ctx, browser, { token, email: opened.account.email ?? '' })
}

const reset = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const forged = checkCsrf(ctx, request, browser.browser, 'reset')
  if (forged) return refuse(ctx, forged, 'page', { route: '/reset', request })
  const token = param(request.form, 'token') ?? ''
  const opened = await openReset(ctx, token, request.now)
  if (isDenial(opened)) return refuse(ctx, opened, 'page', { route: '/reset', request })
  const done = await resetPassword(ctx, request, { token, password: param(request.form, 'password') ?? '' })
  if (!isDenial(done)) {
    const sign_in = await wayOn(ctx, request, browser, opened.oneTime)
    return page('entry-done', { kind: 'password_set', sign_in }, 200, { log: { user_id: done.user_id } })
  }
  if (done.error !== 'weak_password') return refuse(ctx, done, 'page', { route: '/reset', request })
  const error = passwordMessage(ctx, done.because.got)
  return newPasswordPage(ctx, browser, { token, email: opened.account.email ?? '', error })
}

/** Back into the request of the application, where that is still open in this browser. */
const wayOn = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, { data }: OneTime): Promise<string> => {
  const found = await findOwn(ctx, request, browser, textIn(data, 'interaction'))
  return pathOf(ctx, found.kind === 'open' ? `/login?interaction=${found.interaction.id}` : '/login')
}

type NewPassword = { token: string; email: string; kind?: EntryPages['new-password']['kind']; error?: Message }

/** The form for a new password; the proof that allows it is the link in it. */
export const newPasswordPage = (ctx: Ctx, browser: BrowserPrincipal, facts: NewPassword): Reply => {
  const { token, email, kind = 'reset', error } = facts
  const data: EntryPages['new-password'] = {
    action: pathOf(ctx, '/reset'),
    csrf: csrfToken(ctx, browser.browser, 'reset'),
    kind,
    token,
    email,
    password_min: minimumLength(ctx.config),
    ...(error && { error }),
  }
  return page('new-password', data, error ? 422 : 200, { headers: secretAddress, cookies: browserCookie(browser) })
}

export const resetRoutes = [
  route({
    method: 'GET',
    path: '/recover',
    auth: 'browser',
    errors: 'page',
    summary: 'A forgotten password: who are you',
    handler: showRecover,
  }),
  route({
    method: 'POST',
    path: '/recover',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'mail',
    summary: 'Ask for a letter that resets a password',
    handler: recover,
  }),
  ...codeRoutes(way),
  route({
    method: 'GET',
    path: '/reset',
    auth: 'browser',
    errors: 'page',
    summary: 'The form for a new password',
    handler: showReset,
  }),
  route({
    method: 'POST',
    path: '/reset',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Set a new password with the link of a letter',
    handler: reset,
  }),
]
