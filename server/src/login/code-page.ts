/**
 * Owns the page on which the code of a letter is typed, whatever the letter is for: it looks the same whether a letter was
 * sent or not. What a right code leads to is the affair of whoever asked for it. Start reading at `codeRoutes`.
 */
import { formTargets } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Route, route } from '../http/route.ts'
import type { EntryPages } from '../pages/entry-data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { findOwnOneTime, type OneTime, textIn } from '../users/one-time.ts'
import { type Asked, askAt, deadCode, type MailPurpose, tryMailedCode } from './by-mail.ts'

/** One kind of code page: GET `path` shows it, POST `path` tries the code, POST `resend` asks for another. */
export type CodeWay = {
  purpose: MailPurpose
  path: `/${string}`
  resend: `/${string}`
  back: `/${string}`
  /** Refuses where the way is switched off, or this request does not belong here. */
  closed?: (ctx: Ctx) => Denial | undefined
  /** What a right code leads to. */
  right: (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, oneTime: OneTime) => Promise<Reply>
}

/** To the page of what was asked for. */
export const toCodePage = (way: Pick<CodeWay, 'path'>, { id, limited }: Asked, browser: BrowserPrincipal): Reply =>
  redirectLocal(`${way.path}?id=${id}${limited ? '&limited=1' : ''}`, { cookies: browserCookie(browser) })

/** The routes of a way, without the one that asks for the first letter. */
export const codeRoutes = (way: CodeWay): Route[] => [
  route({
    method: 'GET',
    path: way.path,
    auth: 'browser',
    errors: 'page',
    summary: `Where the code of a letter is typed: ${way.purpose}`,
    handler: async (ctx, request, browser) => await showCode(ctx, request, browser, way),
  }),
  route({
    method: 'POST',
    path: way.path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: `Try the code of a letter: ${way.purpose}`,
    handler: async (ctx, request, browser) => await typeCode(ctx, request, browser, way),
  }),
  resendRoute(way),
]

/** The last of them, for a way whose first two do other things too. */
export const resendRoute = (way: CodeWay): Route =>
  route({
    method: 'POST',
    path: way.resend,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'mail',
    summary: `Send another code: ${way.purpose}`,
    handler: async (ctx, request, browser) => await sendAgain(ctx, request, browser, way),
  })

/** The page, for a way whose GET shows other things too. */
export const showCode = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  way: CodeWay,
): Promise<Reply> => {
  const found = await findOpened(ctx, request, browser, way)
  if (isDenial(found)) return refuse(ctx, found, 'page', { route: way.path, request })
  const error = request.query.has('limited') ? 'too_many_letters' : undefined
  return await codePage(ctx, request, browser, { way, oneTime: found, error, sent_again: request.query.has('again') })
}

/** Tries what was typed. */
export const typeCode = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  way: CodeWay,
): Promise<Reply> => {
  const found = await openForm(ctx, request, browser, way)
  if (isDenial(found)) return refuse(ctx, found, 'page', { route: way.path, request })
  const code = (param(request.form, 'code') ?? '').slice(0, 100)
  const tried = await tryMailedCode(ctx, request, browser, { id: found.id ?? '', purpose: way.purpose, code })
  if (!isDenial(tried)) return await way.right(ctx, request, browser, tried)
  ctx.decisions.record(tried, { route: way.path, request_id: request.request_id, now: request.now })
  const error = errors.find((one) => one === tried.error) ?? 'wrong_code'
  const { status, retry_after_seconds } = tried
  return await codePage(ctx, request, browser, { way, oneTime: found, error, status, retry_after_seconds })
}

const errors = ['wrong_code', 'expired_code', 'too_many_attempts'] as const

const sendAgain = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, way: CodeWay): Promise<Reply> => {
  const found = await openForm(ctx, request, browser, way)
  if (isDenial(found)) return refuse(ctx, found, 'page', { route: way.path, request })
  const wish = { purpose: way.purpose, address: found.address ?? '', data: found.data }
  const { id, limited } = await askAt(ctx, request, browser, wish)
  if (limited)
    return await codePage(ctx, request, browser, { way, oneTime: found, error: 'too_many_letters', status: 429 })
  return redirectLocal(`${way.path}?id=${id}&again=1`)
}

const openForm = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  way: CodeWay,
): Promise<OneTime | Denial> => {
  const id = param(request.form, 'id') ?? ''
  return checkCsrf(ctx, request, browser.browser, contextOf(id)) ?? (await findOpened(ctx, request, browser, way))
}

/** What this browser was shown, while it is open: another browser's, a used and an expired one are all the same. */
const findOpened = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { purpose, closed }: CodeWay,
): Promise<OneTime | Denial> => {
  const refused = closed?.(ctx)
  if (refused) return refused
  const id = param(request.method === 'POST' ? request.form : request.query, 'id') ?? ''
  const bound_to = hashToken(browser.browser)
  return (await findOwnOneTime(ctx.db, { id, purpose, bound_to, now: request.now })) ?? { ...deadCode, status: 400 }
}

const contextOf = (id: string): string => `code|${id}`

type Shown = {
  oneTime: OneTime
  sent_again?: boolean
  error?: EntryPages['mail-code']['error'] | undefined
  status?: number | undefined
  retry_after_seconds?: number | undefined
}

const codePage = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { way, ...shown }: Shown & { way: CodeWay },
): Promise<Reply> => {
  const { oneTime, error, sent_again, retry_after_seconds } = shown
  const id = oneTime.id ?? ''
  const typed = textIn(oneTime.data, 'typed')
  const data: EntryPages['mail-code'] = {
    action: pathOf(ctx, way.path),
    csrf: csrfToken(ctx, browser.browser, contextOf(id)),
    kind: way.purpose,
    id,
    resend: pathOf(ctx, way.resend),
    back: pathOf(ctx, way.back),
    ...(typed !== undefined && { email: typed }),
    ...(sent_again === true && { sent_again }),
    ...(error !== undefined && { error }),
    ...(retry_after_seconds !== undefined && { retry_after_seconds }),
  }
  return page('mail-code', data, shown.status ?? 200, {
    headers: retry_after_seconds === undefined ? {} : { 'retry-after': String(retry_after_seconds) },
    cookies: browserCookie(browser),
    formAction: await formTargets(ctx, request, browser, textIn(oneTime.data, 'interaction')),
    log: error === undefined ? {} : { code: error },
  })
}
