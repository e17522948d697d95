/** Owns the checks of what somebody says about a client (security rules RG-1, RG-2): each either passes or says what was expected. Pure. */
import { signingAlgs } from '../config/schema.ts'
import { longestAccessSeconds } from '../protocol/access-token.ts'
import { acrLevels } from '../protocol/acr.ts'
import { findMappingFault } from '../protocol/claim-mapping.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { checkRegistration, originOf } from '../protocol/redirect-uri.ts'
import { isScopeToken, parseScope } from '../protocol/scope.ts'
import type { ClientType, Facts, Metadata } from './metadata.ts'
import type { ClientValues } from './store.ts'

export const authMethods = ['client_secret_basic', 'client_secret_post', 'none'] as const

/** Refusals: `invalid_redirect_uri`, `invalid_client_metadata` (RFC 7591 §3.2.2). */
export const checkAll = (metadata: Metadata, values: ClientValues, facts: Facts): Denial | undefined =>
  checkUris([...values.redirect_uris, ...values.post_logout_redirect_uris], metadata.type) ??
  checkGrants(values, facts) ??
  checkNames(metadata, values, facts) ??
  checkTargets(values) ??
  checkLinks(values) ??
  checkTexts(values) ??
  checkLifetimes(metadata) ??
  checkChoices(values) ??
  checkOrigins(values.allowed_origins)

const checkUris = (uris: string[], type: ClientType): Denial | undefined => {
  for (const uri of uris) {
    const refused = checkRegistration(uri, type)
    if (refused) return refused
  }
  return uris.length > 200 ? invalid('at most 200 URIs', String(uris.length)) : undefined
}

const checkGrants = (values: ClientValues, facts: Facts): Denial | undefined => {
  const { grant_types, redirect_uris, token_endpoint_auth_method: method } = values
  const unknown = grant_types.find((grant) => !facts.grant_types.includes(grant))
  if (unknown !== undefined) return invalid(`a grant out of: ${facts.grant_types.join(' ')}`, unknown)
  if (grant_types.includes('authorization_code') && redirect_uris.length === 0)
    return invalid('a redirect URI for the authorization code flow', 'none')
  // RFC 6749 §4.4: client credentials are for confidential clients only.
  if (grant_types.includes('client_credentials') && method === 'none')
    return invalid('a client secret for client_credentials', 'auth method none')
  if (values.service_account_id !== null && !grant_types.includes('client_credentials'))
    return invalid('the grant client_credentials for a client with a service account', 'another grant')
  return undefined
}

const checkNames = (metadata: Metadata, values: ClientValues, facts: Facts): Denial | undefined => {
  const { client_name: name, token_endpoint_auth_method: method } = values
  if (name === '' || name.length > 100 || /[\p{C}]/u.test(name))
    return invalid('a name of 1 to 100 printable characters', shown(name))
  if (!authMethods.some((known) => known === method))
    return invalid(`an auth method out of: ${authMethods.join(' ')}`, method)
  const asked = [
    metadata.signing_alg,
    metadata.id_token_signed_response_alg,
    metadata.access_token_signed_response_alg,
  ].find((alg) => alg !== undefined && !facts.signing_algs.some((known) => known === alg))
  if (asked !== undefined)
    return invalid(
      `a signing algorithm out of: ${facts.signing_algs.join(' ')} (of ${signingAlgs.join(' ')})`,
      shown(asked),
    )
  if (metadata.access_token_format !== undefined && !['jwt', 'opaque'].includes(metadata.access_token_format))
    return invalid('access token format jwt or opaque', metadata.access_token_format)
  const bad = parseScope(values.scope).find((token) => !isScopeToken(token))
  return bad === undefined ? undefined : invalid('scopes of the characters of RFC 6749 §3.3', bad)
}

const checkTargets = ({ resources, audiences, scope }: ClientValues): Denial | undefined => {
  const bad = [...resources, ...audiences].find((uri) => !isResource(uri))
  if (bad !== undefined) return invalid('resources that are absolute URIs without fragment (RFC 8707 §2)', bad)
  const most = Math.max(resources.length, audiences.length, parseScope(scope).length)
  return most > 200 ? invalid('at most 200 resources, audiences and scopes', String(most)) : undefined
}

/** RFC 8707 §2: an absolute URI without a fragment. */
export const isResource = (uri: string): boolean =>
  uri.length <= 2000 && /^[\x21-\x7e]+$/.test(uri) && URL.canParse(uri) && !uri.includes('#')

/** RG-2 holds for links too: a stored javascript: address would run in somebody's browser. */
const checkLinks = (values: ClientValues): Denial | undefined => {
  const links = [values.client_uri, values.logo_uri, values.policy_uri, values.tos_uri]
  const bad = links.find((uri) => uri !== null && checkRegistration(uri, 'web') !== undefined)
  return bad == null ? undefined : invalid('an https address, or http on a loopback address', shown(bad))
}

const checkTexts = ({ contacts, description }: ClientValues): Denial | undefined => {
  const bad = contacts.find((text) => text.trim() === '' || text.length > 320 || /[\p{C}]/u.test(text))
  if (bad !== undefined) return invalid('contacts of 1 to 320 printable characters', shown(bad))
  if (contacts.length > 20) return invalid('at most 20 contacts', String(contacts.length))
  return (description ?? '').length > 2000 || (description ?? '').includes('\0')
    ? invalid('a description of at most 2000 characters', 'a longer one')
    : undefined
}

/** Security design 1.9; a max_age has no bound but that of its column. */
const lifetimes = [
  ['access_token_ttl_seconds', 30, longestAccessSeconds],
  ['id_token_ttl_seconds', 30, 3600],
  ['refresh_idle_seconds', 60, 31_536_000],
  ['refresh_ttl_seconds', 60, 63_072_000],
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

const checkChoices = ({ consent, default_acr_values, claim_mapping }: ClientValues): Denial | undefined => {
  if (!['remember', 'always'].includes(consent)) return invalid('consent remember or always', shown(consent))
  const level = default_acr_values.find((asked) => !acrLevels.some((known) => known === asked))
  if (level !== undefined) return invalid(`levels of assurance out of: ${acrLevels.join(' ')}`, shown(level))
  const rules = claim_mapping as Parameters<typeof findMappingFault>[0]
  const fault = findMappingFault(rules) ?? (rules.some((rule) => rule.into === 'access_token') ? onlyOwn : undefined)
  return fault === undefined ? undefined : invalid(fault, 'another rule')
}

const onlyOwn = 'rules for id_token and userinfo: those for access_token belong to the API'

const checkOrigins = (origins: string[]): Denial | undefined => {
  const bad = origins.find((origin) => originOf(origin) !== origin)
  return bad === undefined ? undefined : invalid('origins like https://app.example', bad)
}

/** A refusal of metadata that says what was expected. */
export const invalid = (expected: string, got: string): Denial =>
  deny('invalid_client_metadata', `The client cannot be registered so: expected ${expected}.`, {
    rule: 'client metadata is valid (RFC 7591 §2)',
    expected,
    got: shown(got),
  })
