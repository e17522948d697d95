/** Owns the older systems' paths of accounts, roles and permissions: system C's, whose lists were bare arrays. */
import { olderPerson } from './compat-person.ts'
import { type Row, renamed } from './compat-row.ts'
import type { Ctx } from './ctx.ts'
import type { Reply } from './http/reply.ts'
import type { HttpRequest } from './http/request.ts'

const api = '/api/v1'

/** The rows of a list without the page around them; whatever else was answered stays. */
const bare =
  (member: string, older: (one: Record<string, unknown>) => unknown = (one) => one) =>
  (ours: Reply): Reply => {
    const list = ours.kind === 'json' ? (ours.body as Record<string, unknown>)[member] : undefined
    return ours.kind === 'json' && Array.isArray(list)
      ? { ...ours, body: list.map((one) => older(one as Record<string, unknown>)) }
      : ours
  }

const olderUser = (user: Record<string, unknown>): Record<string, unknown> => ({ ...user, ...olderPerson(user) })

/** An account stood at the top of the answer. */
const madeUser = (ours: Reply): Reply => {
  const user = ours.kind === 'json' ? (ours.body as Record<string, unknown>)['user'] : undefined
  return ours.kind === 'json' && typeof user === 'object' && user !== null
    ? { ...ours, body: olderUser(user as Record<string, unknown>) }
    : ours
}

const newUser = (_ctx: Ctx, old: HttpRequest): HttpRequest => ({
  ...old,
  json: renamed(old.json, { full_name: 'name' }),
})

const permissionRows = (path: string): Row[] => [
  { from: 'C', method: 'GET', path, to: `${api}/permissions`, response: bare('permissions') },
  { from: 'C', method: 'POST', path, to: `${api}/permissions` },
]

const same = (method: Row['method'], path: string): Row => ({ from: 'C', method, path, to: `${api}${path}` })

export const accessRows: readonly Row[] = [
  { from: 'C', method: 'GET', path: '/users', to: `${api}/users`, response: bare('users', olderUser) },
  { from: 'C', method: 'POST', path: '/users', to: `${api}/users`, request: newUser, response: madeUser },
  same('POST', '/users/:id/roles/:role_id'),
  same('DELETE', '/users/:id/roles/:role_id'),
  // Before /roles/:id: `permissions` is the id of no role.
  ...permissionRows('/roles/permissions'),
  ...permissionRows(`${api}/roles/permissions`),
  { from: 'C', method: 'GET', path: '/roles', to: `${api}/roles`, response: bare('roles') },
  same('POST', '/roles'),
  same('GET', '/roles/:id'),
  { from: 'C', method: 'PUT', path: '/roles/:id', to: `${api}/roles/:id`, as: 'PATCH' },
  same('PATCH', '/roles/:id'),
  same('DELETE', '/roles/:id'),
  same('POST', '/roles/:id/permissions/:permission_id'),
  same('DELETE', '/roles/:id/permissions/:permission_id'),
]
