/** Owns the options that describe a client, for `create`, `update` and `apply`, and their way to client metadata. */
import { type Command, Option } from 'commander'
import { acrLevels } from '../protocol/acr.ts'
import { type ClientType, clientTypes, type Metadata } from '../clients/metadata.ts'
import { collect, duration, numberBetween } from './input.ts'

export type RequiredMetadata = { name: string; type: ClientType }

export type MetadataOptions = {
  name?: string
  type?: ClientType
  description?: string
  redirectUri?: string[]
  postLogoutRedirectUri?: string[]
  grant?: string[]
  scope?: string
  resource?: string[]
  audience?: string[]
  origin?: string[]
  authMethod?: string
  signingAlg?: string
  tokenFormat?: string
  accessTokenTtl?: number
  refreshGrace?: number
  requirePkce?: boolean
  firstParty?: boolean
  acr?: string
  maxAge?: number | 'none'
  idTokenTtl?: number
  refreshIdle?: number
  refreshTtl?: number
  idTokenAlg?: string
  accessTokenAlg?: string
  consent?: string
  contact?: string[]
  clientUri?: string
  logoUri?: string
  policyUri?: string
  tosUri?: string
  serviceAccount?: string
  owner?: string
}

const secondsOrNone = (value: string): number | 'none' =>
  value === 'none' ? value : numberBetween(0, 31_536_000)(value)

/** Adds the options. `named`: whether --name and --type must be given. */
export const metadataOptions = (command: Command, named: boolean): Command => {
  const name = new Option('--name <name>', 'the name that people see').makeOptionMandatory(named)
  const type = new Option('--type <type>', 'what it is; decides the defaults')
    .choices(clientTypes)
    .makeOptionMandatory(named)
  return describingOptions(lifetimeOptions(assuranceOptions(command)))
    .addOption(name)
    .addOption(type)
    .option('--redirect-uri <uri>', 'where answers may go; may be repeated', collect)
    .option('--post-logout-redirect-uri <uri>', 'where people may land after signing out; may be repeated', collect)
    .option('--grant <grant_type>', 'a grant it may use; may be repeated', collect)
    .option('--scope <scopes>', 'scopes it may ask for, separated by spaces')
    .option('--resource <uri>', 'an API it may get tokens for; may be repeated', collect)
    .option('--audience <uri>', 'an API that it is: it may introspect tokens for it; may be repeated', collect)
    .option('--origin <origin>', 'a browser origin that may call the endpoints; may be repeated', collect)
    .option('--auth-method <method>', 'client_secret_basic, client_secret_post or none')
    .option('--signing-alg <alg>', 'RS256, ES256, PS256 or EdDSA, for its tokens')
    .addOption(new Option('--token-format <format>', 'format of its access tokens').choices(['jwt', 'opaque']))
    .option('--access-token-ttl <seconds>', 'life of its access tokens, 30 to 3600', numberBetween(30, 3600))
    .option(
      '--refresh-grace <seconds>',
      'how long a lost refresh answer can be asked for again, 0 to 60',
      numberBetween(0, 60),
    )
    .option('--require-pkce', 'demand PKCE (the default)')
    .option('--no-require-pkce', 'do without PKCE; confidential clients only')
    .option('--first-party', 'ours: people are not asked for consent')
    .option('--no-first-party', 'people are asked for consent (the default)')
    .option('--description <text>', 'a note for administrators')
}

/** What its sign-ins have to prove, and how lately. */
const assuranceOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--acr <level>', 'how sure its sign-ins have to be: aal1, aal2, phr, or none').choices([
        ...acrLevels,
        'none',
      ]),
    )
    .option(
      '--max-age <seconds>',
      'how old the proof of a person may be when it signs them in (default_max_age), or none',
      secondsOrNone,
    )

/** How long its tokens live, and how they are signed where that differs. */
const lifetimeOptions = (command: Command): Command =>
  command
    .option('--id-token-ttl <seconds>', 'life of its ID tokens, 30 to 3600', numberBetween(30, 3600))
    .option('--refresh-idle <time>', 'its refresh tokens die when they are not used for this long: 30m, 14d', duration)
    .option('--refresh-ttl <time>', 'its refresh tokens die this long after the sign-in: 12h, 90d', duration)
    .option('--id-token-alg <alg>', 'for its ID tokens only')
    .option('--access-token-alg <alg>', 'for its access tokens only')

/** What people see of it, and who looks after it. */
const describingOptions = (command: Command): Command =>
  command
    .addOption(new Option('--consent <when>', 'when people are asked').choices(['remember', 'always']))
    .option('--contact <address>', 'whom to ask about it; may be repeated', collect)
    .option('--client-uri <uri>', 'its home page')
    .option('--logo-uri <uri>', 'its logo')
    .option('--policy-uri <uri>', 'what it does with data')
    .option('--tos-uri <uri>', 'its terms of service')
    .option('--service-account <id>', 'the service account whose rights it has when it acts for itself, or none')
    .option('--owner <id>', 'the account that looks after it, or none')

/** The metadata that was named; what was not is left out, so that it keeps its value or gets its default. */
export const metadataOf = (options: MetadataOptions): Partial<Metadata> => {
  const all: Partial<Metadata> = {
    client_name: options.name,
    type: options.type,
    description: options.description,
    redirect_uris: listOf(options.redirectUri),
    post_logout_redirect_uris: listOf(options.postLogoutRedirectUri),
    grant_types: options.grant,
    scope: options.scope,
    resources: listOf(options.resource),
    audiences: listOf(options.audience),
    allowed_origins: listOf(options.origin),
    token_endpoint_auth_method: options.authMethod,
    signing_alg: options.signingAlg,
    access_token_format: options.tokenFormat,
    access_token_ttl_seconds: options.accessTokenTtl,
    refresh_grace_seconds: options.refreshGrace,
    require_pkce: options.requirePkce,
    first_party: options.firstParty,
    default_acr_values: options.acr === undefined ? undefined : [options.acr].filter((level) => level !== 'none'),
    default_max_age: options.maxAge,
    id_token_ttl_seconds: options.idTokenTtl,
    refresh_idle_seconds: options.refreshIdle,
    refresh_ttl_seconds: options.refreshTtl,
    id_token_signed_response_alg: options.idTokenAlg,
    access_token_signed_response_alg: options.accessTokenAlg,
    consent: options.consent,
    contacts: listOf(options.contact),
    client_uri: options.clientUri,
    logo_uri: options.logoUri,
    policy_uri: options.policyUri,
    tos_uri: options.tosUri,
    service_account_id: options.serviceAccount,
    owner_id: options.owner,
  } as Partial<Metadata>
  const named = Object.entries(all).filter(([, value]) => value !== undefined)
  // Named and without a value: that takes back what was said before.
  return Object.fromEntries(named.map(([name, value]) => [name, takesBack(name, value) ? undefined : value]))
}

const optional = new Set([
  'default_max_age',
  'service_account_id',
  'owner_id',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
])
const takesBack = (name: string, value: unknown): boolean => optional.has(name) && (value === 'none' || value === '')

/** An empty value empties a list: without it a list could be replaced, but never be taken away. */
const listOf = (values: string[] | undefined): string[] | undefined => values?.filter((value) => value !== '')
