/** Owns the addresses of the token slice: token, introspection, revocation, UserInfo. Start reading at exchange.ts. */
import { type Route, route } from '../http/route.ts'
import { introspectionFacts, revocationFacts, tokenFacts, userinfoFacts } from './documented.ts'
import { exchange } from './exchange.ts'
import type { Grant } from './grant.ts'
import { introspect } from './introspect.ts'
import { revoke } from './revoke.ts'
import { userinfo } from './userinfo.ts'

/** The token endpoint, for the grants that are on. */
const tokenEndpoint = (grants: readonly Grant[]) =>
  route({
    method: 'POST',
    path: '/oauth/token',
    auth: 'client',
    errors: 'oauth',
    accepts: 'form',
    cors: 'client',
    summary: 'Get tokens',
    api: tokenFacts(grants.map(({ grant_type }) => grant_type)),
    handler: async (ctx, request, client) => await exchange(ctx, request, { client: client.client, grants }),
  })

const others = [
  route({
    method: 'POST',
    path: '/oauth/introspect',
    auth: 'client',
    errors: 'oauth',
    accepts: 'form',
    summary: 'Ask what a token is worth',
    api: introspectionFacts,
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
    api: revocationFacts,
    handler: revoke,
  }),
  ...(['GET', 'POST'] as const).map((method) =>
    route({
      method,
      path: '/oauth/userinfo',
      auth: 'bearer',
      errors: 'oauth',
      accepts: 'form',
      cors: 'client',
      summary: 'Claims about the person of a token',
      api: userinfoFacts,
      handler: userinfo,
    }),
  ),
]

/** Every route of this slice. */
export const tokenRoutes = (grants: readonly Grant[]): Route[] => [tokenEndpoint(grants), ...others]
