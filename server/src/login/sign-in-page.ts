/**
 * Owns what all pages of a sign-in that is under way have in common: whose it is, what is due, the check of their forms and the
 * way back. Never proves anything. Start reading at `signInPage`.
 */
import { findInteraction, type Interaction, refuseInteraction } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { type SignInStep, signInStep } from '../factors/policy.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { formTarget, refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import type { Standing } from '../users/credentials.ts'
import { holdAll } from './complete.ts'
import { policyFacts } from './policy-facts.ts'
import { pathOfStep } from './reply.ts'
import { findOwnSignIn, type SignInRow } from './sign-in.ts'

/** A sign-in that is open in this browser, and what is due of it. */
export type Due<S extends SignInStep = SignInStep> = {
  browser: BrowserPrincipal
  row: SignInRow
  step: S
  standing: Standing
  interaction: Interaction | undefined
}
export type StepName = SignInStep['step']
type StepOf<N extends StepName> = Extract<SignInStep, { step: N }>
type Handler<N extends StepName> = (ctx: Ctx, request: HttpRequest, due: Due<StepOf<N>>) => Reply | Promise<Reply>

/**
 * The handler of a page on which one kind of step is taken. A form is posted from it, by the browser that saw it; another step
 * that is due leads to its own page: this one was opened again from the history, or a step was taken in another tab.
 */
export const signInPage =
  <N extends StepName>(path: `/${string}`, name: N, handler: Handler<N>) =>
  async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
    const isPost = request.method === 'POST'
    const due = await dueOf(ctx, request, browser, param(isPost ? request.form : request.query, 'sign_in'))
    if (due === undefined) return overPage(ctx, request, path)
    const forged = isPost ? checkCsrf(ctx, request, browser.browser, contextOf(due.row)) : undefined
    if (forged) return refuse(ctx, forged, 'page', { route: path, request })
    if (isPost && request.form.has('cancel')) return await leave(ctx, due)
    if (isStep(due, name)) return await handler(ctx, request, due)
    return due.step.step === 'complete' ? redirectLocal('/login') : redirectLocal(pathOfStep(due.row.id, due.step))
  }

/** Tells which step is due. */
export const isStep = <N extends StepName>(due: Due, name: N): due is Due<StepOf<N>> => due.step.step === name

/** The sign-in of this browser that an id names, with what is due now; undefined when it is over or was overtaken. */
export const dueOf = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  id: string | undefined,
): Promise<Due | undefined> => {
  const row = await findOwnSignIn(ctx, request, browser, id)
  if (row === undefined) return undefined
  const due = await transact(ctx.db, async (tx) => await stepOf(ctx, tx, request, row))
  return due && { browser, row, ...due }
}

/** What is due of a sign-in as it stands in this transaction; undefined when it was overtaken. */
export const stepOf = async (
  ctx: Ctx,
  tx: Tx,
  request: HttpRequest,
  row: SignInRow,
): Promise<Pick<Due, 'step' | 'standing' | 'interaction'> | undefined> => {
  const standing = await holdAll(tx, row)
  if (standing === undefined) return undefined
  const interaction = row.interaction_id === null ? undefined : await findInteraction(tx, row.interaction_id)
  const step = signInStep(await policyFacts(ctx, tx, { request, row, standing, interaction }))
  return { step, standing, interaction }
}

/** Back to the application, which is told that nobody signed in; without one, to the sign-in page. */
const leave = async (ctx: Ctx, { interaction }: Due): Promise<Reply> =>
  interaction === undefined ? redirectLocal('/login') : await refuseInteraction(ctx.db, interaction)

/** The page that says that a sign-in has ended. */
export const overPage = (ctx: Ctx, request: HttpRequest, route: string): Reply =>
  refuse(ctx, over, 'page', { route, request })

export const over: Denial = deny('expired', 'This sign-in is over. Begin it again.', {
  rule: 'a sign-in goes on within ten minutes, in the browser where it began (AZ-12)',
  expected: 'an open sign-in of this browser',
  got: 'none',
  remedy: 'Sign in again.',
})

const contextOf = (row: SignInRow): string => `factor|${row.id}`

/** What every such page shows: its form's hidden fields, the application it leads to, the way back. */
export const signInFrame = async (ctx: Ctx, { browser, row, interaction }: Due, action: `/${string}`) => {
  const client = interaction && (await ctx.clients.get(interaction.client_id))
  return {
    action: pathOf(ctx, action),
    csrf: csrfToken(ctx, browser.browser, contextOf(row)),
    sign_in: row.id,
    cancel: true,
    ...(client && { client: { client_name: client.client_name } }),
  }
}

/** What every answer with such a page carries: the way back may lead to the application (HD-1). */
export const signInExtras = ({ browser, interaction, standing }: Due) => ({
  cookies: browserCookie(browser),
  formAction: interaction ? [formTarget(interaction.request.redirect_uri)] : [],
  reader: { user_locale: standing.locale },
})
