/**
 * Owns introspection (RFC 7662): a client sees the tokens that were issued to it or are meant for it. Everything else,
 * for whatever reason, is `{"active":false}` and nothing more (security rule IN-1).
 */
import { describeKey } from '../api-keys/introspect.ts'
import { isApiKey } from '../api-keys/live.ts'
import type { Ctx } from '../ctx.ts'
import { refuse } from '../http/errors.ts'
import type { ClientPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { AccessTokenClaims } from '../protocol/access-token.ts'
import { deny } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { mayAct } from '../protocol/subject.ts'
import { checkAccessToken } from './access.ts'
import { openRefreshToken } from './families.ts'
import { findFamily } from './store.ts'

const inactive = { active: false } as const

/** Answers for access tokens of both forms and for refresh tokens; the hint is not needed, the forms tell themselves apart. */
export const introspect = async (
  ctx: Ctx,
  request: HttpRequest,
  { client, method }: ClientPrincipal,
): Promise<Reply> => {
  const where = { route: '/oauth/introspect', request, client_id: client.client_id }
  // RFC 7662 §2.1: the caller must be authorized; a public client has proved nothing.
  if (method === 'none') return refuse(ctx, unproved, 'oauth', where)
  const token = param(request.form, 'token')
  if (token === undefined) return refuse(ctx, missing, 'oauth', where)
  const body = await describe(ctx, request, { token, client })
  return json(body, 200, { log: { client_id: client.client_id, active: String(body.active) } })
}

type Asked = { token: string; client: ClientPrincipal['client'] }

/** The forms tell themselves apart. */
const describe = async (ctx: Ctx, request: HttpRequest, { token, client }: Asked): Promise<{ active: boolean }> => {
  const { now, ip } = request
  if (token.startsWith('kw_rt_')) return await describeRefresh(ctx, token, client.client_id, now)
  if (!isApiKey(token)) return await describeAccess(ctx, token, client, now)
  const key = await describeKey(ctx, token, { audiences: client.audiences, now, ip })
  return key ? { active: true, ...key } : inactive
}

const unproved = deny(
  'invalid_client',
  'Client authentication failed.',
  {
    rule: 'introspection needs an authenticated client (RFC 7662 §2.1)',
    expected: 'a client with a secret',
    got: 'a public client',
  },
  { status: 401 },
)
const missing = deny('invalid_request', 'The parameter token is missing.', {
  rule: 'token is REQUIRED (RFC 7662 §2.1)',
  expected: 'a token',
  got: 'nothing',
})

const describeAccess = async (
  ctx: Ctx,
  token: string,
  client: ClientPrincipal['client'],
  now: Date,
): Promise<{ active: boolean }> => {
  const checked = await checkAccessToken(ctx, token, now)
  if ('dead' in checked || !isConcerned(checked.claims, client)) return inactive
  const { claims, subject } = checked
  return {
    active: true,
    ...claims,
    token_type: 'Bearer',
    ...(subject?.username && { username: subject.username }),
  } as { active: true }
}

/** The owner of a token, or the API it is for. */
const isConcerned = (claims: AccessTokenClaims, client: ClientPrincipal['client']): boolean => {
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud]
  return (
    claims.client_id === client.client_id ||
    audience.some((aud) => aud === client.client_id || client.audiences.includes(aud))
  )
}

const describeRefresh = async (ctx: Ctx, token: string, client_id: string, now: Date): Promise<{ active: boolean }> => {
  const key = openRefreshToken(ctx, token)
  const family = key && (await findFamily(ctx.db, key.id, now))
  if (key === undefined || family === undefined || family.client_id !== client_id) return inactive
  if (family.gen !== key.gen || !family.nonce.equals(key.nonce)) return inactive
  if (family.revoked_at !== null || family.expires_at <= now || family.idle_expires_at <= now) return inactive
  if (!family.offline && !family.session_live) return inactive
  if (mayAct({ user: (await ctx.subjects.get(family.user_id)) ?? null }, 'invalid_token')) return inactive
  const exp = Math.floor(Math.min(family.expires_at.getTime(), family.idle_expires_at.getTime()) / 1000)
  const body = {
    active: true,
    token_type: 'refresh_token',
    client_id,
    sub: family.user_id,
    scope: family.scope,
    iss: ctx.config.issuer,
    iat: Math.floor(family.created_at.getTime() / 1000),
    exp,
  }
  return body
}
