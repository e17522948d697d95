/**
 * Owns the beginning of a step-up: somebody who is signed in proves more, within the same session. It goes the way of a
 * sign-in whose first step is the session itself. Never proves anything.
 */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { findInteraction } from '../authorize/interaction.ts'
import { signInStep } from '../factors/policy.ts'
import type { LiveSession } from '../protocol/session.ts'
import { credentialOf, holdAccount } from '../users/credentials.ts'
import { policyFacts } from './policy-facts.ts'
import { pathOfStep } from './reply.ts'
import { insertSignIn } from './sign-in-store.ts'
import { newSignIn } from './sign-in.ts'

/** Begins one, and tells the page on which it goes on. */
export const beginStepUp = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  facts: { session: Pick<LiveSession, 'user_id'>; interaction_id: string },
): Promise<`/${string}`> => {
  const { interaction_id } = facts
  const { user_id } = facts.session
  const amr = browser.session?.amr ?? []
  return await transact(ctx.db, async (tx): Promise<`/${string}`> => {
    const standing = await holdAccount(tx, user_id)
    if (standing === undefined) return `/login?interaction=${interaction_id}`
    const proven = { user_id, method: 'session', amr, credential: credentialOf(standing.password_changed_at) }
    const row = newSignIn(request, browser, { proven, interaction_id, return_to: undefined })
    const interaction = await findInteraction(tx, interaction_id)
    const step = signInStep(await policyFacts(ctx, tx, { request, row, standing, interaction }))
    // The level was reached meanwhile, in another tab.
    if (step.step === 'complete') return `/oauth/continue?interaction=${interaction_id}`
    await insertSignIn(tx, row)
    return pathOfStep(row.id, step)
  })
}
