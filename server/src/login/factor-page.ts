/**
 * Owns the page of the second step: which ways there are, and the form of one. Every answer ends in `takeStep`. Start
 * reading at `factorRoutes`.
 */
import { findInteraction } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { type FactorKind, factorKinds, type SignInStep, signInStep } from '../factors/policy.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import type { Reader } from '../http/language.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { holdAll } from './complete.ts'
import { policyFacts } from './policy-facts.ts'
import { pathOfStep, replyOf } from './reply.ts'
import { takeStep } from './second-step.ts'
import { findOwnSignIn, type SignInRow } from './sign-in.ts'

/** What is due of a sign-in now, and whose language its page speaks; undefined when it was overtaken. */
export const dueStep = async (
  ctx: Ctx,
  request: HttpRequest,
  row: SignInRow,
): Promise<{ step: SignInStep; reader: Reader } | undefined> =>
  await transact(ctx.db, async (tx) => {
    const standing = await holdAll(tx, row)
    if (standing === undefined) return undefined
    const interaction = row.interaction_id === null ? undefined : await findInteraction(tx, row.interaction_id)
    const step = signInStep(await policyFacts(ctx, tx, { request, row, standing, interaction }))
    return { step, reader: { ui_locales: interaction?.request.ui_locales, user_locale: standing.locale } }
  })

export type Due = { row: SignInRow; step: SignInStep; reader: Reader }

/** The sign-in that a page belongs to with what is due, or the reply that is due instead. */
export const openSignIn = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  path: string,
): Promise<Due | Reply> => {
  const id = param(request.method === 'POST' ? request.form : request.query, 'sign_in')
  const row = await findOwnSignIn(ctx, request, browser, id)
  const due = row && (await dueStep(ctx, request, row))
  if (row === undefined || due === undefined) return refuse(ctx, over, 'page', { route: path, request })
  return { row, ...due }
}

const over: Denial = deny('expired', 'This sign-in is over. Begin it again.', {
  rule: 'a sign-in goes on within ten minutes, in the browser where it began (AZ-12)',
  expected: 'an open sign-in of this browser',
  got: 'none',
  remedy: 'Sign in again.',
})

const contextOf = (row: SignInRow): string => `factor|${row.id}`

type Shown = { kind?: FactorKind | undefined; error?: PageData['factor']['error']; status?: number }

const factorPage = (ctx: Ctx, browser: BrowserPrincipal, due: Due & { kinds: FactorKind[] }, shown: Shown): Reply => {
  const { row, kinds, reader } = due
  const kind = shown.kind !== undefined && kinds.includes(shown.kind) ? shown.kind : kinds[0]
  if (kind === undefined) return redirectLocal('/login')
  const at = (other: FactorKind): string => pathOf(ctx, `/factor?sign_in=${row.id}&kind=${other}`)
  const data: PageData['factor'] = {
    action: pathOf(ctx, '/factor'),
    csrf: csrfToken(ctx, browser.browser, contextOf(row)),
    sign_in: row.id,
    kind,
    others: kinds.filter((other) => other !== kind).map((other) => ({ kind: other, href: at(other) })),
    trust_days: row.method === 'session' ? 0 : ctx.config.trusted_device_days,
    ...(shown.error !== undefined && { error: shown.error }),
  }
  return page('factor', data, shown.status ?? 200, { cookies: browserCookie(browser), reader })
}

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const due = await openSignIn(ctx, request, browser, '/factor')
  if ('kind' in due) return due
  if (due.step.step !== 'factor') return elsewhere(due)
  const kind = factorKinds.find((one) => one === param(request.query, 'kind'))
  return factorPage(ctx, browser, { ...due, kinds: due.step.kinds }, { kind })
}

/** Another page is due: one that was opened again from the history, or a step that was taken in another tab. */
const elsewhere = ({ row, step }: Due): Reply =>
  step.step === 'complete' ? redirectLocal('/login') : redirectLocal(pathOfStep(row.id, step))

const confirm = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const due = await openSignIn(ctx, request, browser, '/factor')
  if ('kind' in due) return due
  const forged = checkCsrf(ctx, request, browser.browser, contextOf(due.row))
  if (forged) return refuse(ctx, forged, 'page', { route: '/factor', request })
  if (due.step.step !== 'factor') return elsewhere(due)
  const { kinds } = due.step
  const kind = factorKinds.find((one) => one === param(request.form, 'kind')) ?? 'totp'
  const step = {
    kind,
    code: (param(request.form, 'code') ?? '').slice(0, 300),
    trust_device: request.form.has('trust_device') && ctx.config.trusted_device_days > 0,
  }
  const outcome = await takeStep(ctx, { request, browser, row: due.row, step, kinds })
  if (isDenial(outcome)) {
    const error = outcome.error === 'too_many_attempts' ? 'too_many_attempts' : 'wrong_code'
    return factorPage(ctx, browser, { ...due, kinds }, { kind, error, status: outcome.status ?? 401 })
  }
  return replyOf(ctx, outcome) ?? refuse(ctx, over, 'page', { route: '/factor', request })
}

export const factorRoutes = [
  route({
    method: 'GET',
    path: '/factor',
    auth: 'browser',
    errors: 'page',
    summary: 'The second step of a sign-in',
    handler: show,
  }),
  route({
    method: 'POST',
    path: '/factor',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Take the second step of a sign-in',
    handler: confirm,
  }),
]
