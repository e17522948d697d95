/** Owns the pages behind the links of warnings: a question with one button, and then a new password. */
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, secretAddress } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Route, route } from '../http/route.ts'
import { askAt } from '../login/by-mail.ts'
import { isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { newPasswordPage } from './reset-page.ts'
import { openTakeBack, takeBack, type TakeBackKind } from './take-back.ts'

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, way: Way): Promise<Reply> => {
  const { kind, path } = way
  const token = param(request.query, 'token') ?? ''
  const opened = await openTakeBack(ctx, kind, { token, now: request.now })
  if (isDenial(opened)) return refuse(ctx, opened, 'page', { route: path, request })
  const csrf = csrfToken(ctx, browser.browser, kind)
  const data = { action: pathOf(ctx, path), csrf, kind, token, email: opened.address ?? '' }
  return page('mail-link', data, 200, { headers: secretAddress, cookies: browserCookie(browser) })
}

const press = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, way: Way): Promise<Reply> => {
  const { kind, path } = way
  const forged = checkCsrf(ctx, request, browser.browser, kind)
  if (forged) return refuse(ctx, forged, 'page', { route: path, request })
  const taken = await takeBack(ctx, request, { kind, token: param(request.form, 'token') ?? '' })
  if (isDenial(taken)) return refuse(ctx, taken, 'page', { route: path, request })
  const { address, reset_token } = taken
  if (reset_token !== undefined) return newPasswordPage(ctx, browser, { kind, token: reset_token, email: address })
  await askAt(ctx, request, browser, { purpose: 'reset_password', address })
  return page('entry-done', { kind, sign_in: pathOf(ctx, '/login') })
}

type Way = { kind: TakeBackKind; path: `/${string}` }

const ways: readonly Way[] = [
  { kind: 'not_me', path: '/not-me' },
  { kind: 'undo_email', path: '/undo-email' },
]

export const takeBackRoutes: Route[] = ways.flatMap((way) => [
  route({
    method: 'GET',
    path: way.path,
    auth: 'browser',
    errors: 'page',
    summary: `The question behind the link of a warning: ${way.kind}`,
    handler: async (ctx, request, browser) => await show(ctx, request, browser, way),
  }),
  route({
    method: 'POST',
    path: way.path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: `Take an account back: ${way.kind}`,
    handler: async (ctx, request, browser) => await press(ctx, request, browser, way),
  }),
])
