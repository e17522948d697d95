/**
 * Owns the check of an access token that somebody presents: ours, in time, not revoked, its client and its person may
 * act. Used by UserInfo, introspection and revocation alike. JWTs are answered from memory while the feed is fresh.
 */
import { mayGoOnActing } from '../access/ceiling.ts'
import { checkKeyOf, keyClient } from '../api-keys/live.ts'
import type { Ctx } from '../ctx.ts'
import type { AccessTokenClaims } from '../protocol/access-token.ts'
import type { Subject } from '../protocol/claims.ts'
import { hashToken, parseOpaque } from '../protocol/opaque-token.ts'
import { mayAct } from '../protocol/subject.ts'
import { findAccessToken } from './store.ts'

export type LiveToken = {
  claims: AccessTokenClaims
  subject: Subject | undefined
  api_key?: { id: string; service: boolean }
}
export type Checked = LiveToken | { dead: string }

/** Checks a token at this instant. `dead` says why, for the decision record only. */
export const checkAccessToken = async (ctx: Ctx, token: string, now: Date): Promise<Checked> => {
  const read = await readAccessToken(ctx, token, now)
  if (read === undefined) return { dead: 'not an access token of this server' }
  const { claims, kid } = read
  const second = Math.floor(now.getTime() / 1000)
  if (claims.exp <= second || claims.nbf > second + 60) return { dead: 'expired, or not valid yet' }
  if (await ctx.feed.isRevoked({ ...claims, ...(kid !== undefined && { kid }) })) return { dead: 'revoked' }
  if (claims.client_id.startsWith(keyClient)) return await ofKey(ctx, claims, now)
  const client = await ctx.clients.get(claims.client_id)
  const behind = claims.sub === claims.client_id ? client?.service_account_id : claims.sub
  const person = behind == null ? undefined : ((await ctx.subjects.get(behind)) ?? null)
  const gate = mayAct({ client: client ?? null, ...(person !== undefined && { user: person }) }, 'invalid_token')
  const actor = claims.act && (await ctx.subjects.get(claims.act.sub))
  if (claims.act && !(person && mayGoOnActing(actor, person))) return { dead: 'whoever acts has lost the right to' }
  if (gate) return { dead: `${gate.because.expected}: ${gate.because.got}` }
  return { claims, subject: behind === claims.sub ? (person ?? undefined) : undefined }
}

/** A token that was made of an API key: it is worth what the key is worth now (security rule AK-1). */
const ofKey = async (ctx: Ctx, claims: AccessTokenClaims, now: Date): Promise<Checked> => {
  const held = await checkKeyOf(ctx, claims.client_id, now)
  if ('dead' in held) return held
  const { key, subject } = held
  return { claims, subject, api_key: { id: key.id, service: key.owner_kind === 'service' } }
}

/** Reads a token of ours without asking whether it is still good: for revocation, which does not care. */
export const readAccessToken = async (
  ctx: Ctx,
  token: string,
  now: Date,
): Promise<{ claims: AccessTokenClaims; kid?: string } | undefined> => {
  if (token.startsWith('kw_at_')) {
    if (parseOpaque('at', token) === undefined) return undefined
    const claims = await findAccessToken(ctx.db, hashToken(token), now)
    return claims && { claims }
  }
  // RFC 9068 §4: typ at+jwt, so that an ID token is never taken for an access token (security rule G-5).
  const verified = ctx.signer.verify(token, 'at+jwt')
  if (verified === undefined || verified.payload['iss'] !== ctx.config.issuer) return undefined
  return { claims: verified.payload as unknown as AccessTokenClaims, kid: verified.kid }
}
