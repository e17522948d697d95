/**
 * Owns a request that is on its way through pages: stored on the server, bound to the browser that began it, open for
 * half an hour, finished once. Several may be open in one browser. Start reading at `findOwn`.
 */
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import { formTarget } from '../http/errors.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import { sameBytes } from '../io/secrets.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { findInteraction, type Interaction, insertInteraction, updateInteraction } from './store.ts'

export { findInteraction, type Interaction } from './store.ts'

export type Found =
  | { kind: 'none' }
  | { kind: 'open'; interaction: Interaction }
  | { kind: 'expired'; interaction: Interaction }
  | { kind: 'refused'; denial: Denial }

/** Finds the interaction that a page names, if it belongs to this browser (security rule AZ-12) and is not finished. */
export const findOwn = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  id: string | undefined,
): Promise<Found> => {
  if (id === undefined) return { kind: 'none' }
  const interaction = isUuid(id) ? await findInteraction(ctx.db, id) : undefined
  if (interaction === undefined) return refusal('an attempt of this server', shown(id))
  if (!sameBytes(interaction.browser_hash, hashToken(browser.browser)))
    return refusal('the browser in which it began', 'another browser')
  if (interaction.completed_at !== null)
    return refusal(
      'an attempt that is not finished',
      `one that was finished at ${interaction.completed_at.toISOString()}`,
    )
  return interaction.expires_at <= request.now ? { kind: 'expired', interaction } : { kind: 'open', interaction }
}

const refusal = (expected: string, got: string): Found => ({
  kind: 'refused',
  denial: deny(
    'invalid_interaction',
    'This sign-in cannot be continued here: it is finished, unknown, or began in another browser.',
    {
      rule: 'an interaction is continued once, in the browser where it began (AZ-12)',
      expected,
      got,
      remedy: 'Go back to the application and start again there.',
    },
  ),
})

/** Stores a request and returns the id of its interaction. */
export const begin = async (
  ctx: Ctx,
  browser: BrowserPrincipal,
  authorization: AuthorizationRequest,
  now: Date,
): Promise<string> => {
  const id = uuidv7(now)
  await insertInteraction(ctx.db, {
    id,
    browser_hash: hashToken(browser.browser),
    client_id: authorization.client_id,
    request: authorization,
    created_at: now,
    expires_at: new Date(now.getTime() + ctx.config.interaction_ttl_seconds * 1000),
  })
  return id
}

/** An attempt that took too long begins anew with the same request, so that the person still comes back to the application. */
export const restart = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  expired: Interaction,
): Promise<Reply> => {
  const id = await begin(ctx, browser, expired.request, request.now)
  return redirectLocal(`/oauth/continue?interaction=${id}&restarted=1`, { cookies: browserCookie(browser) })
}

/**
 * The interaction that somebody left for their mailbox, in the browser where it began: undefined in another one, and one that
 * has expired meanwhile is begun anew.
 */
export const resume = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  id: string | undefined,
): Promise<Interaction | undefined> => {
  const found = await findOwn(ctx, request, browser, id)
  if (found.kind === 'open') return found.interaction
  if (found.kind !== 'expired') return undefined
  return await findInteraction(ctx.db, await begin(ctx, browser, found.interaction.request, request.now))
}

/**
 * What a form of ours leads to in the end when it answers such an interaction: the CSP of its page has to name that, because
 * Chrome applies form-action to every redirect that follows a post (security rule HD-1). Nothing in another browser.
 */
export const formTargets = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  id: string | undefined,
): Promise<string[]> => {
  const found = await findOwn(ctx, request, browser, id)
  return found.kind === 'open' || found.kind === 'expired' ? [formTarget(found.interaction.request.redirect_uri)] : []
}

/** Records that the person of this session proved who they are within this interaction. */
export const recordProof = async (tx: Query, proof: { id: string; session_id: string; now: Date }): Promise<void> => {
  await updateInteraction(tx, proof.id, { session_id: proof.session_id, proved_at: proof.now, consented_at: null })
}

/** Records that the person does not want to go on, and lets `continue` tell the application. */
export const refuseInteraction = async (query: Query, interaction: Interaction): Promise<Reply> => {
  await updateInteraction(query, interaction.id, { refused: true })
  return redirectLocal(`/oauth/continue?interaction=${interaction.id}`)
}
