/**
 * Owns the link with which somebody keeps an account that they wanted to be deleted: opening it changes nothing, pressing its
 * button does, and signs nobody in. Start reading at `keepRoutes`.
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { readBody } from '../http/json-body.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { json, page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { deadStayLink, peekStay, stayByLink } from '../users/leave.ts'

const path = '/keep-account'
const context = 'keep-account'

/** RC-1: programs that read mail open its links too. */
const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const token = param(request.query, 'token') ?? ''
  const open = await peekStay(ctx, token, request.now)
  if (open === undefined) return refuse(ctx, deadStayLink, 'page', { route: path, request })
  const data = { action: pathOf(ctx, path), csrf: csrfToken(ctx, browser.browser, context), token, ...open }
  return page('keep-account', data, 200, { cookies: browserCookie(browser), headers: secretAddress })
}

/** Its own address is secret: not even this server's files are told it, because a proxy may log where a page came from. */
const secretAddress = { 'referrer-policy': 'strict-origin' }

const keep = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const refused =
    checkCsrf(ctx, request, browser.browser, context) ??
    (await stayByLink(ctx, request, param(request.form, 'token') ?? ''))
  if (refused) return refuse(ctx, refused, 'page', { route: path, request })
  return page('account-kept', { sign_in: pathOf(ctx, '/login') })
}

const body = z.strictObject({ token: z.string().max(200) })

const keepByApi = async (ctx: Ctx, request: HttpRequest): Promise<Reply> => {
  const sent = readBody(body, request)
  const refused = isDenial(sent) ? sent : await stayByLink(ctx, request, sent.token)
  return refused
    ? refuse(ctx, refused, 'problem', { route: '/api/v1/auth/keep-account', request })
    : json({ status: 'active' })
}

export const keepRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: 'The link that keeps an account which is about to be deleted',
    handler: show,
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Keep an account that is about to be deleted',
    handler: keep,
  }),
  route({
    method: 'POST',
    path: '/api/v1/auth/keep-account',
    auth: 'none',
    errors: 'problem',
    accepts: 'json',
    limit: 'login',
    summary: 'Keep an account that is about to be deleted, by the link of the letter',
    api: { tag: 'Letters', body, answers: { 200: z.object({ status: z.literal('active') }) } },
    handler: keepByApi,
  }),
]
