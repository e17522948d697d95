/**
 * Owns what makes a client: safe defaults by its type, and the checks that create and update share (security rules RG-1,
 * RG-2). Pure but for the random identifiers it is handed.
 */
import { type SigningAlg, signingAlgs } from '../config/schema.ts'
import { longestAccessSeconds } from '../protocol/access-token.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { checkRegistration, originOf } from '../protocol/redirect-uri.ts'
import { formatScope, isScopeToken, parseScope } from '../protocol/scope.ts'
import type { ClientValues } from './store.ts'

export type ClientType = 'web' | 'spa' | 'native' | 'machine'

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
  signing_alg?: string | undefined
  access_token_format?: string | undefined
  access_token_ttl_seconds?: number | undefined
  refresh_grace_seconds?: number | undefined
  default_max_age?: number | undefined
  /** Levels of assurance asked for when a request names none (OpenID Connect Registration §2). */
  default_acr_values?: string[] | undefined
  client_uri?: string | undefined
  managed_name?: string | undefined
}

export const authMethods = ['client_secret_basic', 'client_secret_post', 'none'] as const
const people = 'openid profile email roles offline_access'
const defaults: Record<ClientType, { grant_types: string[]; method: string; scope: string }> = {
  web: { grant_types: ['authorization_code', 'refresh_token'], method: 'client_secret_basic', scope: people },
  spa: { grant_types: ['authorization_code', 'refresh_token'], method: 'none', scope: people },
  native: { grant_types: ['authorization_code', 'refresh_token'], method: 'none', scope: people },
  machine: { grant_types: ['client_credentials'], method: 'client_secret_basic', scope: '' },
}

export type Facts = { client_id: string; grant_types: readonly string[]; signing_algs: readonly SigningAlg[] }

/** Decides the row of a client. Refusals: `invalid_redirect_uri`, `invalid_client_metadata` (RFC 7591 §3.2.2). */
export const decideClient = (metadata: Metadata, facts: Facts): ClientValues | Denial => {
  const preset = defaults[metadata.type]
  const redirect_uris = unique(metadata.redirect_uris)
  const post_logout_redirect_uris = unique(metadata.post_logout_redirect_uris)
  const grant_types = metadata.grant_types?.length ? unique(metadata.grant_types) : preset.grant_types
  const method = metadata.token_endpoint_auth_method ?? preset.method
  const scope = metadata.scope === undefined ? preset.scope : formatScope(parseScope(metadata.scope))
  const allowed_origins =
    metadata.allowed_origins ?? (metadata.type === 'spa' ? redirect_uris.flatMap((uri) => originOf(uri) ?? []) : [])
  const refused =
    checkUris([...redirect_uris, ...post_logout_redirect_uris], metadata.type) ??
    checkGrants(grant_types, redirect_uris, method, facts) ??
    checkNames(metadata, method, scope, facts) ??
    checkLifetimes(metadata) ??
    checkOrigins(allowed_origins)
  if (refused) return refused
  const values = {
    redirect_uris,
    post_logout_redirect_uris,
    grant_types,
    scope,
    token_endpoint_auth_method: method,
    allowed_origins: unique(allowed_origins),
    require_pkce: method === 'none' ? true : (metadata.require_pkce ?? true),
  }
  return { ...rest(metadata, facts), ...values }
}

/** The members that need no decision of their own. */
const rest = (metadata: Metadata, facts: Facts) => {
  const alg = metadata.signing_alg ?? facts.signing_algs[0] ?? 'RS256'
  return {
    client_id: facts.client_id,
    client_name: metadata.client_name.trim(),
    description: metadata.description ?? null,
    type: metadata.type,
    status: 'enabled',
    response_types: ['code'],
    response_modes: ['query', 'fragment', 'form_post'],
    resources: unique(metadata.resources),
    audiences: unique(metadata.audiences),
    default_audience: [],
    first_party: metadata.first_party ?? false,
    id_token_signed_response_alg: alg,
    access_token_signed_response_alg: alg,
    access_token_format: metadata.access_token_format ?? null,
    access_token_ttl_seconds: metadata.access_token_ttl_seconds ?? null,
    refresh_grace_seconds: metadata.refresh_grace_seconds ?? null,
    default_max_age: metadata.default_max_age ?? null,
    default_acr_values: unique(metadata.default_acr_values),
    require_auth_time: false,
    client_uri: metadata.client_uri ?? null,
    logo_uri: null,
    policy_uri: null,
    tos_uri: null,
    managed_name: metadata.managed_name ?? null,
    owner_id: null,
    service_account_id: null,
    id_token_ttl_seconds: null,
    refresh_idle_seconds: null,
    refresh_ttl_seconds: null,
    consent: 'remember',
    contacts: [],
  }
}

const checkUris = (uris: string[], type: ClientType): Denial | undefined => {
  for (const uri of uris) {
    const refused = checkRegistration(uri, type)
    if (refused) return refused
  }
  return uris.length > 200 ? invalid('at most 200 URIs', String(uris.length)) : undefined
}

const checkGrants = (
  grant_types: string[],
  redirect_uris: string[],
  method: string,
  facts: Facts,
): Denial | undefined => {
  const unknown = grant_types.find((grant) => !facts.grant_types.includes(grant))
  if (unknown !== undefined) return invalid(`a grant out of: ${facts.grant_types.join(' ')}`, unknown)
  if (grant_types.includes('authorization_code') && redirect_uris.length === 0)
    return invalid('a redirect URI for the authorization code flow', 'none')
  // RFC 6749 §4.4: client credentials are for confidential clients only.
  if (grant_types.includes('client_credentials') && method === 'none')
    return invalid('a client secret for client_credentials', 'auth method none')
  return undefined
}

const checkNames = (metadata: Metadata, method: string, scope: string, facts: Facts): Denial | undefined => {
  const name = metadata.client_name.trim()
  if (name === '' || name.length > 100 || /[\p{C}]/u.test(name))
    return invalid('a name of 1 to 100 printable characters', shown(name))
  if (!authMethods.some((known) => known === method))
    return invalid(`an auth method out of: ${authMethods.join(' ')}`, method)
  if (metadata.signing_alg !== undefined && !facts.signing_algs.some((alg) => alg === metadata.signing_alg)) {
    return invalid(
      `a signing algorithm out of: ${facts.signing_algs.join(' ')} (of ${signingAlgs.join(' ')})`,
      metadata.signing_alg,
    )
  }
  if (metadata.access_token_format !== undefined && !['jwt', 'opaque'].includes(metadata.access_token_format))
    return invalid('access token format jwt or opaque', metadata.access_token_format)
  const bad = parseScope(scope).find((token) => !isScopeToken(token))
  if (bad !== undefined) return invalid('scopes of the characters of RFC 6749 §3.3', bad)
  const resource = [...(metadata.resources ?? []), ...(metadata.audiences ?? [])].find(
    (uri) => !URL.canParse(uri) || uri.includes('#'),
  )
  return resource === undefined
    ? checkLink(metadata.client_uri)
    : invalid('resources that are absolute URIs without fragment (RFC 8707 §2)', resource)
}

/** Security design 1.9; a max_age has no bound but that of its column. */
const lifetimes = [
  ['access_token_ttl_seconds', 30, longestAccessSeconds],
  ['refresh_grace_seconds', 0, 60],
  ['default_max_age', 0, 2_147_483_647],
] as const

/** A revocation is remembered as long as an access token can live, no longer: a client must not stretch that (3.3). */
const checkLifetimes = (metadata: Metadata): Denial | undefined => {
  for (const [name, least, most] of lifetimes) {
    const seconds = metadata[name]
    if (seconds === undefined || (Number.isInteger(seconds) && seconds >= least && seconds <= most)) continue
    return invalid(`${name} in whole seconds from ${least} to ${most}`, String(seconds))
  }
  return undefined
}

/** RG-2 holds for links too: a stored javascript: address would run in somebody's browser. */
const checkLink = (uri: string | undefined): Denial | undefined =>
  uri === undefined || originOf(uri) !== undefined ? undefined : invalid('an http or https address', uri)

const checkOrigins = (origins: string[]): Denial | undefined => {
  const bad = origins.find((origin) => originOf(origin) !== origin)
  return bad === undefined ? undefined : invalid('origins like https://app.example', bad)
}

const unique = (values: readonly string[] | undefined): string[] => [...new Set(values ?? [])]

const invalid = (expected: string, got: string): Denial =>
  deny('invalid_client_metadata', `The client cannot be registered so: expected ${expected}.`, {
    rule: 'client metadata is valid (RFC 7591 §2)',
    expected,
    got: shown(got),
  })
