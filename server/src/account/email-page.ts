/** Owns the pages on which a person gives their account another address, or proves the one it has (security rule EM-2). */
import type { Ctx } from '../ctx.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { param } from '../protocol/params.ts'
import { askNewEmail, type EmailOwner, findAsked, proveNewEmail } from '../users/own-email.ts'
import { accountFrame, fresh, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/email'
const codePath = '/account/email/code'

const ownerOf = ({ subject, browser, session }: Own): EmailOwner => ({
  subject,
  bound_to: hashToken(browser),
  sid: session.id,
})

type Shown = { typed?: string; error?: PageData['account-email']['error']; denial?: Denial }

const emailPage = (ctx: Ctx, request: HttpRequest, own: Own, { typed, error, denial }: Shown = {}): Reply => {
  const { email, email_verified } = own.subject
  const data: PageData['account-email'] = {
    ...accountFrame(ctx, request, own, 'security'),
    action: pathOf(ctx, path),
    back: pathOf(ctx, '/account/security'),
    verified: email_verified,
    ...(email !== null && { email }),
    ...(typed !== undefined && { typed }),
    ...(error !== undefined && { error }),
    ...(denial?.retry_after_seconds !== undefined && { retry_after_seconds: denial.retry_after_seconds }),
  }
  return page('account-email', data, denial?.status ?? 200, withCookies(own))
}

const emailErrors = ['invalid_email', 'same_email', 'too_many_requests'] as const

const ask = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const email = (param(request.form, 'email') ?? '').slice(0, 400)
  const asked = await askNewEmail(ctx, request, { owner: ownerOf(own), email })
  if (!isDenial(asked)) return redirectLocal(`${codePath}?id=${asked.id}`)
  ctx.decisions.record(asked, { route: path, request_id: request.request_id, now: request.now })
  const error = emailErrors.find((known) => known === asked.error) ?? 'invalid_email'
  return emailPage(ctx, request, own, { typed: email, error, denial: asked })
}

const showCode = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> =>
  await codePage(ctx, request, own, undefined)

const codePage = async (ctx: Ctx, request: HttpRequest, own: Own, denial: Denial | undefined): Promise<Reply> => {
  const id = param(request.method === 'POST' ? request.form : request.query, 'id') ?? ''
  const asked = await findAsked(ctx, { owner: ownerOf(own), id, now: request.now })
  // Nothing waits here: it was done, has expired, or was asked for in another browser.
  if (asked === undefined && denial === undefined) return redirectLocal(path)
  const data: PageData['account-email-code'] = {
    ...accountFrame(ctx, request, own, 'security'),
    action: pathOf(ctx, codePath),
    again: pathOf(ctx, path),
    id,
    ...(asked && { email: asked.email }),
    ...(denial && { error: codeErrors.find((known) => known === denial.error) ?? 'wrong_code' }),
  }
  return page('account-email-code', data, denial?.status ?? 200, withCookies(own))
}

const codeErrors = ['wrong_code', 'expired_code', 'already_exists'] as const

const prove = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const id = param(request.form, 'id') ?? ''
  const code = (param(request.form, 'code') ?? '').slice(0, 100)
  const refused = await proveNewEmail(ctx, request, { owner: ownerOf(own), id, code })
  if (refused === undefined) return redirectLocal('/account/security?done=email_changed')
  if (refused.status === undefined) return refuse(ctx, refused, 'page', { route: codePath, request })
  ctx.decisions.record(refused, { route: codePath, request_id: request.request_id, now: request.now })
  return await codePage(ctx, request, own, refused)
}

export const emailRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: "One's own address",
    handler: signedIn(
      path,
      fresh(path, (ctx, request, own) => emailPage(ctx, request, own)),
    ),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'mail',
    summary: 'Have a code sent to a new address, or to the own one',
    handler: ownForm(path, fresh(path, ask)),
  }),
  route({
    method: 'GET',
    path: codePath,
    auth: 'browser',
    errors: 'page',
    summary: 'Where the code of a new address is typed',
    handler: signedIn(path, showCode),
  }),
  route({
    method: 'POST',
    path: codePath,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Prove a new address by its code',
    handler: ownForm(path, prove),
  }),
]
