/**
 * Owns what can be said about a client, and the way back from its row to that, for changes of a part of it. Pure.
 */
import type { SigningAlg } from '../config/schema.ts'
import type { ClientsRow } from '../db/tables.gen.ts'
import type { MappingRule } from '../protocol/claim-mapping.ts'

export type ClientType = 'web' | 'spa' | 'native' | 'machine' | 'device'
export const clientTypes: readonly ClientType[] = ['web', 'spa', 'native', 'machine', 'device']

/** RFC 8628 §3.4. */
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** What somebody says about a client; everything left out gets the default of its type. */
export type Metadata = {
  client_name: string
  type: ClientType
  description?: string | undefined
  redirect_uris?: string[] | undefined
  post_logout_redirect_uris?: string[] | undefined
  grant_types?: string[] | undefined
  scope?: string | undefined
  resources?: string[] | undefined
  audiences?: string[] | undefined
  allowed_origins?: string[] | undefined
  token_endpoint_auth_method?: string | undefined
  first_party?: boolean | undefined
  require_pkce?: boolean | undefined
  /** For both kinds of tokens, where the two below say nothing. */
  signing_alg?: string | undefined
  id_token_signed_response_alg?: string | undefined
  access_token_signed_response_alg?: string | undefined
  access_token_format?: string | undefined
  access_token_ttl_seconds?: number | undefined
  id_token_ttl_seconds?: number | undefined
  refresh_idle_seconds?: number | undefined
  /** Life of a refresh token family from the sign-in on. */
  refresh_ttl_seconds?: number | undefined
  refresh_grace_seconds?: number | undefined
  default_max_age?: number | undefined
  /** Levels of assurance asked for when a request names none (OpenID Connect Registration §2). */
  default_acr_values?: string[] | undefined
  /** `always`: people are asked each time. */
  consent?: string | undefined
  client_uri?: string | undefined
  logo_uri?: string | undefined
  policy_uri?: string | undefined
  tos_uri?: string | undefined
  contacts?: string[] | undefined
  /** The account whose rights the client has when it acts for itself. */
  service_account_id?: string | undefined
  owner_id?: string | undefined
  claim_mapping?: MappingRule[] | undefined
  managed_name?: string | undefined
}

/** What the deployment has. */
export type Facts = { client_id: string; grant_types: readonly string[]; signing_algs: readonly SigningAlg[] }

/** A client as metadata: said again, it gives the same row. */
export const metadataOf = (client: ClientsRow): Metadata => ({
  ...client,
  type: client.type as ClientType,
  description: client.description ?? undefined,
  access_token_format: client.access_token_format ?? undefined,
  access_token_ttl_seconds: client.access_token_ttl_seconds ?? undefined,
  id_token_ttl_seconds: client.id_token_ttl_seconds ?? undefined,
  refresh_idle_seconds: client.refresh_idle_seconds ?? undefined,
  refresh_ttl_seconds: client.refresh_ttl_seconds ?? undefined,
  refresh_grace_seconds: client.refresh_grace_seconds ?? undefined,
  default_max_age: client.default_max_age ?? undefined,
  client_uri: client.client_uri ?? undefined,
  logo_uri: client.logo_uri ?? undefined,
  policy_uri: client.policy_uri ?? undefined,
  tos_uri: client.tos_uri ?? undefined,
  managed_name: client.managed_name ?? undefined,
  ...keptOf(client),
})

/** What stays when a client is described anew without a word about it. */
export const keptOf = (client: ClientsRow) => ({
  owner_id: client.owner_id ?? undefined,
  service_account_id: client.service_account_id ?? undefined,
  claim_mapping: client.claim_mapping as MappingRule[],
})
