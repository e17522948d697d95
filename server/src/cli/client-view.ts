/** Owns how clients are shown: as data without anything secret, and as text for a person. Pure. */
import type { Created } from '../clients/manage.ts'
import type { Client } from '../clients/load.ts'
import type { ClientsRow } from '../db/tables.gen.ts'
import { columns, minuteOf, table } from './output.ts'

/** One client as JSON: its row, and of each secret only what does not help to guess it. */
export const clientView = (client: ClientsRow & { secrets?: unknown }, secrets?: Client['secrets']) => {
  const { secrets: _hashes, ...row } = client
  if (secrets === undefined) return row
  const hints = secrets.map(({ hint, created_at, expires_at }) => ({
    hint,
    created_at,
    expires_at,
  }))
  return { ...row, secrets: hints }
}

/** What a new client or secret is, for a person. */
export const showCredentials = ({ client_id, client_secret }: Created): string => {
  const rows = [['client_id', client_id] as const, ['client_secret', client_secret] as const]
  return client_secret === undefined ? table(rows) : `${table(rows)}\nThe secret is shown only this once.`
}

/** A new secret for a person, and until when the one before it works. */
export const showRotated = ({
  previous_expires_at: until,
  ...created
}: Created & { previous_expires_at?: Date }): string =>
  until === undefined
    ? showCredentials(created)
    : `${showCredentials(created)}\nThe last secret works until ${minuteOf(until)}.`

/** A list of clients for a person. */
export const showClients = (clients: readonly ClientsRow[]): string =>
  clients.length === 0
    ? 'There is no client.'
    : columns(
        ['CLIENT_ID', 'STATUS', 'TYPE', 'NAME', 'CREATED'],
        clients.map((one) => [one.client_id, one.status, one.type, one.client_name, minuteOf(one.created_at)]),
      )

/** One client for a person. */
export const showClient = (client: Client): string =>
  table([
    ['client_id', client.client_id],
    ['name', client.client_name],
    ['description', client.description],
    ['type', client.type],
    ['status', client.status],
    ['auth method', client.token_endpoint_auth_method],
    ...client.secrets.map((secret) => ['secret', showSecret(secret)] as const),
    ...client.redirect_uris.map((uri) => ['redirect URI', uri] as const),
    ...client.post_logout_redirect_uris.map((uri) => ['after sign-out', uri] as const),
    ['grants', client.grant_types.join(', ')],
    ['scopes', client.scope],
    ['resources', client.resources.join(' ')],
    ['audiences', client.audiences.join(' ')],
    ['origins', client.allowed_origins.join(' ')],
    ['assurance', client.default_acr_values.join(' ')],
    ['max age', client.default_max_age === null ? null : `${client.default_max_age} s`],
    ['consent', consentOf(client)],
    ['PKCE', client.require_pkce ? 'required' : 'not required'],
    ['signing', client.id_token_signed_response_alg],
    ['access token', tokensOf(client)],
    ['ID token', client.id_token_ttl_seconds === null ? null : `${client.id_token_ttl_seconds} s`],
    ['refresh', refreshOf(client)],
    ['owner', client.owner_id],
    ['service account', client.service_account_id],
    ['contacts', client.contacts.join(', ')],
    ['home page', client.client_uri],
    ['logo', client.logo_uri],
    ['policy', client.policy_uri],
    ['terms', client.tos_uri],
    ['applied as', client.managed_name],
    ['created', minuteOf(client.created_at)],
  ])

const showSecret = ({ hint, created_at, expires_at }: Client['secrets'][number]): string => {
  const until = expires_at === null ? '' : `, valid until ${minuteOf(expires_at)}`
  return `…${hint}, made ${minuteOf(created_at)}${until}`
}

const consentOf = ({ first_party, consent }: ClientsRow): string => {
  if (consent === 'always') return 'asked each time'
  return first_party ? 'not asked (first party)' : 'asked'
}

const refreshOf = ({ refresh_idle_seconds: idle, refresh_ttl_seconds: ttl }: ClientsRow): string =>
  [idle === null ? '' : `${idle} s without use`, ttl === null ? '' : `${ttl} s in all`]
    .filter((part) => part !== '')
    .join(', ')

const tokensOf = (client: ClientsRow): string =>
  [client.access_token_format, client.access_token_ttl_seconds && `${client.access_token_ttl_seconds} s`]
    .filter((part) => part !== null && part !== 0)
    .join(', ') || 'as the settings say'
