/** Owns the published key set (RFC 7517 §5): bytes that are built once per change. */
import { z } from 'zod'
import { bytes, empty } from '../http/reply.ts'
import { type ApiFacts, route } from '../http/route.ts'

/** RFC 7517 §5. */
const keySetFacts: ApiFacts = {
  tag: 'Discovery',
  media: 'application/jwk-set+json',
  answers: {
    200: z
      .object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), use: z.string(), alg: z.string() })) })
      .meta({ id: 'KeySet' }),
    304: 'empty',
  },
}

export const keyRoutes = [
  route({
    method: 'GET',
    path: '/.well-known/jwks.json',
    auth: 'none',
    errors: 'problem',
    cors: 'public',
    summary: 'The keys that verify our signatures',
    api: keySetFacts,
    handler: (ctx, request) => {
      const { body, etag } = ctx.signer.jwks()
      const headers = { 'cache-control': `public, max-age=${ctx.config.jwks_max_age_seconds}`, etag }
      return request.header('if-none-match') === etag
        ? empty(304, { headers })
        : bytes(body, 'application/jwk-set+json', { headers })
    },
  }),
]
