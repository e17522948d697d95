/** Owns the way back from the row of a client to what somebody might have said about it, for changes of a part of it. Pure. */
import type { ClientsRow } from '../db/tables.gen.ts'
import type { MappingRule } from '../protocol/claim-mapping.ts'
import type { ClientType, Metadata } from './registration.ts'

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
