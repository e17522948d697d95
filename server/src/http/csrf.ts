/**
 * Owns the defence of forms against other sites (security rule AD-4, AZ-13): the origin must be ours, and a token must
 * fit the browser cookie and the purpose, so that one transaction's token is worth nothing in another.
 */
import type { Ctx } from '../ctx.ts'
import { sameBytes } from '../io/secrets.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import type { HttpRequest } from './request.ts'

/** The token of a form: bound to the browser cookie and to `context` (an interaction id, or the name of a page). */
export const csrfToken = (ctx: Ctx, browser: string, context: string): string =>
  ctx.secrets.mac('csrf', browser, context).toString('base64url')

/** Checks origin and token of a posted form. */
export const checkCsrf = (ctx: Ctx, request: HttpRequest, browser: string, context: string): Denial | undefined => {
  const foreign = checkOrigin(ctx, request)
  if (foreign) return foreign
  const sent = param(request.form, 'csrf')
  if (sent !== undefined && sameBytes(Buffer.from(sent), Buffer.from(csrfToken(ctx, browser, context))))
    return undefined
  return refuse('the form token of this browser and this attempt', sent === undefined ? 'no token' : 'another token')
}

/** Origin must be ours when it is sent; else Sec-Fetch-Site must not speak of another site. */
export const checkOrigin = (ctx: Ctx, request: HttpRequest): Denial | undefined => {
  const origin = request.header('origin')
  const own = ctx.edge.origin
  if (origin !== undefined) return origin === own ? undefined : refuse(`Origin: ${own}`, shown(origin))
  const site = request.header('sec-fetch-site')
  return site === undefined || site === 'same-origin' || site === 'none'
    ? undefined
    : refuse('a form of this site', `Sec-Fetch-Site: ${shown(site)}`)
}

/**
 * Checks a call that a script of ours makes with the cookies of a browser: an origin that is ours, and the token of the
 * person's own forms in X-CSRF-Token (security rule AD-4).
 */
export const checkCall = (ctx: Ctx, request: HttpRequest, browser: string, context: string): Denial | undefined => {
  const foreign = checkOrigin(ctx, request)
  if (foreign) return foreign
  const sent = request.header('x-csrf-token')
  if (sent !== undefined && sameBytes(Buffer.from(sent), Buffer.from(csrfToken(ctx, browser, context))))
    return undefined
  return refuse('X-CSRF-Token as GET /api/v1/auth/session gives it', sent === undefined ? 'no token' : 'another token')
}

const refuse = (expected: string, got: string): Denial =>
  deny(
    'access_denied',
    'This form was not sent from a page of this browser.',
    {
      rule: 'a form is posted by the browser it was shown in (AD-4, AZ-13)',
      expected,
      got,
      remedy: 'Open the page again and send the form from there. Cookies must be allowed for this site.',
    },
    { status: 403 },
  )
