/**
 * Owns the one place where tokens are born. Takes what a grant yielded and decides nothing but form: claims, algorithm,
 * life, JWT or opaque. Start reading at `issueTokens`.
 */
import type { Ctx } from '../ctx.ts'
import { secretBytes, uuidv7 } from '../io/ids.ts'
import { type AccessTokenClaims, accessTokenClaims } from '../protocol/access-token.ts'
import { idTokenClaims } from '../protocol/id-token.ts'
import { hashToken, mintOpaque } from '../protocol/opaque-token.ts'
import { decideAudience } from '../protocol/resource.ts'
import { mintRefreshToken } from './families.ts'
import type { Granted } from './grant.ts'
import { insertAccessToken } from './store.ts'

/** The answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). `expires_in` is in seconds. */
export type TokenResponse = {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  scope?: string
  refresh_token?: string
  id_token?: string
}

/** Mints what was granted. An opaque access token is stored by its hash; everything else needs no further statement. */
export const issueTokens = async (ctx: Ctx, granted: Granted): Promise<TokenResponse> => {
  const { client, scope } = granted
  const ttlSeconds = client.access_token_ttl_seconds ?? ctx.config.access_token_ttl_seconds
  const claims = claimsOf(ctx, granted, ttlSeconds)
  const opaque = (client.access_token_format ?? ctx.config.access_token_format) === 'opaque'
  const access_token = opaque
    ? await storeOpaque(ctx, granted, claims)
    : ctx.signer.sign(client.access_token_signed_response_alg, 'at+jwt', claims)
  return {
    access_token,
    token_type: 'Bearer',
    expires_in: ttlSeconds,
    ...(scope !== '' && { scope }),
    ...(granted.refresh && { refresh_token: mintRefreshToken(ctx, granted.refresh) }),
    ...(granted.person &&
      scope.split(' ').includes('openid') && { id_token: mintIdToken(ctx, granted, granted.person, access_token) }),
  }
}

const claimsOf = (ctx: Ctx, granted: Granted, ttlSeconds: number): AccessTokenClaims => {
  const { client, person } = granted
  return accessTokenClaims({
    issuer: ctx.config.issuer,
    client_id: client.client_id,
    audience: decideAudience({
      resources: granted.resources,
      default_audience: client.default_audience,
      issuer: ctx.config.issuer,
    }),
    scope: granted.scope,
    jti: uuidv7(granted.now),
    now: granted.now,
    ttlSeconds,
    ...(person && {
      subject: person.subject,
      grant_id: person.grant_id,
      auth_time: person.auth_time,
      acr: person.acr,
      ...(person.actor_id !== undefined && { actor_id: person.actor_id }),
      ...(person.bound_to_session && { sid: person.session_id }),
    }),
  })
}

const storeOpaque = async (ctx: Ctx, granted: Granted, claims: AccessTokenClaims): Promise<string> => {
  const token = mintOpaque('at', secretBytes())
  await insertAccessToken(ctx.db, {
    token_hash: hashToken(token),
    claims,
    user_id: granted.person?.subject.id,
    created_at: granted.now,
    expires_at: new Date(claims.exp * 1000),
  })
  return token
}

const mintIdToken = (
  ctx: Ctx,
  granted: Granted,
  person: NonNullable<Granted['person']>,
  access_token: string,
): string => {
  const alg = granted.client.id_token_signed_response_alg
  const claims = idTokenClaims({
    issuer: ctx.config.issuer,
    client_id: granted.client.client_id,
    subject: person.subject,
    scope: granted.scope,
    now: granted.now,
    ttlSeconds: ctx.config.id_token_ttl_seconds,
    auth_time: person.auth_time,
    acr: person.acr,
    amr: person.amr,
    sid: person.session_id,
    ...(person.nonce !== undefined && { nonce: person.nonce }),
    ...(person.actor_id !== undefined && { actor_id: person.actor_id }),
    access_token,
    alg,
  })
  return ctx.signer.sign(alg, 'JWT', claims)
}
