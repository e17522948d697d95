/**
 * Owns the consent page and what is remembered of the answer (security rule AZ-13): per person, client, scope and resource.
 */
import type { Client } from '../clients/load.ts'
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { callerOf, type Happening, record } from '../events/record.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { formTarget } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { Subject } from '../protocol/claims.ts'
import { param } from '../protocol/params.ts'
import { isImpersonable, redirectHost } from '../protocol/redirect-uri.ts'
import { longestAccessSeconds } from '../protocol/access-token.ts'
import { parseScope } from '../protocol/scope.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { revokeFamiliesOfConsent } from '../token/families.ts'
import { whatIsNew } from './consented.ts'
import { clientOf, refusePage, stepOf } from './continue.ts'
import { findOwn, type Interaction, refuseInteraction, restart } from './interaction.ts'
import { burnCodesOf } from './code-store.ts'
import {
  type ConsentWithName,
  deleteConsent,
  findConsents,
  listConsents,
  mergeConsent,
  reopenConsents,
  updateInteraction,
} from './store.ts'

type Open = { interaction: Interaction; client: Client }

/** Finds the open interaction of a page with its client, or the reply that is due instead. */
export const openInteraction = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  path: string,
): Promise<Open | Reply> => {
  // A form belongs to an interaction: one that names none is refused like one that names a dead one (api.md).
  const id =
    request.method === 'POST' ? (param(request.form, 'interaction') ?? '') : param(request.query, 'interaction')
  const found = await findOwn(ctx, request, browser, id)
  if (found.kind === 'none') return redirectLocal('/')
  if (found.kind === 'refused') return refusePage(ctx, request, path, found.denial)
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  const client = await clientOf(ctx, found.interaction)
  return 'denied' in client ? refusePage(ctx, request, path, client) : { interaction: found.interaction, client }
}

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const open = await openInteraction(ctx, request, browser, '/consent')
  if ('kind' in open) return open
  const { interaction, client } = open
  const { session, subject } = browser
  if (session === undefined || subject === undefined)
    return redirectLocal(`/oauth/continue?interaction=${interaction.id}`)
  const consents = await findConsents(ctx.db, session.user_id, client.client_id)
  const { scope, resource: resources, redirect_uri } = interaction.request
  const view = clientView(client, redirect_uri)
  const host = redirectHost(redirect_uri)
  const { newScopes, newResources } = whatIsNew(consents, { scopes: parseScope(scope), resources })
  const scopes = parseScope(scope).filter((name) => name !== 'openid')
  return page(
    'consent',
    {
      action: pathOf(ctx, '/consent'),
      csrf: csrfToken(ctx, browser.browser, contextOf(interaction, session.user_id)),
      interaction: interaction.id,
      client: view,
      // A program on this device takes any free port (RFC 8252 §7.3): the number would tell the person nothing.
      redirect_host: view.on_this_device ? host.replace(/:\d+$/, '') : host,
      account: accountView(subject),
      scopes: scopes.map((name) => ({ name, is_new: newScopes.includes(name) })),
      resources: resources.map((resource) => ({ resource, is_new: newResources.includes(resource) })),
    },
    200,
    { cookies: browserCookie(browser), formAction: [formTarget(redirect_uri)] },
  )
}

/** The token of a consent form fits one interaction and one person: who agreed is who was asked. */
const contextOf = (interaction: Interaction, user_id: string): string => `consent|${interaction.id}|${user_id}`

const clientView = (client: Client, redirect_uri: string) => ({
  client_name: client.client_name,
  on_this_device: client.type === 'native' && isImpersonable(redirect_uri),
  ...(client.client_uri !== null && { client_uri: client.client_uri }),
  ...(client.policy_uri !== null && { policy_uri: client.policy_uri }),
  ...(client.tos_uri !== null && { tos_uri: client.tos_uri }),
})

/** A person as pages show them. */
export const accountView = (subject: Subject): { name: string; email: string } => ({
  name: subject.name ?? subject.username ?? subject.email ?? subject.id,
  email: subject.email ?? subject.username ?? '',
})

const answer = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const open = await openInteraction(ctx, request, browser, '/consent')
  if ('kind' in open) return open
  const { interaction, client } = open
  const back = redirectLocal(`/oauth/continue?interaction=${interaction.id}`)
  const { session } = browser
  if (session === undefined) return back
  const forged = checkCsrf(ctx, request, browser.browser, contextOf(interaction, session.user_id))
  if (forged) return refusePage(ctx, request, '/consent', forged)
  // An answer counts only where a consent is what is due: proofs are never skipped by posting here (AZ-12).
  const due = await stepOf(ctx, request, browser, { authorization: interaction.request, client, interaction })
  if (due.step !== 'consent') return back
  const decision = param(request.form, 'decision')
  const event = {
    now: request.now,
    user_id: session.user_id,
    client_id: client.client_id,
    session_id: session.id,
    ...callerOf(request),
  }
  if (decision === 'deny') {
    return await transact(ctx.db, async (tx) => {
      await record(tx, { type: 'consent.refused', ...event })
      return await refuseInteraction(tx, interaction)
    })
  }
  if (decision === 'switch') return redirectLocal(`/login?interaction=${interaction.id}&other=1`)
  if (decision !== 'allow') return redirectLocal(`/consent?interaction=${interaction.id}`)
  await allow(ctx, { interaction, session_id: session.id, event })
  return back
}

type Allowed = { interaction: Interaction; session_id: string; event: Omit<Happening, 'type'> & { user_id: string } }

/** Remembers the consent, and that it was given in this interaction by the person of this session. */
const allow = async (ctx: Ctx, { interaction, session_id, event }: Allowed): Promise<void> => {
  const { user_id, now } = event
  const { client_id, resource: resources, scope } = interaction.request
  await transact(ctx.db, async (tx) => {
    // The interaction before the consent, as whoever gives a code takes them: two in the other order would wait for each other.
    await updateInteraction(tx, interaction.id, { session_id, consented_at: now })
    await mergeConsent(tx, { user_id, client_id, scopes: parseScope(scope), resources, now })
    await record(tx, { type: 'consent.granted', ...event, data: { scope, resources } })
  })
}

/** What a person has allowed, by the name of the application. */
export const consentsOf = async (ctx: Ctx, user_id: string): Promise<ConsentWithName[]> =>
  await listConsents(ctx.db, user_id)

/** Takes back what a client was allowed: its refresh families and access tokens die with it (AZ-13). False when it was allowed nothing. */
export const withdrawConsent = async (
  ctx: Ctx,
  request: HttpRequest,
  user_id: string,
  client_id: string,
): Promise<boolean> => {
  const withdrawn = await transact(ctx.db, async (tx) => {
    // In the order in which a code is given; once more for an answer that came in between.
    await reopenConsents(tx, user_id, client_id)
    if (!(await deleteConsent(tx, user_id, client_id))) return false
    await reopenConsents(tx, user_id, client_id)
    // Access tokens without a family, and codes that nobody has redeemed yet, are found by their codes. First, because
    // this waits for a redemption that is under way: only who looks afterwards sees the family that it begins.
    const since = new Date(request.now.getTime() - longestAccessSeconds * 1000)
    const grants = await burnCodesOf(tx, { user_id, client_id, since, now: request.now })
    const families = await revokeFamiliesOfConsent(tx, user_id, client_id, request.now)
    const keys = [...new Set([...families, ...grants])].map((key) => ({ kind: 'family' as const, key }))
    await ctx.feed.write(tx, keys, request.now)
    await record(tx, { type: 'consent.withdrawn', now: request.now, user_id, client_id, ...callerOf(request) })
    return true
  })
  await ctx.feed.announce()
  return withdrawn
}

export const consentRoutes = [
  route({
    method: 'GET',
    path: '/consent',
    auth: 'browser',
    errors: 'page',
    summary: 'Ask for consent',
    handler: show,
  }),
  route({
    method: 'POST',
    path: '/consent',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Answer the consent page',
    handler: answer,
  }),
]
