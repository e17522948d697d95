/** Owns the options that describe a client, for `create`, `update` and `apply`, and their way to client metadata. */
import { type Command, Option } from 'commander'
import { acrLevels } from '../protocol/acr.ts'
import type { ClientType, Metadata } from '../clients/registration.ts'
import { collect, numberBetween } from './input.ts'

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
}

const secondsOrNone = (value: string): number | 'none' =>
  value === 'none' ? value : numberBetween(0, 31_536_000)(value)

const clientTypes: readonly ClientType[] = ['web', 'spa', 'native', 'machine']

/** Adds the options. `named`: whether --name and --type must be given. */
export const metadataOptions = (command: Command, named: boolean): Command => {
  const name = new Option('--name <name>', 'the name that people see').makeOptionMandatory(named)
  const type = new Option('--type <type>', 'what it is; decides the defaults')
    .choices(clientTypes)
    .makeOptionMandatory(named)
  return assuranceOptions(command)
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
    default_max_age: options.maxAge === 'none' ? undefined : options.maxAge,
  } as Partial<Metadata>
  const named = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  // Named and without a value: that takes back what was said before.
  return options.maxAge === 'none' ? { ...named, default_max_age: undefined } : named
}

/** An empty value empties a list: without it a list could be replaced, but never be taken away. */
const listOf = (values: string[] | undefined): string[] | undefined => values?.filter((value) => value !== '')
