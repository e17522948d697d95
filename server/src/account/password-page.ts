/** Owns the page on which a person changes their password, or gives an account without one its first. */
import { isFresh, proveFirst } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { passwordMessage } from '../users/new-password.ts'
import { changeOwnPassword, passwordSetAt } from '../users/own-password.ts'
import { minimumLength } from '../users/password-policy.ts'
import { accountFrame, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/password'

/** LI-4: whoever has a password types it, or has just proved themselves; whoever has none proves themselves first. */
const show = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const has_one = (await passwordSetAt(ctx, own.subject.id)) !== undefined
  const due = has_one ? undefined : proveFirst(ctx, request, own, path)
  return due ?? passwordPage(ctx, request, own, { has_one })
}

type Shown = { has_one: boolean; denial?: Denial }

const passwordPage = (ctx: Ctx, request: HttpRequest, own: Own, { has_one, denial }: Shown): Reply => {
  const { subject, session } = own
  const data: PageData['account-password'] = {
    ...accountFrame(ctx, request, own, 'security'),
    action: pathOf(ctx, path),
    back: pathOf(ctx, '/account/security'),
    login: subject.email ?? subject.username ?? '',
    has_one,
    needs_current: has_one && !isFresh(ctx, session, request.now),
    prove: pathOf(ctx, `/login?again=1&return_to=${encodeURIComponent(path)}`),
    password_min: minimumLength(ctx.config),
    ...(denial && errorOf(ctx, denial)),
  }
  return page('account-password', data, denial?.status ?? 200, withCookies(own))
}

const errorOf = (ctx: Ctx, denial: Denial): Pick<PageData['account-password'], 'errors' | 'retry_after_seconds'> => {
  const { error, because, retry_after_seconds } = denial
  if (error === 'weak_password') return { errors: { password: passwordMessage(ctx, because.got) } }
  if (error === 'too_many_attempts')
    return {
      errors: { current: { key: 'own_password.too_many' } },
      ...(retry_after_seconds !== undefined && { retry_after_seconds }),
    }
  return {
    errors: {
      current: { key: error === 'wrong_password' ? 'own_password.wrong' : 'own_password.needed' },
    },
  }
}

const change = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { subject, session } = own
  const has_one = (await passwordSetAt(ctx, subject.id)) !== undefined
  const due = has_one ? undefined : proveFirst(ctx, request, own, path)
  if (due) return due
  const current = param(request.form, 'current')
  const password = param(request.form, 'password') ?? ''
  const done = await changeOwnPassword(ctx, request, { subject, proof: session, browser: own, current, password })
  if (!isDenial(done))
    return redirectLocal('/account/security?done=password_changed', {
      cookies: done.cookies,
      log: { user_id: subject.id },
    })
  if (done.error === 'overtaken') return refuse(ctx, done, 'page', { route: path, request })
  ctx.decisions.record(done, { route: path, request_id: request.request_id, now: request.now })
  return passwordPage(ctx, request, own, { has_one, denial: done })
}

export const passwordRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: "One's own password",
    handler: signedIn(path, show),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: "Change one's own password, or set the first one",
    handler: ownForm(path, change),
  }),
]
