/**
 * Owns the way out: a person deletes their account, on a page and by the API. The operation is users/leave.ts's. Start
 * reading at `deleteRoutes`.
 */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, instant } from '../http/api-route.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { json, page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { noSession } from '../sessions/cookie.ts'
import { canonicalLogin } from '../users/identifier.ts'
import { type Leaving, requestErasure } from '../users/leave.ts'
import { createdAt } from '../users/manage.ts'
import { accountFrame, fresh, type Own, ownForm, signedIn, withCookies } from './frame.ts'
import { checkVersion } from './profile-api.ts'

const path = '/account/delete'

const show = (ctx: Ctx, request: HttpRequest, own: Own): Reply => deletePage(ctx, request, own, {})

type Shown = { error?: PageData['account-delete']['error']; typed?: string; status?: number }

const deletePage = (ctx: Ctx, request: HttpRequest, own: Own, { error, typed, status = 200 }: Shown): Reply => {
  const data: PageData['account-delete'] = {
    ...accountFrame(ctx, request, own, 'data'),
    action: pathOf(ctx, path),
    login: loginOf(own),
    days: ctx.config.erasure_days,
    back: pathOf(ctx, '/account/data'),
    ...(error !== undefined && { error }),
    ...(typed !== undefined && { typed }),
  }
  return page('account-delete', data, status, withCookies(own))
}

/** What has to be typed: nobody deletes an account by pressing one button too many, or in the wrong browser. */
const loginOf = ({ subject }: Own): string => subject.email ?? subject.username ?? subject.id

const confirm = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const typed = (param(request.form, 'login') ?? '').slice(0, 320)
  if (canonicalLogin(typed) !== canonicalLogin(loginOf(own)))
    return deletePage(ctx, request, own, { error: 'another_login', typed, status: 422 })
  const left = await requestErasure(ctx, request, own.session.user_id)
  if (!isDenial(left)) return leftPage(left)
  if (left.error !== 'last_administrator') return refuse(ctx, left, 'page', { route: path, request })
  ctx.decisions.record(left, { route: path, request_id: request.request_id, now: request.now })
  return deletePage(ctx, request, own, { error: 'last_administrator', typed, status: 409 })
}

const leftPage = ({ erase_after, erased }: Leaving): Reply =>
  page('account-left', erased ? {} : { erase_after }, 200, { cookies: [noSession] })

/** 202: it is begun (RFC 9110 §15.3.3). The session that asked is over with all others. */
const deleteMe = async (ctx: Ctx, { request, person }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const { subject } = person
  const refused = requireFresh(ctx, request, person) ?? checkVersion(request, subject, await createdAt(ctx, subject))
  if (refused) return refused
  const left = await requestErasure(ctx, request, subject.id)
  if (isDenial(left)) return left
  const { erase_after, erased } = left
  const body = erased ? { status: 'erased' } : { status: 'pending_erasure', erase_after: erase_after.toISOString() }
  return json(body, 202, { cookies: person.browser ? [noSession] : [] })
}

export const deleteRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: "Delete one's own account",
    handler: signedIn(path, fresh(path, show)),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: "Delete one's own account, now that its name was typed",
    handler: ownForm(path, fresh(path, confirm)),
  }),
  apiRoute({
    method: 'DELETE',
    path: '/api/v1/users/me',
    tag: 'One’s own account',
    may: 'self',
    summary: "Delete one's own account",
    answers: { 202: z.object({ status: z.enum(['pending_erasure', 'erased']), erase_after: instant.optional() }) },
    refuses: [404, 409, 412],
    handler: deleteMe,
  }),
]
