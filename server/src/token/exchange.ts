/**
 * Owns the pipeline of the token endpoint (RFC 6749 §3.2): 1 grant, 2 parameters, 3 redeem (load, decide, apply in one
 * transaction or one guarded statement), 4 mint, 5 reply. A refusal takes the same road.
 */
import { apisIn, checkTogether } from '../apis/token-settings.ts'
import type { Ctx } from '../ctx.ts'
import { networksOf } from '../http/client-ip.ts'
import { refuse } from '../http/errors.ts'
import { count } from '../http/limits.ts'
import type { ClientPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { param, paramAll } from '../protocol/params.ts'
import type { Grant, GrantRequest } from './grant.ts'
import { issueTokens } from './issue.ts'
import { grantTypeOf, recorded } from './refusal.ts'

/** Answers a token request of an authenticated client. */
export const exchange = async (
  ctx: Ctx,
  request: HttpRequest,
  { client, grants }: { client: ClientPrincipal['client']; grants: readonly Grant[] },
): Promise<Reply> => {
  const over = checkClientLimit(ctx, request, client)
  if (over) return refuse(ctx, over, 'oauth', { route: '/oauth/token', request, client_id: client.client_id })
  // Before anything is used up: what was asked for may be no one token.
  const grant = (await checkResources(ctx, request)) ?? chooseGrant(request, client, grants)
  const facts = { request, client }
  const granted = isDenial(grant) ? await recorded(ctx, ctx.db, facts, grant) : await grant.redeem(ctx, facts)
  if (isDenial(granted)) return refused(ctx, facts, granted)
  const log = { client_id: client.client_id, grant_type: grantTypeOf(facts) }
  const tokens = await issueTokens(ctx, granted)
  if (isDenial(tokens)) {
    await recorded(ctx, ctx.db, { ...facts, effect: true }, tokens)
    return refused(ctx, facts, tokens)
  }
  ctx.tokenCounts.add(client.client_id, log.grant_type, request.now, granted.person?.subject.id)
  return json(tokens, 200, { log: { ...log, ...(granted.person && { user_id: granted.person.subject.id }) } })
}

const refused = (ctx: Ctx, { request, client }: GrantRequest, denial: Denial): Reply => {
  ctx.tokenCounts.note(client.client_id, 'failures', request.now)
  return refuse(ctx, denial, 'oauth', { route: '/oauth/token', request, client_id: client.client_id })
}

const checkResources = async (ctx: Ctx, request: HttpRequest): Promise<Denial | undefined> => {
  const asked = paramAll(request.form, 'resource')
  return asked.length < 2 ? undefined : checkTogether(apisIn(await ctx.apis.all(), asked))
}

/**
 * A confidential client has one budget; a public one has one for each address, because anybody can use its name and must
 * not be able to spend what its people need (security rule RL-1).
 */
const checkClientLimit = (ctx: Ctx, request: HttpRequest, client: ClientPrincipal['client']): Denial | undefined => {
  if (!ctx.config.limits) return undefined
  const who = client.token_endpoint_auth_method === 'none' ? `|${networksOf(request.ip).machine}` : ''
  return count(ctx, `c|${client.client_id}${who}`, ctx.config.limit_client, request.now)
}

const chooseGrant = (
  request: HttpRequest,
  client: ClientPrincipal['client'],
  grants: readonly Grant[],
): Grant | Denial => {
  const grant_type = param(request.form, 'grant_type')
  if (grant_type === undefined) {
    return deny('invalid_request', 'The parameter grant_type is missing.', {
      rule: 'grant_type is REQUIRED (RFC 6749 §4.1.3)',
      expected: 'a grant_type',
      got: 'nothing',
    })
  }
  const grant = grants.find((known) => known.grant_type === grant_type)
  if (grant === undefined) {
    return deny('unsupported_grant_type', 'The grant_type is not supported.', {
      rule: 'grant_type is supported (RFC 6749 §5.2)',
      expected: grants.map((known) => known.grant_type).join(' '),
      got: shown(grant_type),
    })
  }
  if (client.grant_types.includes(grant_type)) return grant
  return deny('unauthorized_client', 'This client may not use this grant.', {
    rule: 'the client has the grant (RFC 6749 §5.2)',
    expected: client.grant_types.join(' '),
    got: grant_type,
    remedy: 'Give the client the grant.',
  })
}
