/**
 * Owns the paths of the five older systems: one table of rows, each leading to a route of ours. An adapter may rename
 * members; it skips no check. Never part of discovery. Off with KEYWRIGHT_COMPAT_PATHS=off.
 */
import { accessRows } from './compat-access.ts'
import { keyRows } from './compat-keys.ts'
import { applicationRows } from './compat-applications.ts'
import { personRows } from './compat-person.ts'
import { type Row, renamed } from './compat-row.ts'
import { signInRows } from './compat-sign-in.ts'
import type { Ctx } from './ctx.ts'
import type { HttpRequest } from './http/request.ts'
import type { Route } from './http/route.ts'
import { json, type Reply } from './http/reply.ts'
import { type Denial, deny, isDenial } from './protocol/errors.ts'

const withForm = (old: HttpRequest, change: Record<string, string | undefined>): HttpRequest => {
  const form = new Map(old.form)
  for (const [name, value] of Object.entries(change)) if (value !== undefined) form.set(name, [value])
  return { ...old, form }
}

/** System E knew one client only and never named it: the setting compat_client_id says which one that is here. */
const ofKnownClient = (ctx: Ctx, old: HttpRequest): HttpRequest | Denial => {
  if (old.form.has('client_id') || old.header('authorization') !== undefined) return old
  const client_id = ctx.config.compat_client_id
  if (client_id !== undefined) return withForm(old, { client_id })
  return deny('invalid_request', 'The parameter client_id is missing.', {
    rule: 'a call without client_id needs the setting KEYWRIGHT_COMPAT_CLIENT_ID',
    expected: 'client_id, or the setting',
    got: 'neither',
    remedy: "Set KEYWRIGHT_COMPAT_CLIENT_ID to the client that stands for the older system's users.",
  })
}

/** The rows of what is built so far; each capability lands its own. */
export const rows: readonly Row[] = [
  {
    from: 'A',
    method: 'GET',
    path: '/oauth/.well-known/openid-configuration',
    to: '/.well-known/openid-configuration',
  },
  { from: 'A', method: 'GET', path: '/oauth/health', to: '/health' },
  { from: 'A', method: 'POST', path: '/oauth/consent', to: '/consent' },
  {
    from: 'A',
    method: 'POST',
    path: '/auth/register',
    to: '/api/v1/auth/register',
    request: (_ctx, old) => ({ ...old, json: renamed(old.json, { full_name: 'name' }) }),
  },
  { from: 'C', method: 'GET', path: '/redoc', to: '/docs' },
  ...personRows,
  ...applicationRows,
  ...signInRows,
  ...keyRows,
  ...accessRows,
  { from: 'B', method: 'GET', path: '/api/v1/oauth/authorize', to: '/oauth/authorize' },
  { from: 'B', method: 'POST', path: '/api/v1/oauth/authorize', to: '/oauth/authorize' },
  { from: 'B', method: 'POST', path: '/api/v1/oauth/token', to: '/oauth/token' },
  { from: 'B', method: 'POST', path: '/api/v1/oauth/introspect', to: '/oauth/introspect' },
  { from: 'B', method: 'POST', path: '/api/v1/oauth/revoke', to: '/oauth/revoke' },
  { from: 'D', method: 'GET', path: '/authorize', to: '/oauth/authorize' },
  { from: 'D', method: 'POST', path: '/authorize', to: '/oauth/authorize' },
  { from: 'D', method: 'POST', path: '/token', to: '/oauth/token' },
  { from: 'D', method: 'POST', path: '/introspect', to: '/oauth/introspect' },
  { from: 'D', method: 'POST', path: '/revoke', to: '/oauth/revoke' },
  { from: 'D', method: 'GET', path: '/userinfo', to: '/oauth/userinfo' },
  { from: 'D', method: 'POST', path: '/userinfo', to: '/oauth/userinfo' },
  { from: 'D', method: 'GET', path: '/jwks.json', to: '/.well-known/jwks.json' },
  { from: 'E', method: 'GET', path: '/auth/authorize', to: '/oauth/authorize' },
  { from: 'E', method: 'POST', path: '/auth/authorize', to: '/oauth/authorize' },
  { from: 'E', method: 'GET', path: '/auth/userinfo', to: '/oauth/userinfo' },
  { from: 'E', method: 'GET', path: '/admin/dashboard', to: '/api/v1/stats/dashboard' },
  {
    from: 'E',
    method: 'POST',
    path: '/auth/token/refresh',
    to: '/oauth/token',
    request: (ctx, old) => ofKnownClient(ctx, withForm(old, { grant_type: 'refresh_token' })),
  },
  {
    from: 'E',
    method: 'POST',
    path: '/auth/revoke',
    to: '/oauth/revoke',
    request: (ctx, old) => ofKnownClient(ctx, withForm(old, { token: old.form.get('refresh_token')?.[0] })),
    response: (ours) => (ours.status === 200 ? json({ detail: 'Refresh token revoked successfully' }) : ours),
  },
]

/** The rows as routes. They answer like their targets, and say that they are old (RFC 9745, RFC 8594 §6). */
export const compatRoutes = (own: readonly Route[]): Route[] => rows.map((row) => adapt(row, own))

const adapt = (row: Row, own: readonly Route[]): Route => {
  const method = row.as ?? row.method
  const target = own.find((route) => route.path === row.to && route.method === method)
  if (target === undefined) throw new Error(`compat row ${row.path} leads to ${method} ${row.to}, which does not exist`)
  const answer = target.handler as (...facts: unknown[]) => Reply | Promise<Reply>
  const handler = async (ctx: Ctx, request: HttpRequest, principal: unknown): Promise<Reply> => {
    const ours = await answer(ctx, request, principal)
    return row.response ? row.response(ours, { ctx, principal }) : ours
  }
  return {
    ...target,
    ...(row.accepts && { accepts: row.accepts }),
    ...((row.request || row.as) && { adapt: reshape(row), multipart: true }),
    method: row.method,
    path: row.path,
    successor: row.to,
    summary: `${target.summary} (older path)`,
    handler,
  }
}

/** The call as ours: what is checked for the method of the target (CSRF, say) is checked here. */
const reshape =
  ({ request, as }: Row) =>
  (ctx: Ctx, old: HttpRequest): HttpRequest | Denial => {
    const ours = request ? request(ctx, old) : old
    return isDenial(ours) || as === undefined ? ours : { ...ours, method: as }
  }
