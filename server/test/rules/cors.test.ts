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
  await oauth.client({ type: 'spa', redirect_uris: [`${own}/callback`] })
})

const routes = routesFor({ compat_paths: true })
const publicPaths = new Set(routes.filter((route) => route.cors === 'public').map((route) => route.path))
const clientPaths = new Set(routes.filter((route) => route.cors === 'client').map((route) => route.path))

it('CR-1: only discovery and the keys are for everybody, only the endpoints of browser applications for their origins', () => {
  expect([...publicPaths].toSorted()).toEqual([
    '/.well-known/jwks.json',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
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

it('CR-1: no address ever allows credentials, echoes a foreign origin or null, or is * beside credentials', async () => {
  for (const route of routes) {
    for (const origin of [own, ...foreign]) {
      for (const method of [route.method, 'OPTIONS']) {
        const headers = { origin, ...(method === 'OPTIONS' && { 'access-control-request-method': route.method }) }
        const reply = await oauth.server.client().request(route.path.replace(':name', 'x'), { method, headers })
        const allowed = reply.headers['access-control-allow-origin']
        const place = `${method} ${route.path} from ${origin}`
        expect([place, reply.headers['access-control-allow-credentials']]).toEqual([place, undefined])
        if (publicPaths.has(route.path)) expect([place, allowed]).toEqual([place, '*'])
        else if (clientPaths.has(route.path) && origin === own) expect([place, allowed]).toEqual([place, own])
        else expect([place, allowed]).toEqual([place, undefined])
        if (clientPaths.has(route.path)) expect(reply.headers.vary).toMatch(/Origin/i)
      }
    }
  }
})
