/** Owns the account chooser: the live sign-ins of this browser, and the way to another one. */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { formTarget } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { sessionsOfBrowser } from '../sessions/list.ts'
import { switchSession } from '../sessions/start.ts'
import { accountView, openInteraction } from './consent.ts'
import { refusePage } from './continue.ts'
import { refuseInteraction } from './interaction.ts'
import { updateInteraction } from './store.ts'

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const open = await openInteraction(ctx, request, browser, '/select-account')
  if ('kind' in open) return open
  const accounts = await sessionsOfBrowser(ctx, browser, request.now)
  return page(
    'select-account',
    {
      action: pathOf(ctx, '/select-account'),
      csrf: csrfToken(ctx, browser.browser, `select|${open.interaction.id}`),
      interaction: open.interaction.id,
      client: { client_name: open.client.client_name },
      accounts: accounts.map(({ session, subject }) => ({ session_id: session.id, ...accountView(subject) })),
    },
    200,
    {
      cookies: browserCookie(browser),
      formAction: [formTarget(open.interaction.request.redirect_uri)],
    },
  )
}

const choose = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const open = await openInteraction(ctx, request, browser, '/select-account')
  if ('kind' in open) return open
  const { interaction } = open
  const forged = checkCsrf(ctx, request, browser.browser, `select|${interaction.id}`)
  if (forged) return refusePage(ctx, request, '/select-account', forged)
  if (request.form.has('cancel')) return await refuseInteraction(ctx.db, interaction)
  const session_id = param(request.form, 'session_id') ?? 'other'
  const chosen = await transact(ctx.db, async (tx) => {
    const switched = await switchSession(ctx, tx, { browser, session_id, now: request.now })
    if (switched)
      await updateInteraction(tx, interaction.id, {
        session_id: switched.session.id,
        selected_at: request.now,
        consented_at: null,
      })
    return switched
  })
  if (chosen === undefined) return redirectLocal(`/login?interaction=${interaction.id}&other=1`)
  ctx.sessions.clear()
  return redirectLocal(`/oauth/continue?interaction=${interaction.id}`, { cookies: [chosen.cookie] })
}

export const selectRoutes = [
  route({
    method: 'GET',
    path: '/select-account',
    auth: 'browser',
    errors: 'page',
    summary: 'Choose an account',
    handler: show,
  }),
  route({
    method: 'POST',
    path: '/select-account',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Go on with the chosen account',
    handler: choose,
  }),
]
