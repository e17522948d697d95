/**
 * Owns the authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2) and the way back into it. Never knows a
 * login method. Start reading at `authorize`.
 */
import { apisIn, checkTogether } from '../apis/token-settings.ts'
import type { Ctx } from '../ctx.ts'
import { refuse, refuseByRedirect } from '../http/errors.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { checkAuthorizationRequest } from '../protocol/authorization-request.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { formatParams, type Params } from '../protocol/params.ts'
import { mayAct } from '../protocol/subject.ts'
import { consentRoutes } from './consent.ts'
import { clientOf, goOn, refusePage } from './continue.ts'
import { findOwn, restart } from './interaction.ts'
import { selectRoutes } from './select.ts'

/** GET. A POST becomes a GET, so that the session cookie (SameSite=Lax) comes along from another site too. */
export const authorize = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const ids = request.query.get('client_id') ?? []
  const client_id = ids.length === 1 ? ids[0] : undefined
  const where = { route: '/oauth/authorize', request, client_id }
  if (holdsSecret(request.query)) return refuse(ctx, secretHere, 'page', where)
  if (client_id === undefined)
    return refuse(ctx, badClient(ids.length === 0 ? 'nothing' : `${ids.length} values`), 'page', where)
  const client = await ctx.clients.get(client_id)
  if (client === undefined) return refuse(ctx, badClient(shown(client_id)), 'page', where)
  const refused = mayAct({ client }, 'unauthorized_client')
  if (refused) return refuse(ctx, refused, 'page', where)
  const checked = checkAuthorizationRequest(request.query, client)
  if ('request' in checked) {
    const apart = await checkResources(ctx, checked.request.resource)
    if (apart) return refuseByRedirect(ctx, apart, checked.request, where)
    return await goOn(ctx, request, browser, { authorization: checked.request, client })
  }
  const { denial, answer_to } = checked
  return answer_to ? refuseByRedirect(ctx, denial, answer_to, where) : refuse(ctx, denial, 'page', where)
}

/** RFC 8707 §2: resources that no one token can be for are refused before anybody signs in. */
const checkResources = async (ctx: Ctx, resources: readonly string[]): Promise<Denial | undefined> =>
  resources.length < 2 ? undefined : checkTogether(apisIn(await ctx.apis.all(), resources))

const badClient = (got: string): Denial =>
  deny(
    'invalid_client',
    'The application that sent you here is not registered.',
    {
      rule: 'client_id is registered (RFC 6749 §4.1.2.1)',
      expected: 'the client_id of a client, once',
      got,
      remedy: 'Register the application, or mend its client_id.',
    },
    { status: 400 },
  )

/** OpenID Connect Core §3.1.2.1: the same request as a form. Credentials never belong here. */
export const authorizeByPost = (ctx: Ctx, request: HttpRequest): Reply => {
  const where = { route: '/oauth/authorize', request }
  if (holdsSecret(request.form) || holdsSecret(request.query)) return refuse(ctx, secretHere, 'page', where)
  const query = formatParams(request.form)
  if (query.length > 7000)
    return refuse(
      ctx,
      deny('invalid_request', 'The request is too long.', {
        rule: 'the request fits into an address (G-6)',
        expected: '7000 characters',
        got: String(query.length),
      }),
      'page',
      where,
    )
  return redirectLocal(`/oauth/authorize?${query}`)
}

const holdsSecret = (params: Params): boolean => params.has('password') || params.has('client_secret')

const secretHere: Denial = deny('invalid_request', 'A password or a client secret does not belong to this address.', {
  rule: 'the authorization endpoint takes no credentials (RFC 6749 §3.1)',
  expected: 'an authorization request',
  got: 'a password or a client secret',
  remedy: 'Send the person to this address with response_type=code; they sign in on our page.',
})

const proceed = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const found = await findOwn(ctx, request, browser, request.query.get('interaction')?.[0])
  if (found.kind === 'none') return redirectLocal('/')
  if (found.kind === 'refused') return refusePage(ctx, request, '/oauth/continue', found.denial)
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  const { interaction } = found
  const client = await clientOf(ctx, interaction)
  if ('denied' in client) return refusePage(ctx, request, '/oauth/continue', client)
  return await goOn(ctx, request, browser, { authorization: interaction.request, client, interaction })
}

export const authorizeRoutes = [
  route({
    method: 'GET',
    path: '/oauth/authorize',
    auth: 'browser',
    errors: 'page',
    summary: 'Begin a sign-in',
    handler: authorize,
  }),
  route({
    method: 'POST',
    path: '/oauth/authorize',
    auth: 'none',
    errors: 'page',
    accepts: 'form',
    summary: 'Begin a sign-in, by form',
    handler: authorizeByPost,
  }),
  route({
    method: 'GET',
    path: '/oauth/continue',
    auth: 'browser',
    errors: 'page',
    summary: 'Go on with a sign-in',
    handler: proceed,
  }),
  ...selectRoutes,
  ...consentRoutes,
]
