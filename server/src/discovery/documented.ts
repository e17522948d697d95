/** Owns what the OpenAPI document says of the discovery document (protocol/metadata.ts). Decides nothing. */
import { z } from 'zod'
import type { ApiFacts } from '../http/route.ts'

const texts = z.array(z.string())

/** OpenID Connect Discovery §3, RFC 8414 §2: what is listed here is always there. */
export const metadataFacts: ApiFacts = {
  tag: 'Discovery',
  answers: {
    200: z
      .looseObject({
        issuer: z.string(),
        authorization_endpoint: z.string(),
        token_endpoint: z.string(),
        userinfo_endpoint: z.string(),
        jwks_uri: z.string(),
        introspection_endpoint: z.string(),
        revocation_endpoint: z.string(),
        end_session_endpoint: z.string(),
        keywright_revocation_feed: z.string(),
        scopes_supported: texts,
        response_types_supported: texts,
        grant_types_supported: texts,
        code_challenge_methods_supported: texts,
        id_token_signing_alg_values_supported: texts,
        token_endpoint_auth_methods_supported: texts,
        claims_supported: texts,
      })
      .meta({ id: 'Metadata' }),
    304: 'empty',
  },
}
