/**
 * Owns signing out: RP-initiated (OpenID Connect RP-Initiated Logout §2, §3; security rule LO-1) and by the person's own
 * page. A redirect follows only a proof that the application asked, to an address it has registered.
 */
import { actedFor } from '../access/person.ts'
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { formTarget, refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal, redirectOut } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { Client } from '../clients/load.ts'
import { isUuid } from '../io/ids.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { formatParams, type Params, param, repeated } from '../protocol/params.ts'
import { matchRedirect, type RegisteredRedirect } from '../protocol/redirect-uri.ts'
import { browserCookie, hasSessionCookie, noSession, ownForms } from './cookie.ts'
import { endEverywhere, endSession } from './end.ts'

type Hint = { sub: string; sid: string | undefined; client_id: string }
type Wish = {
  client: Client | undefined
  hint: Hint | undefined
  target: RegisteredRedirect | undefined
  state: string | undefined
}

const rpLogout = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  if (request.method === 'POST' && !hasSessionCookie(ctx, request)) return byGet(ctx, request)
  const wish = await readWish(ctx, request.method === 'POST' ? request.form : request.query)
  if (isDenial(wish)) return refuse(ctx, wish, 'page', { route: '/oauth/logout', request })
  const { hint } = wish
  const proved =
    hint !== undefined &&
    (browser.session === undefined ||
      (browser.session.user_id === hint.sub && (hint.sid === undefined || hint.sid === browser.session.id)))
  if (!proved) return browser.session ? confirmPage(ctx, browser, wish) : nobodyHere(wish)
  const ended = [browser.session?.id, hint.sid].filter((id) => id !== undefined)
  await endHere(ctx, [...new Set(ended)], request)
  return done(wish, false)
}

/** A form of another site comes without the session cookie (SameSite=Lax): as a GET it comes with it, and the person is asked. */
const byGet = (ctx: Ctx, request: HttpRequest): Reply => {
  const query = formatParams(request.form)
  return query.length > 7000
    ? refuse(ctx, refusal('at most 7000 characters', String(query.length)), 'page', { route: '/oauth/logout', request })
    : redirectLocal(`/oauth/logout?${query}`)
}

/** Reads the request: a hint that is ours (expired or not), the client it names, a registered target. */
const readWish = async (ctx: Ctx, params: Params): Promise<Wish | Denial> => {
  const doubled = repeated(params)
  if (doubled) return doubled
  const token = param(params, 'id_token_hint')
  const hint = token === undefined ? undefined : readHint(ctx, token)
  if (token !== undefined && hint === undefined)
    return refusal('an ID token of this server, expired or not', 'something else')
  const client_id = param(params, 'client_id') ?? hint?.client_id
  // §2: when both are there, they have to match.
  if (hint !== undefined && client_id !== hint.client_id)
    return refusal(`client_id ${hint.client_id}`, shown(client_id))
  const client = client_id === undefined ? undefined : await ctx.clients.get(client_id)
  if (client_id !== undefined && client === undefined) return refusal('a registered client', shown(client_id))
  const asked = param(params, 'post_logout_redirect_uri')
  const target =
    asked === undefined || client === undefined ? undefined : matchRedirect(asked, client.post_logout_redirect_uris)
  if (asked !== undefined && target === undefined)
    return refusal('a registered post_logout_redirect_uri, and a client to go with it', shown(asked))
  return { client, hint, target, state: param(params, 'state') }
}

const readHint = (ctx: Ctx, token: string): Hint | undefined => {
  const { sub, sid, aud, iss } = ctx.signer.verify(token, 'JWT', { retired: true })?.payload ?? {}
  if (typeof sub !== 'string' || typeof aud !== 'string' || iss !== ctx.config.issuer) return undefined
  return { sub, sid: typeof sid === 'string' ? sid : undefined, client_id: aud }
}

const refusal = (expected: string, got: string): Denial =>
  deny('invalid_request', 'This request to sign out is not valid.', {
    rule: 'logout with a hint of ours and a registered target (RP-Initiated Logout §2, §3)',
    expected,
    got,
    remedy: 'Register the post_logout_redirect_uri for the client and send id_token_hint.',
  })

const done = (wish: Wish, everywhere: boolean): Reply => {
  const cookies = [noSession]
  if (wish.target !== undefined)
    return redirectOut(wish.target, wish.state === undefined ? {} : { state: wish.state }, 'query', { cookies })
  return page(
    'logged-out',
    { everywhere, ...(wish.client && { client: { client_name: wish.client.client_name } }) },
    200,
    { cookies },
  )
}

/** Without a proof that the application asked, the way back is offered, not taken. */
const nobodyHere = (wish: Wish): Reply => {
  const { target, state, client } = wish
  const continue_uri =
    target === undefined ? undefined : redirectOut(target, state === undefined ? {} : { state }, 'query')
  return page('logged-out', {
    everywhere: false,
    ...(client && { client: { client_name: client.client_name } }),
    ...(continue_uri?.kind === 'redirect' && { continue_uri: continue_uri.to }),
  })
}

const fieldNames = ['client_id', 'post_logout_redirect_uri', 'state'] as const

const confirmPage = (ctx: Ctx, browser: BrowserPrincipal, wish: Wish): Reply => {
  const { subject } = browser
  const fields = Object.fromEntries(
    [wish.client?.client_id, wish.target, wish.state].flatMap((value, index) =>
      value === undefined ? [] : [[fieldNames[index] ?? '', value]],
    ),
  )
  return page(
    'logout',
    {
      action: pathOf(ctx, '/logout'),
      csrf: csrfToken(ctx, browser.browser, ownForms(browser)),
      fields,
      ...(wish.client && { client: { client_name: wish.client.client_name } }),
      ...(subject && { account: { name: subject.name ?? subject.username ?? subject.id, email: subject.email ?? '' } }),
    },
    200,
    { cookies: browserCookie(browser), formAction: wish.target === undefined ? [] : [formTarget(wish.target)] },
  )
}

const ownLogout = async (ctx: Ctx, _request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const wish: Wish = { client: undefined, hint: undefined, target: undefined, state: undefined }
  return browser.session ? confirmPage(ctx, browser, wish) : done(wish, false)
}

const confirmed = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const wish = await readWish(
    ctx,
    new Map([...request.form].filter(([name]) => fieldNames.some((known) => known === name))),
  )
  if (isDenial(wish)) return refuse(ctx, wish, 'page', { route: '/logout', request })
  // The form was sent before: there is nobody to sign out any more, and nothing to protect.
  if (browser.session === undefined) return nobodyHere(wish)
  const forged = checkCsrf(ctx, request, browser.browser, ownForms(browser))
  if (forged) return refuse(ctx, forged, 'page', { route: '/logout', request })
  const scope = param(request.form, 'scope') ?? 'here'
  if (scope === 'cancel') return redirectLocal('/account')
  const everywhere = scope === 'everywhere'
  // AD-4: who acts as somebody else leaves, and ends nothing of theirs.
  if (everywhere && browser.session.actor_id !== null)
    return refuse(ctx, actedFor, 'page', { route: '/logout', request })
  if (everywhere) await endAll(ctx, browser.session.user_id, request)
  else await endHere(ctx, [browser.session.id], request)
  return done(wish, everywhere)
}

/** Ends the named sessions and tells every node. Works without a cookie too: the hint names the session (LO-1). */
export const endHere = async (ctx: Ctx, session_ids: string[], request: HttpRequest): Promise<void> => {
  await transact(ctx.db, async (tx) => {
    for (const id of session_ids)
      if (isUuid(id)) await endSession(ctx, tx, { session_id: id, now: request.now, because: 'signed out' })
  })
  ctx.sessions.clear()
  await ctx.feed.announce()
}

/** Ends everything a person has, on every device and in every application. */
export const endAll = async (ctx: Ctx, user_id: string, request: { now: Date }): Promise<void> => {
  await transact(
    ctx.db,
    async (tx) => await endEverywhere(ctx, tx, { user_id, now: request.now, because: 'signed out everywhere' }),
  )
  ctx.sessions.clear()
  await ctx.feed.announce()
}

export const logoutRoutes = [
  route({
    method: 'GET',
    path: '/oauth/logout',
    auth: 'browser',
    errors: 'page',
    summary: 'An application asks to sign out',
    handler: rpLogout,
  }),
  route({
    method: 'POST',
    path: '/oauth/logout',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'An application asks to sign out, by form',
    handler: rpLogout,
  }),
  route({
    method: 'GET',
    path: '/logout',
    auth: 'browser',
    errors: 'page',
    summary: 'The sign-out page',
    handler: ownLogout,
  }),
  route({
    method: 'POST',
    path: '/logout',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Sign out here or everywhere',
    handler: confirmed,
  }),
]
