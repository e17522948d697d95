/** Owns a person's own page: where they are signed in, which applications have access, and the way out of both. */
import { accountView, consentsOf, withdrawConsent } from '../authorize/consent.ts'
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { param } from '../protocol/params.ts'
import { browserCookie, ownForms } from '../sessions/cookie.ts'
import { endSession } from '../sessions/end.ts'
import { sessionsOfUser } from '../sessions/list.ts'
import { browserLabel } from './user-agent.ts'

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const { session, subject } = browser
  if (session === undefined || subject === undefined) return redirectLocal('/login')
  const sessions = await sessionsOfUser(ctx, session.user_id, request.now)
  const consents = await consentsOf(ctx, session.user_id)
  return page(
    'account',
    {
      account: accountView(subject),
      csrf: csrfToken(ctx, browser.browser, ownForms(browser)),
      sessions: sessions.map((own) => ({
        id: own.id,
        current: own.id === session.id,
        user_agent_label: browserLabel(own.user_agent),
        ip: own.ip ?? '',
        created_at: own.created_at,
        last_seen_at: own.last_seen_at,
      })),
      consents: consents.map((consent) => ({
        client_id: consent.client_id,
        client_name: consent.client_name,
        scopes: consent.scopes.filter((name) => name !== 'openid'),
        resources: consent.resources,
        granted_at: consent.granted_at,
      })),
      actions: {
        logout: pathOf(ctx, '/logout'),
        logout_everywhere: pathOf(ctx, '/logout'),
        end_session: pathOf(ctx, '/account/sessions/end'),
        withdraw_consent: pathOf(ctx, '/account/consents/withdraw'),
      },
    },
    200,
    { cookies: browserCookie(browser) },
  )
}

const change =
  (path: string, work: (ctx: Ctx, request: HttpRequest, user_id: string) => Promise<void>) =>
  async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
    if (browser.session === undefined) return redirectLocal('/login')
    const forged = checkCsrf(ctx, request, browser.browser, ownForms(browser))
    if (forged) return refuse(ctx, forged, 'page', { route: path, request })
    await work(ctx, request, browser.session.user_id)
    return redirectLocal('/account')
  }

/** Ends one of the person's own sessions; another's id changes nothing. */
const endOwn = async (ctx: Ctx, request: HttpRequest, user_id: string): Promise<void> => {
  const id = param(request.form, 'session_id')
  const own = (await sessionsOfUser(ctx, user_id, request.now)).find((session) => session.id === id)
  if (own === undefined) return
  await transact(
    ctx.db,
    async (tx) => await endSession(ctx, tx, { session_id: own.id, now: request.now, because: 'ended by its owner' }),
  )
  ctx.sessions.clear()
  await ctx.feed.announce()
}

const withdraw = async (ctx: Ctx, request: HttpRequest, user_id: string): Promise<void> =>
  await withdrawConsent(ctx, request, user_id, param(request.form, 'client_id') ?? '')

export const accountRoutes = [
  route({
    method: 'GET',
    path: '/account',
    auth: 'browser',
    errors: 'page',
    summary: "A person's own page",
    handler: show,
  }),
  route({
    method: 'POST',
    path: '/account/sessions/end',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: "End one of one's own sessions",
    handler: change('/account/sessions/end', endOwn),
  }),
  route({
    method: 'POST',
    path: '/account/consents/withdraw',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: "Take back an application's access",
    handler: change('/account/consents/withdraw', withdraw),
  }),
]
