/** Owns the older systems' paths of signing in and out. They answer with a person, as ours do, and never with tokens. */
import { olderPerson } from './compat-person.ts'
import type { Row } from './compat-row.ts'
import type { Ctx } from './ctx.ts'
import { json, type Reply } from './http/reply.ts'
import type { HttpRequest } from './http/request.ts'

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The name under any of the members that they had, and nothing else of what they sent. */
const asLogin = (_ctx: Ctx, old: HttpRequest): HttpRequest => {
  const body = isObject(old.json) ? old.json : {}
  return {
    ...old,
    json: { login: body['login'] ?? body['email'] ?? body['username'], password: body['password'] },
  }
}

/** The person in `user` beside their older members. */
const withOlderUser = (ours: Reply): Reply => {
  if (ours.kind !== 'json' || !isObject(ours.body) || !isObject(ours.body['user'])) return ours
  const { user } = ours.body
  return { ...ours, body: { ...ours.body, user: { ...user, ...olderPerson(user) } } }
}

/** Where ours answers with nothing, the older systems said so in words. */
const saying =
  (message: string) =>
  (ours: Reply): Reply =>
    ours.status === 204 ? json({ message }, 200, { ...(ours.cookies && { cookies: ours.cookies }) }) : ours

const signIn = { method: 'POST', to: '/api/v1/auth/login', request: asLogin, response: withOlderUser } as const
const signOut = { method: 'POST', response: saying('Successfully logged out') } as const

export const signInRows: readonly Row[] = [
  { from: 'A', path: '/auth/login', ...signIn },
  { from: 'A', path: '/auth/logout', to: '/api/v1/auth/logout', ...signOut },
  { from: 'B', path: '/api/v1/sso/login', ...signIn },
  { from: 'B', path: '/sso/login', ...signIn },
  { from: 'B', path: '/api/v1/logout', to: '/api/v1/auth/logout-everywhere', ...signOut },
]
