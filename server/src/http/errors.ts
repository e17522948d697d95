/**
 * Owns the turning of a refusal into an answer: RFC 6749 §5.2 JSON, RFC 6749 §4.1.2.1 redirect, RFC 9457 problem, or a
 * page. Each refusal gets an `error_id`; what is private about it goes to the decision record only.
 */
import type { Ctx } from '../ctx.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, statusOf } from '../protocol/errors.ts'
import type { RegisteredRedirect } from '../protocol/redirect-uri.ts'
import { notForOthers } from './acting.ts'
import { languageOf } from './language.ts'
import { pathOf } from './paths.ts'
import { json, page, type Reply, redirectOut } from './reply.ts'
import type { HttpRequest } from './request.ts'
import type { ErrorForm } from './route.ts'

/** Where a refusal happened, for its decision record. */
export type Where = { route: string; request: HttpRequest; client_id?: string | undefined }

/** Writes a refusal in the form of the endpoint. */
export const refuse = (ctx: Ctx, denial: Denial, form: ErrorForm, where: Where): Reply => {
  const error_id = remember(ctx, denial, where)
  const headers = headersOf(denial)
  const log = logOf(denial, error_id, where)
  if (form === 'page') return errorPage(ctx, denial, { ...where, error_id })
  const status = statusOf(denial)
  if (form === 'problem') {
    const locale = languageOf(ctx, where.request)
    const body = {
      type: 'about:blank',
      ...inWords(ctx, denial, locale),
      status,
      code: denial.error,
      error_id,
      request_id: where.request.request_id,
      ...denial.members,
    }
    return {
      ...json(body, status, { headers, log }),
      headers: {
        ...headers,
        'content-type': 'application/problem+json',
        'content-language': locale,
        vary: 'Accept-Language',
      },
    }
  }
  // RFC 6750 §3.1: a request without a token is told no error code.
  if (denial.www_authenticate !== undefined && denial.error === 'no_token')
    return { kind: 'empty', status: 401, headers, log }
  return json({ error: denial.error, error_description: denial.error_description, error_id }, status, { headers, log })
}

/** A refusal by redirect (RFC 6749 §4.1.2.1): the caller has proved that the target is registered. `iss` as RFC 9207 §2 wants. */
export const refuseByRedirect = (
  ctx: Ctx,
  denial: Denial,
  to: { redirect_uri: RegisteredRedirect; response_mode: string; state?: string },
  where: Where,
): Reply => {
  const error_id = remember(ctx, denial, where)
  const params = {
    error: denial.error,
    error_description: denial.error_description,
    ...(to.state !== undefined && { state: to.state }),
    iss: ctx.config.issuer,
    error_id,
  }
  return answer(to, params, logOf(denial, error_id, where))
}

/** An answer to a client in the response mode that was asked for (OAuth 2.0 Multiple Response Types §2.1, Form Post §2). */
export const answer = (
  to: { redirect_uri: RegisteredRedirect; response_mode: string },
  params: Record<string, string>,
  log: Record<string, string>,
): Reply => {
  if (to.response_mode !== 'form_post') {
    return redirectOut(to.redirect_uri, params, to.response_mode === 'fragment' ? 'fragment' : 'query', { log })
  }
  return page('form-post', { action: to.redirect_uri, fields: params }, 200, {
    log,
    formAction: [formTarget(to.redirect_uri)],
  })
}

/** What the CSP's form-action needs to let a form reach a redirect URI: its origin, or the scheme of a private-use URI. */
export const formTarget = (redirect_uri: string): string => {
  const url = new URL(redirect_uri)
  return url.origin === 'null' ? url.protocol : url.origin
}

const remember = (ctx: Ctx, denial: Denial, where: Where): string =>
  ctx.decisions.record(denial, {
    route: where.route,
    request_id: where.request.request_id,
    client_id: where.client_id,
    now: where.request.now,
  })

const logOf = (denial: Denial, error_id: string, where: Where): Record<string, string> => ({
  error: denial.error,
  error_id,
  ...(where.client_id !== undefined && { client_id: where.client_id.slice(0, 200) }),
})

const headersOf = (denial: Denial): Record<string, string> => ({
  ...(denial.www_authenticate !== undefined && { 'www-authenticate': denial.www_authenticate }),
  ...(denial.retry_after_seconds !== undefined && { 'retry-after': String(denial.retry_after_seconds) }),
})

const errorPage = (ctx: Ctx, denial: Denial, where: Where & { error_id: string }): Reply => {
  const status = statusOf(denial)
  const { error_id } = where
  return page(
    'error',
    {
      status,
      error: denial.error,
      error_description: denial.error_description,
      error_id,
      request_id: where.request.request_id,
      what_to_do: doOf(denial, status),
      ...(signInNext.has(denial.error) && { sign_in: pathOf(ctx, '/login') }),
    },
    status,
    { headers: headersOf(denial), log: logOf(denial, error_id, where) },
  )
}

/** What is mended by signing in, or from the page on which one does. */
const signInNext: ReadonlySet<string> = new Set([
  'dead_link',
  'expired',
  'expired_code',
  'invitation_over',
  'signup_closed',
])

/** What a person can do about a refusal; the message that says so. */
const doOf = (denial: Denial, status: number): PageData['error']['what_to_do'] => {
  const known: Record<string, PageData['error']['what_to_do']> = {
    access_denied: 'error.do.cookies',
    dead_link: 'error.do.new_letter',
    expired: 'error.do.sign_in_again',
    expired_code: 'error.do.new_letter',
    invalid_client: 'error.do.contact_application',
    invalid_interaction: 'error.do.restart',
    invalid_request: 'error.do.contact_application',
    invitation_over: 'error.do.invitation',
    setup_link: 'error.do.setup_link',
    signup_closed: 'error.do.signup_closed',
    too_many_requests: 'error.do.wait',
    not_found: 'error.do.start_page',
    method_not_allowed: 'error.do.start_page',
    misdirected_request: 'error.do.contact_administrator',
  }
  if (denial.error_description === notForOthers) return 'error.do.acting'
  return known[denial.error] ?? (status >= 500 ? 'error.do.try_again' : 'error.do.go_back')
}

/**
 * RFC 9457 §3.1.3, §3.1.4: title and detail in the caller's language. The sentence of a refusal is English where the
 * catalogue does not have it.
 */
const inWords = (ctx: Ctx, denial: Denial, locale: string): { title: string; detail: string } => {
  const { has, t, sentence } = ctx.pages.wordingFor(locale)
  const title = `problem.title.${statusOf(denial)}`
  return {
    title: t(has(title) ? title : 'problem.title.other'),
    detail: sentence(denial.error_description) ?? denial.error_description,
  }
}
