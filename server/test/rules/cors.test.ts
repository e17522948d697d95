/** The rule of cross-origin access, by its number (security.md 1.7). The flows and their details are in ../flows/cors. */
import { beforeAll, expect, it } from 'vitest'
import { routesFor } from '../../src/app.ts'
import { type Oauth, openOauth } from '../support/oauth.ts'

let oauth: Oauth
const own = 'https://app.example'
const foreign = [
  'https://stranger.example',
  'null',
  '*',
  'https://app.example.evil.example',
  'http://app.example',
  'https://APP.example',
  '',
]

beforeAll(async () => {
  oauth = await openOauth()
  const { client_id } = await oauth.client({ type: 'spa', redirect_uris: [`${own}/callback`] })
  // Registration refuses it; should it get into the table all the same, it must not be echoed: any sandboxed page has it.
  await oauth.db`update clients set allowed_origins = allowed_origins || array['null'] where client_id = ${client_id}`
})

const routes = routesFor({ compat_paths: true })
const publicPaths = new Set(routes.filter((route) => route.cors === 'public').map((route) => route.path))
const clientPaths = new Set(routes.filter((route) => route.cors === 'client').map((route) => route.path))

it('CR-1: only discovery and the keys are for everybody, only the endpoints of browser applications for their origins', () => {
  expect([...publicPaths].toSorted()).toEqual([
    '/.well-known/jwks.json',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/api/v1/openapi.json',
    '/jwks.json',
    '/oauth/.well-known/openid-configuration',
  ])
  expect([...clientPaths].toSorted()).toEqual([
    '/api/v1/oauth/revoke',
    '/api/v1/oauth/token',
    '/auth/revoke',
    '/auth/token/refresh',
    '/auth/userinfo',
    '/oauth/revoke',
    '/oauth/token',
    '/oauth/userinfo',
    '/revoke',
    '/token',
    '/userinfo',
  ])
})

/** What may be read of this route from this origin. */
const allowedAt = (path: string, origin: string): string | undefined => {
  if (publicPaths.has(path)) return '*'
  return clientPaths.has(path) && origin === own ? own : undefined
}
const varies = (headers: Record<string, unknown>): boolean => /\borigin\b/i.test(String(headers['vary']))

it.each([own, ...foreign])('CR-1: from %j no address allows credentials, or more than it should', async (origin) => {
  for (const route of routes) {
    for (const method of [route.method, 'OPTIONS']) {
      const headers = { origin, ...(method === 'OPTIONS' && { 'access-control-request-method': route.method }) }
      const reply = await oauth.server.client().request(route.path.replace(':name', 'x'), { method, headers })
      const place = `${method} ${route.path}`
      const said = {
        place,
        origin: reply.headers['access-control-allow-origin'],
        credentials: reply.headers['access-control-allow-credentials'],
        varies: varies(reply.headers) || !clientPaths.has(route.path),
      }
      expect(said).toEqual({ place, origin: allowedAt(route.path, origin), credentials: undefined, varies: true })
    }
  }
})
