/** Owns the settings of tokens, sessions and signing keys; schema.ts puts them among the others. */
import { z } from 'zod'
import { day, group, list, whole } from './leaf.ts'

const tokens = group('Tokens and sessions')
const keys = group('Signing keys')

/** The algorithms this server can sign with (RFC 7518 §3.1, RFC 8037 §3.1). */
export const signingAlgs = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const
export type SigningAlg = (typeof signingAlgs)[number]

export const tokenSettings = {
  code_ttl_seconds: tokens('KEYWRIGHT_CODE_TTL_SECONDS', whole(10, 600).default(60), 'Life of an authorization code.'),
  interaction_ttl_seconds: tokens(
    'KEYWRIGHT_INTERACTION_TTL_SECONDS',
    whole(60, 3600).default(1800),
    'How long a sign-in in progress can be finished.',
  ),
  access_token_ttl_seconds: tokens(
    'KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS',
    whole(30, 3600).default(300),
    'Life of an access token.',
  ),
  id_token_ttl_seconds: tokens('KEYWRIGHT_ID_TOKEN_TTL_SECONDS', whole(30, 3600).default(300), 'Life of an ID token.'),
  access_token_format: tokens(
    'KEYWRIGHT_ACCESS_TOKEN_FORMAT',
    z.enum(['jwt', 'opaque']).default('jwt'),
    'Format of access tokens unless the client says otherwise.',
  ),
  token_budget_bytes: tokens(
    'KEYWRIGHT_TOKEN_BUDGET_BYTES',
    whole(512, 65_536).default(4096),
    'How large a token may grow before a warning names the claim to blame; an API can have a budget of its own. Servers often refuse headers beyond 8 KiB.',
  ),
  refresh_idle_seconds: tokens(
    'KEYWRIGHT_REFRESH_IDLE_SECONDS',
    whole(60, 365 * day).default(14 * day),
    'A refresh token family dies when it is not used for this long.',
  ),
  refresh_absolute_seconds: tokens(
    'KEYWRIGHT_REFRESH_ABSOLUTE_SECONDS',
    whole(60, 730 * day).default(90 * day),
    'A refresh token family dies this long after the sign-in.',
  ),
  refresh_grace_seconds: tokens(
    'KEYWRIGHT_REFRESH_GRACE_SECONDS',
    whole(0, 60).default(10),
    'How long a lost answer can be asked for again with the previous refresh token; 0 switches it off.',
  ),
  session_idle_seconds: tokens(
    'KEYWRIGHT_SESSION_IDLE_SECONDS',
    whole(60, 365 * day).default(day),
    'A session ends when it is not used for this long.',
  ),
  session_absolute_seconds: tokens(
    'KEYWRIGHT_SESSION_ABSOLUTE_SECONDS',
    whole(60, 365 * day).default(30 * day),
    'A session ends this long after the sign-in.',
  ),
  audit_tokens: tokens(
    'KEYWRIGHT_AUDIT_TOKENS',
    z.enum(['counted', 'all']).default('counted'),
    'Whether refreshes and client credentials are counted per client and minute, or each recorded as an event.',
  ),

  api_key_max_days: tokens(
    'KEYWRIGHT_API_KEY_MAX_DAYS',
    whole(1, 3650).default(366),
    'How many days an API key may live at most. Nobody has to say: 90 days are usual.',
  ),

  signing_algs: keys(
    'KEYWRIGHT_SIGNING_ALGS',
    list
      .pipe(z.array(z.enum(signingAlgs)).min(1))
      .describe('RS256, ES256, PS256 or EdDSA, comma separated')
      .default([...signingAlgs]),
    'Algorithms that have a key; the first one is the default for ID tokens and access tokens. OpenID Connect asks for RS256 among them.',
  ),
  jwks_max_age_seconds: keys(
    'KEYWRIGHT_JWKS_MAX_AGE_SECONDS',
    whole(0, day).default(600),
    'How long the published keys may be cached.',
  ),
  key_publish_seconds: keys(
    'KEYWRIGHT_KEY_PUBLISH_SECONDS',
    whole(0, 30 * day).default(day),
    'How long a new key is published before it signs.',
  ),
  key_rotate_seconds: keys(
    'KEYWRIGHT_KEY_ROTATE_SECONDS',
    whole(60, 730 * day).default(90 * day),
    'Age at which a signing key is replaced.',
  ),
}
