/**
 * Owns the pages of what an account has to do before a sign-in is complete: another password, the proof of its address. Start
 * reading at `actionRoutes`.
 */
import type { Ctx } from '../ctx.ts'
import type { RequiredAction } from '../factors/policy.ts'
import { page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { passwordMessage } from '../users/new-password.ts'
import { minimumLength } from '../users/password-policy.ts'
import { mailStepPage } from './mail-step.ts'
import { setPassword } from './new-password.ts'
import { replyOf } from './reply.ts'
import { type Due, overPage, signInExtras, signInFrame, signInPage } from './sign-in-page.ts'
import { stuckPage } from './stuck-page.ts'

const path = '/factor/action'
type ActionDue = Due<{ step: 'action'; action: RequiredAction }>

const act = async (ctx: Ctx, request: HttpRequest, due: ActionDue): Promise<Reply> => {
  if (due.step.action === 'change_password') return await changePassword(ctx, request, due)
  if (due.standing.email_canonical === null) return await stuckPage(ctx, request, due)
  return await mailStepPage({ about: 'verify_email', path })(ctx, request, due)
}

const changePassword = async (ctx: Ctx, request: HttpRequest, due: ActionDue): Promise<Reply> => {
  if (request.method !== 'POST') return await passwordPage(ctx, due)
  const outcome = await setPassword(ctx, request, due, param(request.form, 'password') ?? '')
  if (isDenial(outcome)) return await passwordPage(ctx, due, outcome)
  return replyOf(ctx, outcome) ?? overPage(ctx, request, path)
}

const passwordPage = async (ctx: Ctx, due: ActionDue, denial?: Denial): Promise<Reply> => {
  const { email, name } = due.standing
  const data: PageData['factor-password'] = {
    ...(await signInFrame(ctx, due, path)),
    account: email ?? name ?? '',
    password_min: minimumLength(ctx.config),
    ...(denial && { error: messageOf(ctx, denial) }),
  }
  return page('factor-password', data, denial ? (denial.status ?? 422) : 200, signInExtras(due))
}

const messageOf = (ctx: Ctx, { error, because }: Denial): NonNullable<PageData['factor-password']['error']> =>
  error === 'same_password' ? { key: 'password.same' } : passwordMessage(ctx, because.got)

export const actionRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: 'What has to be done before a sign-in is complete',
    handler: signInPage(path, 'action', act),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Do what has to be done before a sign-in is complete',
    handler: signInPage(path, 'action', act),
  }),
  route({
    method: 'GET',
    path: '/factor/mail',
    auth: 'browser',
    errors: 'page',
    summary: 'Prove the address, before a first second step may be set up',
    handler: signInPage('/factor/mail', 'prove_mail', mailStepPage({ about: 'prove_mail', path: '/factor/mail' })),
  }),
  route({
    method: 'POST',
    path: '/factor/mail',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Have the code sent that proves the address, or type it',
    handler: signInPage('/factor/mail', 'prove_mail', mailStepPage({ about: 'prove_mail', path: '/factor/mail' })),
  }),
]
