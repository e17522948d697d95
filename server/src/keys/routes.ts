/** Owns the published key set (RFC 7517 §5): bytes that are built once per change. */
import { bytes, empty } from '../http/reply.ts'
import { route } from '../http/route.ts'

export const keyRoutes = [
  route({
    method: 'GET',
    path: '/.well-known/jwks.json',
    auth: 'none',
    errors: 'problem',
    cors: 'public',
    summary: 'The keys that verify our signatures',
    handler: (ctx, request) => {
      const { body, etag } = ctx.signer.jwks()
      const headers = { 'cache-control': `public, max-age=${ctx.config.jwks_max_age_seconds}`, etag }
      return request.header('if-none-match') === etag
        ? empty(304, { headers })
        : bytes(body, 'application/jwk-set+json', { headers })
    },
  }),
]
