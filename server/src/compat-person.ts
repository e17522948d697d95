/**
 * Owns the older systems' paths of a person's own account: `full_name`, `avatar_url`, `is_active` and `is_superuser` are what
 * they called `name`, `picture`, the status and the role admin.
 */
import { type Row, renamed } from './compat-row.ts'
import type { Ctx } from './ctx.ts'
import type { PersonPrincipal } from './http/principal.ts'
import type { Reply } from './http/reply.ts'
import type { HttpRequest } from './http/request.ts'
import { repeated } from './protocol/params.ts'

const me = '/api/v1/users/me'

/** Adds the members that the older systems documented; a refusal stays as it is. */
const withOld =
  (more: (user: Record<string, unknown>, ctx: Ctx, person: PersonPrincipal) => Record<string, unknown>) =>
  (ours: Reply, { ctx, principal }: { ctx: Ctx; principal: unknown }): Reply => {
    if (ours.kind !== 'json' || ours.status !== 200) return ours
    const user = ours.body as Record<string, unknown>
    return { ...ours, body: { ...user, ...more(user, ctx, principal as PersonPrincipal) } }
  }

/** A person's older members. */
export const olderPerson = (user: Record<string, unknown>): Record<string, unknown> => ({
  full_name: user['name'] ?? null,
  avatar_url: user['picture'] ?? null,
  is_active: user['status'] === 'active',
  is_superuser: Array.isArray(user['roles']) && user['roles'].includes('admin'),
})

const profile = withOld(olderPerson)

const claims = withOld((user, ctx, { scope }) => ({
  sub: user['id'],
  scope: scope ?? 'account',
  iss: ctx.config.issuer,
}))

/** The older systems changed what was named and left the rest, as PATCH does here. */
const change = (_ctx: Ctx, old: HttpRequest): HttpRequest => ({
  ...old,
  json: renamed(old.json, { full_name: 'name', avatar_url: 'picture' }),
})

export const personRows: readonly Row[] = [
  { from: 'A', method: 'GET', path: '/auth/me', to: me, response: profile },
  { from: 'A', method: 'PUT', path: '/auth/me', to: me, as: 'PATCH', request: change, response: profile },
  { from: 'A', method: 'POST', path: '/auth/change-password', to: '/api/v1/auth/change-password' },
  { from: 'B', method: 'GET', path: '/api/v1/userinfo/me', to: me, response: claims },
  { from: 'B', method: 'GET', path: '/userinfo/me', to: me, response: claims },
  { from: 'C', method: 'GET', path: '/users/me', to: me, response: profile },
  { from: 'D', method: 'GET', path: '/user/data-export', to: `${me}/export`, as: 'POST' },
  { from: 'D', method: 'DELETE', path: '/user/delete-account', to: me },
  {
    from: 'E',
    method: 'POST',
    path: '/auth/me',
    to: me,
    as: 'GET',
    accepts: 'form',
    request: (_ctx, old) => repeated(old.form) ?? old,
    response: profile,
  },
]
