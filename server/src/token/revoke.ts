/**
 * Owns revocation (RFC 7009). A refresh token takes its whole family and the access tokens of it along; an access token
 * dies alone. The effect reaches every node within two seconds (security rule RV-1).
 */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { callerOf, type Happening } from '../events/record.ts'
import { refuse } from '../http/errors.ts'
import type { ClientPrincipal } from '../http/principal.ts'
import { empty, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Revocation } from '../sessions/revocation.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { readAccessToken } from './access.ts'
import { openRefreshToken } from './families.ts'
import { findFamily, revokeFamily } from './store.ts'

type Target = {
  client_id: string
  user_id: string | undefined
  revocation: Revocation & { expires_at?: Date }
  family: boolean
}

/** 200 for everything that is not, or no longer, a token (§2.2); 400 for another client's, which stays alive. */
export const revoke = async (ctx: Ctx, request: HttpRequest, { client }: ClientPrincipal): Promise<Reply> => {
  const where = { route: '/oauth/revoke', request, client_id: client.client_id }
  const token = param(request.form, 'token')
  if (token === undefined) return refuse(ctx, missing, 'oauth', where)
  const target = token.startsWith('kw_rt_')
    ? await findRefresh(ctx, token, request.now)
    : await findAccess(ctx, token, request.now)
  const log = { client_id: client.client_id }
  if (target === undefined) return empty(200, { log })
  if (target.client_id !== client.client_id) return refuse(ctx, foreign, 'oauth', where)
  await kill(ctx, request, target)
  await ctx.feed.announce()
  return empty(200, { log })
}

const missing = deny('invalid_request', 'The parameter token is missing.', {
  rule: 'token is REQUIRED (RFC 7009 §2.1)',
  expected: 'a token',
  got: 'nothing',
})
const foreign: Denial = deny('invalid_grant', 'The token was issued to another client.', {
  rule: 'a client revokes its own tokens (RFC 7009 §2.1)',
  expected: 'a token of this client',
  got: 'a token of another client',
})

const findRefresh = async (ctx: Ctx, token: string, now: Date): Promise<Target | undefined> => {
  const key = openRefreshToken(ctx, token)
  const family = key && (await findFamily(ctx.db, key.id, now))
  if (family === undefined || !key?.nonce.equals(family.nonce)) return undefined
  return {
    client_id: family.client_id,
    user_id: family.user_id,
    revocation: { kind: 'family', key: family.id },
    family: true,
  }
}

const findAccess = async (ctx: Ctx, token: string, now: Date): Promise<Target | undefined> => {
  const claims = (await readAccessToken(ctx, token, now))?.claims
  if (claims === undefined || claims.exp * 1000 <= now.getTime()) return undefined
  const user_id = claims.sub === claims.client_id ? undefined : claims.sub
  return {
    client_id: claims.client_id,
    user_id,
    revocation: { kind: 'jti', key: claims.jti, expires_at: new Date((claims.exp + 60) * 1000) },
    family: false,
  }
}

const kill = async (ctx: Ctx, request: HttpRequest, target: Target): Promise<void> => {
  const { client_id, user_id, revocation, family } = target
  const event: Happening = {
    type: 'token.revoked',
    now: request.now,
    client_id,
    user_id,
    data: { token: family ? 'refresh_token' : 'access_token' },
    ...callerOf(request),
  }
  if (!family) return await ctx.feed.writeOne(ctx.db, revocation, event)
  await transact(ctx.db, async (tx) => {
    await revokeFamily(tx, revocation.key, request.now, 'revoked by its client')
    await ctx.feed.writeOne(tx, revocation, event)
  })
}
