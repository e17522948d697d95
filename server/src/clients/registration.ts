/**
 * Owns what makes a client: safe defaults by its type, and the one decision that create and update share (security rules RG-1,
 * RG-2). Pure but for the random identifiers it is handed. The checks stand in registration-checks.ts.
 */
import type { Denial } from '../protocol/errors.ts'
import { originOf } from '../protocol/redirect-uri.ts'
import { formatScope, parseScope } from '../protocol/scope.ts'
import { type ClientType, deviceGrant, type Facts, type Metadata } from './metadata.ts'
import { checkAll } from './registration-checks.ts'
import type { ClientValues } from './store.ts'

export { type ClientType, clientTypes, type Facts, type Metadata } from './metadata.ts'

const people = 'openid profile email roles offline_access'
const defaults: Record<ClientType, { grant_types: string[]; method: string; scope: string }> = {
  web: { grant_types: ['authorization_code', 'refresh_token'], method: 'client_secret_basic', scope: people },
  spa: { grant_types: ['authorization_code', 'refresh_token'], method: 'none', scope: people },
  native: { grant_types: ['authorization_code', 'refresh_token'], method: 'none', scope: people },
  machine: { grant_types: ['client_credentials'], method: 'client_secret_basic', scope: '' },
  device: { grant_types: [deviceGrant, 'refresh_token'], method: 'none', scope: people },
}

/** Decides the row of a client. Refusals: `invalid_redirect_uri`, `invalid_client_metadata` (RFC 7591 §3.2.2). */
export const decideClient = (metadata: Metadata, facts: Facts): ClientValues | Denial => {
  const preset = defaults[metadata.type]
  const redirect_uris = unique(metadata.redirect_uris)
  const grant_types = metadata.grant_types?.length ? unique(metadata.grant_types) : usable(preset.grant_types, facts)
  const method = metadata.token_endpoint_auth_method ?? preset.method
  const allowed_origins =
    metadata.allowed_origins ?? (metadata.type === 'spa' ? redirect_uris.flatMap((uri) => originOf(uri) ?? []) : [])
  const values = {
    ...rest(metadata, facts),
    redirect_uris,
    post_logout_redirect_uris: unique(metadata.post_logout_redirect_uris),
    grant_types,
    scope: metadata.scope === undefined ? preset.scope : formatScope(parseScope(metadata.scope)),
    token_endpoint_auth_method: method,
    allowed_origins: unique(allowed_origins),
    require_pkce: method === 'none' ? true : (metadata.require_pkce ?? true),
  }
  return checkAll(metadata, values, facts) ?? values
}

/** A grant that this server does not have yet is no default: who names it is refused, who does not gets the others. */
const usable = (preset: readonly string[], facts: Facts): string[] =>
  preset.filter((grant) => grant !== deviceGrant || facts.grant_types.includes(grant))

/** The members that need no decision of their own. */
const rest = (metadata: Metadata, facts: Facts) => {
  const alg = metadata.signing_alg ?? facts.signing_algs[0] ?? 'RS256'
  return {
    client_id: facts.client_id,
    client_name: metadata.client_name.trim(),
    description: metadata.description ?? null,
    type: metadata.type,
    status: 'enabled',
    disabled_by: null,
    response_types: ['code'],
    response_modes: ['query', 'fragment', 'form_post'],
    resources: unique(metadata.resources),
    audiences: unique(metadata.audiences),
    default_audience: [],
    first_party: metadata.first_party ?? false,
    id_token_signed_response_alg: metadata.id_token_signed_response_alg ?? alg,
    access_token_signed_response_alg: metadata.access_token_signed_response_alg ?? alg,
    ...lifetimesOf(metadata),
    default_acr_values: unique(metadata.default_acr_values),
    require_auth_time: false,
    client_uri: metadata.client_uri ?? null,
    logo_uri: metadata.logo_uri ?? null,
    policy_uri: metadata.policy_uri ?? null,
    tos_uri: metadata.tos_uri ?? null,
    contacts: unique(metadata.contacts),
    managed_name: metadata.managed_name ?? null,
    owner_id: metadata.owner_id ?? null,
    service_account_id: metadata.service_account_id ?? null,
    claim_mapping: metadata.claim_mapping ?? [],
    consent: metadata.consent ?? 'remember',
  }
}

const lifetimesOf = (metadata: Metadata) => ({
  access_token_format: metadata.access_token_format ?? null,
  access_token_ttl_seconds: metadata.access_token_ttl_seconds ?? null,
  id_token_ttl_seconds: metadata.id_token_ttl_seconds ?? null,
  refresh_idle_seconds: metadata.refresh_idle_seconds ?? null,
  refresh_ttl_seconds: metadata.refresh_ttl_seconds ?? null,
  refresh_grace_seconds: metadata.refresh_grace_seconds ?? null,
  default_max_age: metadata.default_max_age ?? null,
})

const unique = (values: readonly string[] | undefined): string[] => [...new Set(values ?? [])]
