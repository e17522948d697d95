/**
 * Owns what all pages of a person's own have in common: who sees them, their navigation, and the check of their forms.
 * Never shows anything of its own. Start reading at `signedIn`.
 */
import { proveFirst } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { AccountFrame, AccountSection } from '../pages/data.ts'
import type { Subject } from '../protocol/claims.ts'
import { param } from '../protocol/params.ts'
import type { LiveSession } from '../protocol/session.ts'
import { browserCookie, ownForms } from '../sessions/cookie.ts'

/** A browser in which somebody is signed in. */
export type Own = BrowserPrincipal & { session: LiveSession; subject: Subject }
export type OwnPath = `/account${string}`
type Handler = (ctx: Ctx, request: HttpRequest, own: Own) => Reply | Promise<Reply>
type BrowserHandler = (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal) => Promise<Reply>

/** For whoever is signed in; everybody else signs in and comes back to `path`, which has to be a page. */
export const signedIn =
  (path: OwnPath, handler: Handler): BrowserHandler =>
  async (ctx, request, browser) => {
    const { session, subject } = browser
    return session === undefined || subject === undefined
      ? redirectLocal(`/login?return_to=${encodeURIComponent(path)}`)
      : await handler(ctx, request, { ...browser, session, subject })
  }

/** A form of the page at `path`: posted from there, by whoever saw it (security rule AD-4). */
export const ownForm = (path: OwnPath, handler: Handler): BrowserHandler =>
  signedIn(path, async (ctx, request, own) => {
    const forged = checkCsrf(ctx, request, own.browser, ownForms(own))
    if (forged) return refuse(ctx, forged, 'page', { route: path, request })
    return await handler(ctx, request, own)
  })

/** What a thief of a session must not do: only after a proof that is young enough, and never for somebody else (security rule LI-4). */
export const fresh =
  (path: OwnPath, handler: Handler): Handler =>
  async (ctx, request, own) =>
    proveFirst(ctx, request, own, path) ?? (await handler(ctx, request, own))

const paths: readonly [AccountSection, OwnPath][] = [
  ['overview', '/account'],
  ['profile', '/account/profile'],
  ['security', '/account/security'],
  ['sessions', '/account/sessions'],
  ['applications', '/account/applications'],
  ['data', '/account/data'],
]

/** What every such page shows: the way to the others, and what was just done, if its address says so. */
export const accountFrame = (
  ctx: Ctx,
  request: HttpRequest,
  own: BrowserPrincipal,
  current: AccountSection,
): AccountFrame => {
  const done = param(request.query, 'done')
  return {
    nav: paths.map(([section, path]) => ({ section, href: pathOf(ctx, path), current: section === current })),
    csrf: csrfToken(ctx, own.browser, ownForms(own)),
    ...(done !== undefined && /^[a-z_]{1,40}$/.test(done) && { done }),
  }
}

/** What every answer with such a page carries beside it. */
export const withCookies = (own: BrowserPrincipal) => ({ cookies: browserCookie(own) })
