/** Owns the addresses of the token slice: token, introspection, revocation, UserInfo. Start reading at exchange.ts. */
import { route } from '../http/route.ts'
import { exchange } from './exchange.ts'
import type { Grant } from './grant.ts'
import { introspect } from './introspect.ts'
import { revoke } from './revoke.ts'
import { userinfo } from './userinfo.ts'

/** The routes, for the grants that are on. */
export const tokenRoutes = (grants: readonly Grant[]) => [
  route({
    method: 'POST',
    path: '/oauth/token',
    auth: 'client',
    errors: 'oauth',
    accepts: 'form',
    cors: 'client',
    summary: 'Get tokens',
    handler: async (ctx, request, client) => await exchange(ctx, request, client, grants),
  }),
  route({
    method: 'POST',
    path: '/oauth/introspect',
    auth: 'client',
    errors: 'oauth',
    accepts: 'form',
    summary: 'Ask what a token is worth',
    handler: introspect,
  }),
  route({
    method: 'POST',
    path: '/oauth/revoke',
    auth: 'client',
    errors: 'oauth',
    accepts: 'form',
    cors: 'client',
    summary: 'Revoke a token',
    handler: revoke,
  }),
  route({
    method: 'GET',
    path: '/oauth/userinfo',
    auth: 'bearer',
    errors: 'oauth',
    cors: 'client',
    summary: 'Claims about the person of a token',
    handler: userinfo,
  }),
  route({
    method: 'POST',
    path: '/oauth/userinfo',
    auth: 'bearer',
    errors: 'oauth',
    accepts: 'form',
    cors: 'client',
    summary: 'Claims about the person of a token',
    handler: userinfo,
  }),
]
