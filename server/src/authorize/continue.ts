/**
 * Owns the dispatcher of a sign-in: loads the facts, asks `nextStep`, and goes there. Every page returns here; no page
 * knows another. Start reading at `goOn`.
 */
import type { Client } from '../clients/load.ts'
import type { Ctx } from '../ctx.ts'
import { refuse } from '../http/errors.ts'
import { applicationLanguage } from '../http/language.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { beginStepUp } from '../login/step-up.ts'
import { strongest } from '../protocol/acr.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { matchRedirect } from '../protocol/redirect-uri.ts'
import { mayAct } from '../protocol/subject.ts'
import { authenticateBrowser, browserCookie } from '../sessions/cookie.ts'
import { begin, type Interaction } from './interaction.ts'
import { nextStep, type Step } from './next-step.ts'
import { respondWithCode, respondWithRefusal } from './respond.ts'
import { findConsents } from './store.ts'

type Facts = { authorization: AuthorizationRequest; client: Client; interaction?: Interaction }

/**
 * Takes a request one step further. Until it leads back to the application, our pages speak the language that the
 * application wishes for.
 */
export const goOn = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, facts: Facts): Promise<Reply> => {
  const reply = await takeStep(ctx, request, browser, facts)
  const isOurs = reply.kind === 'redirect' && reply.to.startsWith('/')
  const language = applicationLanguage(ctx, request, isOurs ? facts.authorization.ui_locales : undefined)
  return language.length === 0 ? reply : { ...reply, cookies: [...(reply.cookies ?? []), ...language] }
}

/** A request that needs no page gets its answer at once and is never stored. */
const takeStep = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, facts: Facts): Promise<Reply> => {
  const { authorization, client, interaction } = facts
  const step = await stepOf(ctx, request, browser, facts)
  if (step.step === 'refuse')
    return await respondWithRefusal(ctx, request, {
      authorization,
      denial: step.denial,
      interaction_id: interaction?.id,
    })
  if (step.step === 'respond') {
    const { session } = step
    const answered = await respondWithCode(ctx, request, {
      authorization,
      session,
      client,
      interaction_id: interaction?.id,
    })
    return answered ?? (await lookAgain(ctx, request, browser, facts))
  }
  const id = interaction?.id ?? (await begin(ctx, browser, authorization, request.now))
  if (step.step === 'factor')
    return redirectLocal(await beginStepUp(ctx, request, browser, { session: step.session, interaction_id: id }))
  const restarted = request.query.has('restarted') ? '&restarted=1' : ''
  const pages = {
    login: `/login?interaction=${id}${restarted}`,
    select: `/select-account?interaction=${id}`,
    consent: `/consent?interaction=${id}`,
  } as const
  return redirectLocal(pages[step.step], {
    cookies: browserCookie(browser),
    log: { client_id: client.client_id, step: step.step },
  })
}

/** The session has ended or the consent was withdrawn while the answer was made: everything is loaded afresh. */
const lookAgain = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, facts: Facts): Promise<Reply> => {
  if (browser.token_hash) ctx.sessions.forget(browser.token_hash.toString('base64url'))
  if (facts.interaction) return redirectLocal(`/oauth/continue?interaction=${facts.interaction.id}`)
  return await takeStep(ctx, request, await authenticateBrowser(ctx, request), facts)
}

/** Loads what `nextStep` decides on, and asks it. */
export const stepOf = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  facts: Facts,
): Promise<Step> => {
  const { authorization, client, interaction } = facts
  const { session } = browser
  const hinted = hintedSubject(ctx, authorization)
  if (hinted === null) return { step: 'refuse', denial: badHint }
  const consents =
    session !== undefined && !client.first_party ? await findConsents(ctx.db, session.user_id, client.client_id) : []
  return nextStep({
    request: authorization,
    client,
    session,
    ...(interaction && { proofs: interaction }),
    consents,
    hinted,
    policy: strongest([ctx.config.acr, browser.subject?.role_acr]),
    now: request.now,
  })
}

/** Checks again what may have changed since the request was stored: the client may act, and the redirect URI is still registered. */
export const clientOf = async (ctx: Ctx, interaction: Interaction): Promise<Client | Denial> => {
  const client = await ctx.clients.get(interaction.client_id)
  const refused = mayAct({ client: client ?? null }, 'unauthorized_client')
  if (refused || client === undefined)
    return refused ?? deny('unauthorized_client', 'The application is unknown.', { rule: 'the client exists' })
  if (matchRedirect(interaction.request.redirect_uri, client.redirect_uris, client.type) !== undefined) return client
  return deny('invalid_request', 'The redirect_uri of this request is no longer registered.', {
    rule: 'redirect_uri is registered (AZ-1)',
    expected: client.redirect_uris.join(' '),
    got: interaction.request.redirect_uri,
  })
}

/** Undefined without a hint, null for one that is not ours for this client; an expired one is good (OpenID Connect Core §3.1.2.1). */
const hintedSubject = (ctx: Ctx, authorization: AuthorizationRequest): string | undefined | null => {
  if (authorization.id_token_hint === undefined) return undefined
  const verified = ctx.signer.verify(authorization.id_token_hint, 'JWT', { retired: true })
  const { sub, aud, iss } = verified?.payload ?? {}
  return typeof sub === 'string' && aud === authorization.client_id && iss === ctx.config.issuer ? sub : null
}

const badHint: Denial = deny('invalid_request', 'The id_token_hint is not an ID token of this client.', {
  rule: 'id_token_hint was issued here (OpenID Connect Core §3.1.2.1)',
  expected: 'an ID token that this server issued to this client, expired or not',
  got: 'something else',
})

/** A refusal as a page, for routes of an interaction. */
export const refusePage = (ctx: Ctx, request: HttpRequest, route: string, denial: Denial): Reply =>
  refuse(ctx, denial, 'page', { route, request })
