/** Owns what the OpenAPI document says of the token slice: forms and answers as their specifications have them. Decides nothing. */
import { z } from 'zod'
import type { ApiFacts } from '../http/route.ts'

const tag = 'OAuth'
const seconds = z.int()
const texts = z.array(z.string())

/** RFC 6749 §2.3.1: for a client that does not send them as Basic. */
const client = {
  client_id: z.string().optional().describe('of a client that does not authenticate with Basic'),
  client_secret: z.string().optional(),
}

/** RFC 6749 §4.1.3, §4.4.2, §6; RFC 7636 §4.5; RFC 8707 §2.2. */
export const tokenFacts = (grant_types: readonly string[]): ApiFacts => ({
  tag,
  body: z.object({
    grant_type: z.enum(grant_types).meta({ examples: ['client_credentials'] }),
    code: z.string().optional().describe('of authorization_code'),
    redirect_uri: z.string().optional().describe('of authorization_code, as the request had it'),
    code_verifier: z.string().optional().describe('of authorization_code (PKCE)'),
    refresh_token: z.string().optional().describe('of refresh_token'),
    scope: z.string().optional().describe('names with a space between them'),
    resource: z.string().optional().describe('the API that the token is for; may be repeated'),
    ...client,
  }),
  answers: {
    200: z
      .object({
        access_token: z.string().describe('shown now and never again'),
        token_type: z.literal('Bearer'),
        expires_in: seconds,
        scope: z.string().optional(),
        refresh_token: z.string().optional().describe('shown now and never again'),
        id_token: z.string().optional(),
      })
      .meta({ id: 'Tokens' }),
  },
})

const question = z.object({ token: z.string(), token_type_hint: z.string().optional(), ...client })

/** RFC 7662 §2.2; the members of a live token are those of its claims. */
export const introspectionFacts: ApiFacts = {
  tag,
  body: question,
  answers: {
    200: z
      .looseObject({
        active: z.boolean().describe('false says no more than that'),
        token_type: z.enum(['Bearer', 'refresh_token', 'api_key']).optional(),
        iss: z.string().optional(),
        sub: z.string().optional(),
        aud: z.union([z.string(), texts]).optional(),
        client_id: z.string().optional(),
        scope: z.string().optional(),
        username: z.string().optional(),
        exp: seconds.optional(),
        iat: seconds.optional(),
        roles: texts.optional(),
        permissions: texts.optional(),
      })
      .meta({ id: 'Introspection' }),
  },
}

/** RFC 7009 §2.1: 200 for whatever is not, or no longer, a token. */
export const revocationFacts: ApiFacts = { tag, body: question, answers: { 200: 'empty' } }

/** OpenID Connect Core §5.1, §5.3; claims of one's own beside the standard ones. */
export const userinfoFacts: ApiFacts = {
  tag,
  body: z.object({ access_token: z.string().optional().describe('where there is no Authorization header') }),
  answers: {
    200: z
      .looseObject({
        sub: z.string(),
        name: z.string().optional(),
        preferred_username: z.string().optional(),
        email: z.string().optional(),
        email_verified: z.boolean().optional(),
        phone_number: z.string().optional(),
        roles: texts.optional(),
        permissions: texts.optional(),
        updated_at: seconds.optional(),
      })
      .meta({ id: 'UserInfo' }),
  },
}
