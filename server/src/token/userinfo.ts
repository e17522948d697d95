/** Owns UserInfo (OpenID Connect Core §5.3): what the scopes of the token open about its person. */
import type { Ctx } from '../ctx.ts'
import { refuse } from '../http/errors.ts'
import type { BearerPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { MappingRule } from '../protocol/claim-mapping.ts'
import { claimsFor } from '../protocol/claims.ts'
import { deny } from '../protocol/errors.ts'
import { challenge } from './bearer.ts'
import { customClaims } from './custom-claims.ts'

/** Answers with the claims; `sub` always (§5.3.2). Without `openid` the token is not for this (403 insufficient_scope). */
export const userinfo = async (ctx: Ctx, request: HttpRequest, { token, subject }: BearerPrincipal): Promise<Reply> => {
  const scopes = (token.scope ?? '').split(' ')
  if (subject !== undefined && scopes.includes('openid')) {
    const client = await ctx.clients.get(token.client_id)
    const rules = (client?.claim_mapping ?? []) as MappingRule[]
    const custom = client && (await customClaims(ctx, rules, 'userinfo', { client, user_id: subject.id }))
    return json({ ...custom, sub: subject.id, ...claimsFor(subject, scopes) }, 200, {
      log: { client_id: token.client_id, user_id: subject.id },
    })
  }
  const denial = deny(
    'insufficient_scope',
    'The access token is not for this.',
    {
      rule: 'the token has the scope openid (OpenID Connect Core §5.3.1)',
      expected: 'openid',
      got: token.scope ?? 'no scope',
      remedy: 'Ask for the scope openid.',
    },
    { status: 403, www_authenticate: challenge('insufficient_scope', 'openid') },
  )
  return refuse(ctx, denial, 'oauth', { route: '/oauth/userinfo', request, client_id: token.client_id })
}
