/**
 * Owns cross-origin access (security rule CR-1): public documents for everybody without credentials, the endpoints of
 * clients for the origins registered for the very client that calls, nothing else, never `null`.
 */
import type { Ctx } from '../ctx.ts'
import type { HttpRequest } from './request.ts'
import type { Route } from './route.ts'

type Headers = Record<string, string>

/** Headers of an actual answer. */
export const corsHeaders = async (
  ctx: Ctx,
  cors: NonNullable<Route['cors']>,
  request: HttpRequest,
): Promise<Headers> => {
  if (cors === 'public') return { 'access-control-allow-origin': '*' }
  const origin = request.header('origin')
  if (origin === undefined) return { vary: 'Origin' }
  const allowed = origin !== 'null' && (await ctx.originAllowed(origin, request))
  return {
    vary: 'Origin',
    ...(allowed && {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'WWW-Authenticate, Retry-After, X-Request-ID',
    }),
  }
}

/** Headers of a preflight, in which the client is not known yet: the origin must be registered for some client. */
export const preflight = async (ctx: Ctx, routes: readonly Route[], request: HttpRequest): Promise<Headers> => {
  const cors = routes.find((route) => route.cors !== undefined)?.cors
  const methods = [...new Set(routes.map((route) => route.method))].join(', ')
  if (cors === undefined) return { allow: `${methods}, OPTIONS` }
  const common = {
    'access-control-allow-methods': methods,
    'access-control-allow-headers': 'Authorization, Content-Type, DPoP',
    'access-control-max-age': '600',
  }
  if (cors === 'public') return { 'access-control-allow-origin': '*', ...common }
  const origin = request.header('origin')
  if (origin === undefined || origin === 'null' || !(await ctx.originAllowed(origin))) return { vary: 'Origin' }
  return { vary: 'Origin', 'access-control-allow-origin': origin, ...common }
}
