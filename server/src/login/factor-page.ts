/**
 * Owns the page of the second step: which ways there are, the form of one, and the sending of a code. Every answer ends in
 * `takeStep`. Start reading at `factorRoutes`.
 */
import type { Ctx } from '../ctx.ts'
import { sentCode } from '../factors/codes.ts'
import { destinationOf } from '../factors/destination.ts'
import { type FactorKind, factorKinds } from '../factors/policy.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { CodeError, PageData } from '../pages/data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { replyOf } from './reply.ts'
import { placeOf, sendStepCode, takeStep } from './second-step.ts'
import { type Due, overPage, signInExtras, signInFrame, signInPage } from './sign-in-page.ts'

type FactorDue = Due<{ step: 'factor'; kinds: FactorKind[] }>
type Shown = { kind: FactorKind | undefined; denial?: Denial }

const factorPage = async (ctx: Ctx, request: HttpRequest, due: FactorDue, { kind, denial }: Shown): Promise<Reply> => {
  const { row, step } = due
  const chosen = kind !== undefined && step.kinds.includes(kind) ? kind : step.kinds[0]
  if (chosen === undefined) return redirectLocal('/login')
  const at = (other: FactorKind): string => pathOf(ctx, `/factor?sign_in=${row.id}&kind=${other}`)
  const data: PageData['factor'] = {
    ...(await signInFrame(ctx, due, '/factor')),
    ...(await sentView(ctx, request, due, chosen)),
    kind: chosen,
    about: 'confirm',
    others: step.kinds.filter((other) => other !== chosen).map((other) => ({ kind: other, href: at(other) })),
    ...(chosen === 'passkey' && { passkey: { options: pathOf(ctx, '/api/v1/auth/passkey/options') } }),
    trust_days: row.method === 'session' ? 0 : ctx.config.trusted_device_days,
    ...(denial && { error: errorOf(denial) }),
  }
  return page('factor', data, denial ? (denial.status ?? 401) : 200, signInExtras(due))
}

/** Whether a code of this sign-in is on its way, and where to. */
const sentView = async (ctx: Ctx, request: HttpRequest, { row, browser }: FactorDue, kind: FactorKind) => {
  if (kind !== 'email' && kind !== 'sms') return { sent: true }
  const [to, sent] = await Promise.all([
    destinationOf(ctx.db, row.user_id, kind),
    sentCode(ctx.db, placeOf({ request, browser, row })),
  ])
  return { sent: sent?.data['channel'] === kind, ...(to && { destination: to.shown }) }
}

/** What a page says of a refusal. */
export const errorOf = ({ error }: Denial): CodeError =>
  (['expired_code', 'wrong_passkey', 'too_many_attempts', 'too_many_codes'] as const).find(
    (known) => known === error,
  ) ?? 'wrong_code'

const kindOf = (text: string | undefined): FactorKind | undefined => factorKinds.find((one) => one === text)

const show = async (ctx: Ctx, request: HttpRequest, due: FactorDue): Promise<Reply> =>
  await factorPage(ctx, request, due, { kind: kindOf(param(request.query, 'kind')) })

const confirm = async (ctx: Ctx, request: HttpRequest, due: FactorDue): Promise<Reply> => {
  const { browser, row, step } = due
  const { kinds } = step
  const kind = kindOf(param(request.form, 'kind')) ?? 'totp'
  if (request.form.has('send')) {
    const denial = await sendStepCode(ctx, { request, browser, row, kind, kinds })
    if (denial) return await factorPage(ctx, request, due, { kind, denial })
    return redirectLocal(`/factor?sign_in=${row.id}&kind=${kind}`)
  }
  const taken = {
    kind,
    code: (param(request.form, kind === 'passkey' ? 'credential' : 'code') ?? '').slice(0, 40_000),
    trust_device: request.form.has('trust_device') && ctx.config.trusted_device_days > 0,
  }
  const outcome = await takeStep(ctx, { request, browser, row, step: taken, kinds })
  if (isDenial(outcome)) return await factorPage(ctx, request, due, { kind, denial: outcome })
  return replyOf(ctx, outcome) ?? overPage(ctx, request, '/factor')
}

export const factorRoutes = [
  route({
    method: 'GET',
    path: '/factor',
    auth: 'browser',
    errors: 'page',
    summary: 'The second step of a sign-in',
    handler: signInPage('/factor', 'factor', show),
  }),
  route({
    method: 'POST',
    path: '/factor',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Take the second step of a sign-in, or have a code for it sent',
    handler: signInPage('/factor', 'factor', confirm),
  }),
]
