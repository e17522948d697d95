/**
 * Owns the discovery document (OpenID Connect Discovery §3, RFC 8414 §2, RFC 9207 §3). Every list is computed from what
 * is switched on, so it cannot promise what is not there.
 */
import { acrLevels } from './acr.ts'
import { standardScopes } from './scope.ts'

export type MetadataFacts = {
  issuer: string
  grant_types: string[]
  signing_algs: string[]
  /** Languages of the pages (BCP 47). */
  ui_locales: string[]
}

const authMethods = ['client_secret_basic', 'client_secret_post', 'none']

const claims = [
  'sub',
  'iss',
  'aud',
  'exp',
  'iat',
  'auth_time',
  'nonce',
  'acr',
  'amr',
  'azp',
  'at_hash',
  'sid',
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'updated_at',
  'email',
  'email_verified',
  'phone_number',
  'phone_number_verified',
  'address',
  'roles',
  'permissions',
]

/** What is not built yet, said so that no client has to guess (OpenID Connect Discovery §3 gives other defaults). */
const absent = {
  claims_parameter_supported: false,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
  require_request_uri_registration: false,
  backchannel_logout_supported: false,
  frontchannel_logout_supported: false,
}

/** The document, in the order in which people read it. */
export const metadata = (facts: MetadataFacts): Record<string, unknown> => ({
  issuer: facts.issuer,
  authorization_endpoint: `${facts.issuer}/oauth/authorize`,
  token_endpoint: `${facts.issuer}/oauth/token`,
  userinfo_endpoint: `${facts.issuer}/oauth/userinfo`,
  jwks_uri: `${facts.issuer}/.well-known/jwks.json`,
  introspection_endpoint: `${facts.issuer}/oauth/introspect`,
  revocation_endpoint: `${facts.issuer}/oauth/revoke`,
  end_session_endpoint: `${facts.issuer}/oauth/logout`,
  keywright_revocation_feed: `${facts.issuer}/oauth/revocations`,
  scopes_supported: [...standardScopes],
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'fragment', 'form_post'],
  grant_types_supported: facts.grant_types,
  subject_types_supported: ['public'],
  code_challenge_methods_supported: ['S256'],
  prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  id_token_signing_alg_values_supported: facts.signing_algs,
  token_endpoint_auth_methods_supported: authMethods,
  introspection_endpoint_auth_methods_supported: authMethods.slice(0, 2),
  revocation_endpoint_auth_methods_supported: authMethods,
  acr_values_supported: [...acrLevels],
  claim_types_supported: ['normal'],
  claims_supported: claims,
  authorization_response_iss_parameter_supported: true,
  ...absent,
  ui_locales_supported: facts.ui_locales,
  service_documentation: `${facts.issuer}/`,
})
