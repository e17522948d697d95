/** Owns how an application is shown: named members only, of its secrets none (security rule AD-3). */
import { z } from 'zod'
import { instant, nextCursor } from '../http/api-route.ts'
import { targets } from '../protocol/claim-mapping.ts'
import { clientTypes, deviceGrant } from './metadata.ts'
import type { Client } from './store.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const constant = z.union([scalar, z.array(scalar), z.record(z.string(), scalar)])

/** One rule of custom claims. */
export const ruleSchema = z.strictObject({
  from: z.string().max(400).optional().describe('user.email, claims.NAME, client.client_name, groups …'),
  constant: constant.optional(),
  to: z.string().max(200),
  into: z.enum(targets),
  flatten: z.boolean().optional(),
})

/** As answers have it. */
export const applicationSchema = z
  .object({
    id: z.string().describe('the client_id'),
    client_id: z.string(),
    client_name: z.string(),
    description: z.string().nullable(),
    type: z.enum(clientTypes),
    status: z.enum(['enabled', 'disabled']),
    owner_id: z.string().nullable(),
    service_account_id: z.string().nullable(),
    redirect_uris: z.array(z.string()),
    post_logout_redirect_uris: z.array(z.string()),
    allowed_origins: z.array(z.string()),
    grant_types: z.array(z.string()),
    response_types: z.array(z.string()),
    token_endpoint_auth_method: z.string(),
    require_pkce: z.boolean(),
    scope: z.string(),
    resources: z.array(z.string()).describe('APIs it may ask for tokens of'),
    audiences: z.array(z.string()).describe('APIs that it is: it may introspect tokens that are meant for them'),
    first_party: z.boolean(),
    consent: z.enum(['remember', 'always']),
    default_max_age: z.int().nullable(),
    default_acr_values: z.array(z.string()),
    access_token_format: z.enum(['jwt', 'opaque']).nullable(),
    access_token_ttl_seconds: z.int().nullable(),
    id_token_ttl_seconds: z.int().nullable(),
    refresh_idle_seconds: z.int().nullable(),
    refresh_ttl_seconds: z.int().nullable(),
    refresh_grace_seconds: z.int().nullable(),
    id_token_signed_response_alg: z.string(),
    access_token_signed_response_alg: z.string(),
    claim_mapping: z.array(ruleSchema),
    contacts: z.array(z.string()),
    client_uri: z.string().nullable(),
    logo_uri: z.string().nullable(),
    policy_uri: z.string().nullable(),
    tos_uri: z.string().nullable(),
    managed_name: z.string().nullable().describe('the name under which a deployment keeps it (keywright client apply)'),
    notes: z.array(z.string()).describe('what does not work yet as it is registered'),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Application' })

export type ApplicationView = z.infer<typeof applicationSchema>

const secretOnce = z.string().optional().describe('shown now and never again; a public client has none')
export const madeApplicationSchema = applicationSchema
  .extend({ client_secret: secretOnce })
  .meta({ id: 'ApplicationWithSecret' })
export const applicationListSchema = z
  .object({ applications: z.array(applicationSchema), next: nextCursor })
  .meta({ id: 'ApplicationList' })

export const secretSchema = z
  .object({
    id: z.uuid(),
    masked: z.string().describe('how it begins and ends'),
    created_at: instant,
    expires_at: instant.nullable().describe('null for the newest'),
  })
  .meta({ id: 'ApplicationSecret' })
export const secretListSchema = z.object({ secrets: z.array(secretSchema) }).meta({ id: 'ApplicationSecretList' })
export const madeSecretSchema = z
  .object({
    client_id: z.string(),
    client_secret: z.string().describe('shown now and never again'),
    previous_expires_at: instant.nullable().describe('until when the former secret works'),
  })
  .meta({ id: 'ApplicationSecretOnce' })

type Row = Omit<Client, 'secrets'>

/** An application without what makes it work. */
export const applicationView = (row: Row): ApplicationView => ({
  id: row.client_id,
  client_id: row.client_id,
  client_name: row.client_name,
  description: row.description,
  type: row.type as ApplicationView['type'],
  status: row.status as ApplicationView['status'],
  owner_id: row.owner_id,
  service_account_id: row.service_account_id,
  redirect_uris: row.redirect_uris,
  post_logout_redirect_uris: row.post_logout_redirect_uris,
  allowed_origins: row.allowed_origins,
  grant_types: row.grant_types,
  response_types: row.response_types,
  token_endpoint_auth_method: row.token_endpoint_auth_method,
  require_pkce: row.require_pkce,
  scope: row.scope,
  resources: row.resources,
  audiences: row.audiences,
  first_party: row.first_party,
  consent: row.consent as ApplicationView['consent'],
  default_max_age: row.default_max_age,
  default_acr_values: row.default_acr_values,
  ...tokensOf(row),
  claim_mapping: row.claim_mapping as ApplicationView['claim_mapping'],
  contacts: row.contacts,
  client_uri: row.client_uri,
  logo_uri: row.logo_uri,
  policy_uri: row.policy_uri,
  tos_uri: row.tos_uri,
  managed_name: row.managed_name,
  notes: notesOf(row),
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
})

const tokensOf = (row: Row) => ({
  access_token_format: row.access_token_format as ApplicationView['access_token_format'],
  access_token_ttl_seconds: row.access_token_ttl_seconds,
  id_token_ttl_seconds: row.id_token_ttl_seconds,
  refresh_idle_seconds: row.refresh_idle_seconds,
  refresh_ttl_seconds: row.refresh_ttl_seconds,
  refresh_grace_seconds: row.refresh_grace_seconds,
  id_token_signed_response_alg: row.id_token_signed_response_alg,
  access_token_signed_response_alg: row.access_token_signed_response_alg,
})

const notesOf = (row: Row): string[] =>
  row.type === 'device' && !row.grant_types.includes(deviceGrant)
    ? [
        'Signing in on another device (RFC 8628) is not available on this server yet, so people cannot sign in with this.',
      ]
    : []

/** A secret, masked. */
export const secretView = ({ id, hint, created_at, expires_at }: Client['secrets'][number]) => ({
  id,
  masked: `kw_cs_…${hint}`,
  created_at: created_at.toISOString(),
  expires_at: expires_at?.toISOString() ?? null,
})
