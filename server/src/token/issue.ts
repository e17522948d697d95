/**
 * Owns the one place where tokens are born. Takes what a grant yielded and decides nothing but form: claims, algorithm,
 * life, JWT or opaque. Start reading at `issueTokens`.
 */
import type { Api } from '../apis/load.ts'
import { rightsFor } from '../apis/rights.ts'
import { apisIn, decideForm, type TokenForm } from '../apis/token-settings.ts'
import type { Ctx } from '../ctx.ts'
import { secretBytes, uuidv7 } from '../io/ids.ts'
import { type AccessTokenClaims, accessTokenClaims } from '../protocol/access-token.ts'
import type { MappingRule } from '../protocol/claim-mapping.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { idTokenClaims } from '../protocol/id-token.ts'
import { hashToken, mintOpaque } from '../protocol/opaque-token.ts'
import { decideAudience } from '../protocol/resource.ts'
import { checkSize } from './budget.ts'
import { customClaims } from './custom-claims.ts'
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

/**
 * Mints what was granted. An opaque access token is stored by its hash; everything else needs no further statement. Refuses
 * with `invalid_target` what the APIs cannot have in one token.
 */
export const issueTokens = async (ctx: Ctx, granted: Granted): Promise<TokenResponse | Denial> => {
  const { client, scope, person } = granted
  const made = await accessClaimsOf(ctx, granted)
  if (isDenial(made)) return made
  const { claims, form } = made
  const access_token = form.opaque
    ? await storeOpaque(ctx, granted, claims)
    : ctx.signer.sign(form.alg, 'at+jwt', claims)
  const { client_id } = client
  if (!form.opaque)
    await checkSize(ctx, {
      client_id,
      resource: [claims.aud].flat().join(' '),
      token: access_token,
      budgetBytes: form.budgetBytes,
      claims,
      now: granted.now,
    })
  const id_token =
    person && scope.split(' ').includes('openid') ? await mintIdToken(ctx, granted, person, access_token) : undefined
  return {
    access_token,
    token_type: 'Bearer',
    expires_in: form.ttlSeconds,
    ...(scope !== '' && { scope }),
    ...(granted.refresh && { refresh_token: mintRefreshToken(ctx, granted.refresh) }),
    ...(id_token !== undefined && { id_token }),
  }
}

/** What an access token for this says, and how it is to look. Also what a preview shows. */
export const accessClaimsOf = async (
  ctx: Ctx,
  granted: Granted,
): Promise<{ claims: AccessTokenClaims; form: TokenForm } | Denial> => {
  const { client, resources } = granted
  const { issuer } = ctx.config
  const audience = decideAudience({ resources, default_audience: client.default_audience, issuer })
  const known = await ctx.apis.all()
  const apis = apisIn(known, audience)
  const form = decideForm(client, apis, ctx.config)
  if (isDenial(form)) return form
  const held = granted.person?.subject ?? granted.service
  const rights = held && rightsFor(held, audience, known)
  const custom = await customClaims(ctx, rulesOf(apis), 'access_token', {
    client,
    user_id: granted.person?.subject.id,
  })
  const claims = accessTokenClaims({
    ...factsOf(granted, { issuer, audience, ttlSeconds: form.ttlSeconds }),
    ...(granted.person && rights && { subject: { id: granted.person.subject.id, ...rights } }),
    ...(!granted.person && rights && { service: rights }),
    ...(custom && { custom }),
  })
  return { claims, form }
}

const rulesOf = (apis: readonly Api[]): readonly MappingRule[] => apis.flatMap((api) => api.claim_mapping)

type Place = { issuer: string; audience: string[]; ttlSeconds: number }

const factsOf = ({ client, person, scope, now }: Granted, { issuer, audience, ttlSeconds }: Place) => ({
  issuer,
  client_id: client.client_id,
  audience,
  scope,
  jti: uuidv7(now),
  now,
  ttlSeconds,
  ...(person && {
    grant_id: person.grant_id,
    auth_time: person.auth_time,
    acr: person.acr,
    ...(person.actor_id !== undefined && { actor_id: person.actor_id }),
    ...(person.bound_to_session && { sid: person.session_id }),
  }),
})

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

type Person = NonNullable<Granted['person']>

const mintIdToken = async (ctx: Ctx, granted: Granted, person: Person, access_token: string): Promise<string> => {
  const { client, now } = granted
  const claims = await idClaimsOf(ctx, granted, person, access_token)
  const token = ctx.signer.sign(client.id_token_signed_response_alg, 'JWT', claims)
  const { client_id } = client
  await checkSize(ctx, {
    client_id,
    resource: client_id,
    token,
    budgetBytes: ctx.config.token_budget_bytes,
    claims,
    now,
  })
  return token
}

/** What an ID token says. Also what a preview shows. */
export const idClaimsOf = async (
  ctx: Ctx,
  { client, scope, now }: Granted,
  person: Person,
  access_token: string,
): Promise<Record<string, unknown>> => {
  const rules = client.claim_mapping as MappingRule[]
  const custom = await customClaims(ctx, rules, 'id_token', { client, user_id: person.subject.id })
  return idTokenClaims({
    issuer: ctx.config.issuer,
    client_id: client.client_id,
    subject: person.subject,
    scope,
    now,
    ttlSeconds: client.id_token_ttl_seconds ?? ctx.config.id_token_ttl_seconds,
    auth_time: person.auth_time,
    acr: person.acr,
    amr: person.amr,
    sid: person.session_id,
    ...(person.nonce !== undefined && { nonce: person.nonce }),
    ...(person.actor_id !== undefined && { actor_id: person.actor_id }),
    ...(custom && { custom }),
    access_token,
    alg: client.id_token_signed_response_alg,
  })
}
