/**
 * Owns the addresses at which an administrator begins and ends to act as somebody else (security rule AD-4): a fresh proof,
 * a reason, somebody with fewer rights, an event, a banner on every page. Start reading at `impersonationRoutes`.
 */
import { z } from 'zod'
import { can } from '../access/can.ts'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import { type ApiCall, apiRoute } from '../http/api-route.ts'
import { stopForms } from '../http/acting.ts'
import { checkCsrf } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { json, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { mayAct } from '../protocol/subject.ts'
import { noSession } from '../sessions/cookie.ts'
import { startImpersonation, stopImpersonation } from '../sessions/impersonation.ts'
import { noSuchUser } from './admin.ts'
import { isPerson, notForServices } from './kind.ts'
import { loadSubject } from './store.ts'

const body = z.strictObject({ reason: z.string().trim().min(3).max(500) })

const start = async (
  ctx: Ctx,
  { request, person, params, body: asked }: ApiCall<z.infer<typeof body>, unknown>,
): Promise<Reply | Denial> => {
  const { browser, subject: actor } = person
  if (browser === undefined) return needsBrowser
  const target = await loadSubject(ctx.db, params['id'] ?? '')
  if (target === undefined) return noSuchUser
  const refused =
    requireFresh(ctx, request, person) ??
    ((await isPerson(ctx.db, target.id)) ? undefined : notForServices) ??
    can(actor, { do: 'impersonate', target }) ??
    mayAct({ user: target }, 'account_not_active')
  if (refused) return refused
  const started = await transact(ctx.db, async (tx) => {
    const made = await startImpersonation(ctx, tx, { browser, request, user_id: target.id, actor_id: actor.id })
    if (made === undefined) return undefined
    const data = { by: actor.id, reason: asked.reason }
    const { session_id } = made
    await record(tx, {
      type: 'user.impersonated',
      now: request.now,
      user_id: target.id,
      session_id,
      data,
      ...callerOf(request),
    })
    return made
  })
  if (started === undefined) return needsBrowser
  ctx.sessions.clear()
  return json({ status: 'acting', user_id: target.id, expires_in: 3600 }, 201, { cookies: [started.cookie] })
}

const needsBrowser: Denial = deny(
  'session_needed',
  'Acting as somebody else needs a signed-in browser.',
  {
    rule: 'who acts does so in their own browser (AD-4)',
    expected: 'a session cookie',
    got: 'an access token, or a session that ended',
  },
  { status: 403 },
)

const stop = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const forged = checkCsrf(ctx, request, browser.browser, stopForms(browser.session?.id ?? ''))
  if (forged) return refuse(ctx, forged, 'page', { route: '/impersonation/stop', request })
  const cookie = await transact(ctx.db, async (tx) => await stopImpersonation(ctx, tx, { browser, now: request.now }))
  ctx.sessions.clear()
  await ctx.feed.announce()
  return redirectLocal('/account', { cookies: [cookie ?? noSession] })
}

export const impersonationRoutes = [
  apiRoute({
    method: 'POST',
    path: '/api/v1/users/:id/impersonate',
    tag: 'Accounts',
    may: 'users:impersonate',
    summary: 'Act as somebody with fewer rights, for an hour at most',
    body,
    answers: {
      201: z.object({ status: z.literal('acting'), user_id: z.string(), expires_in: z.int().describe('seconds') }),
    },
    refuses: [409],
    handler: start,
  }),
  route({
    method: 'POST',
    path: '/impersonation/stop',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Stop acting as somebody else',
    handler: stop,
  }),
]
