/**
 * Owns the life of a client, whoever asks: command line and seed now, the API later. A secret is shown once and stored
 * as its hash. Start reading at `createClient`.
 */
import { randomBytes } from 'node:crypto'
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation, type Tx } from '../db/connect.ts'
import type { ClientsRow } from '../db/tables.gen.ts'
import { transact } from '../db/transact.ts'
import { record } from '../events/record.ts'
import { secretBytes } from '../io/ids.ts'
import { sameBytes } from '../io/secrets.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { encode62, hashToken, mintOpaque } from '../protocol/opaque-token.ts'
import { burnCodesOfClient } from '../authorize/codes.ts'
import { revokeFamiliesOfClient } from '../token/families.ts'
import { type ClientType, decideClient, type Metadata } from './registration.ts'
import {
  deleteClient,
  expireOldSecrets,
  findByManagedName,
  insertClient,
  insertSecret,
  loadClient,
  updateClient,
} from './store.ts'

export { listClients, loadClient } from './store.ts'

export type Created = { client_id: string; client_secret?: string }

/** Creates a client; a confidential one gets a secret, returned here and never again. */
export const createClient = async (
  ctx: Ctx,
  metadata: Metadata,
  client_id = `app_${encode62(randomBytes(16))}`,
): Promise<Created | Denial> => {
  const values = decideClient(metadata, factsOf(ctx, client_id))
  if (isDenial(values)) return values
  const now = ctx.now()
  return await transact(ctx.db, async (tx) => {
    await insertClient(tx, values, now)
    await record(tx, {
      type: 'client.created',
      now,
      client_id,
      data: { client_name: values.client_name, type: values.type },
    })
    return {
      client_id,
      ...(values.token_endpoint_auth_method !== 'none' && { client_secret: await addSecret(tx, client_id, now) }),
    }
  })
}

/**
 * Makes a client look as described, creating it the first time (found again by its name). Changes nothing when it looks
 * so already. A secret is returned only when one was made.
 */
export const applyClient = async (ctx: Ctx, metadata: Metadata): Promise<(Created & { changed: boolean }) | Denial> => {
  const managed_name = metadata.managed_name ?? metadata.client_name
  const known = await transact(ctx.db, async (tx) => await findByManagedName(tx, managed_name))
  if (known === undefined) {
    const created = await createManaged(ctx, { ...metadata, managed_name })
    // Somebody else applied the same name at the same moment: theirs is the client now.
    if (created === 'taken') return await applyClient(ctx, metadata)
    return isDenial(created) ? created : { ...created, changed: true }
  }
  const decided = decideClient({ ...metadata, managed_name }, factsOf(ctx, known.client_id))
  if (isDenial(decided)) return decided
  // Whether it is enabled is no part of the description: a deployment never undoes an operator's `disable`.
  const { status: _status, default_audience: _audience, ...described } = decided
  const values = { ...described, ...ownedBy(known) }
  const changed = Object.entries(values).some(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name as keyof ClientsRow]),
  )
  if (changed) await writeChange(ctx, known.client_id, values)
  return { client_id: known.client_id, changed }
}

const createManaged = async (ctx: Ctx, metadata: Metadata): Promise<Created | Denial | 'taken'> => {
  try {
    return await createClient(ctx, metadata)
  } catch (error) {
    if (isUniqueViolation(error, 'clients_managed_name_key')) return 'taken'
    throw error
  }
}

/** Changes a client: what is named replaces what stood, and the result is checked as a whole, like a new one (RG-1). */
export const changeClient = async (
  ctx: Ctx,
  client_id: string,
  change: Partial<Metadata>,
): Promise<Denial | undefined> => {
  const client = await loadClient(ctx.db, client_id)
  if (client === undefined) return noSuchClient(client_id)
  const values = decideClient({ ...metadataOf(client), ...change }, factsOf(ctx, client_id))
  if (isDenial(values)) return values
  await writeChange(ctx, client_id, { ...values, ...untouched(client, change) })
  return undefined
}

/**
 * Disables or enables a client; disabling kills its access tokens at once (G-3). Nothing else is checked, so that a
 * client that the settings of today would refuse can still be switched off.
 */
export const setClientStatus = async (
  ctx: Ctx,
  client_id: string,
  status: 'enabled' | 'disabled',
): Promise<Denial | undefined> => {
  const client = await loadClient(ctx.db, client_id)
  if (client === undefined) return noSuchClient(client_id)
  if (client.status !== status) await writeChange(ctx, client_id, { status })
  return undefined
}

/** Tells whether a secret is one of the client's that work now. */
export const secretIsLive = async (ctx: Ctx, client_id: string, secret: string): Promise<boolean> => {
  const client = await loadClient(ctx.db, client_id)
  const hash = hashToken(secret)
  const now = ctx.now()
  const live = client?.secrets.filter(({ expires_at }) => expires_at === null || expires_at > now) ?? []
  return live.some(({ secret_hash }) => sameBytes(secret_hash, hash))
}

/** Gives a client a new secret; the newest old one lives on for `overlapSeconds`, so that deployments can follow. */
export const rotateSecret = async (ctx: Ctx, client_id: string, overlapSeconds: number): Promise<Created | Denial> => {
  const client = await loadClient(ctx.db, client_id)
  if (client === undefined) return noSuchClient(client_id)
  if (client.token_endpoint_auth_method === 'none')
    return deny('invalid_request', 'A public client has no secret.', {
      rule: 'only confidential clients have secrets (RFC 6749 §2.1)',
    })
  const now = ctx.now()
  const client_secret = await transact(ctx.db, async (tx) => {
    await expireOldSecrets(tx, client_id, new Date(now.getTime() + overlapSeconds * 1000))
    await record(tx, { type: 'client.secret_rotated', now, client_id, data: { overlap_seconds: overlapSeconds } })
    return await addSecret(tx, client_id, now)
  })
  ctx.clients.forget(client_id)
  return { client_id, client_secret }
}

/** Deletes a client with everything issued to it; its access tokens die by the feed. */
export const removeClient = async (ctx: Ctx, client_id: string): Promise<Denial | undefined> => {
  const now = ctx.now()
  const gone = await transact(ctx.db, async (tx) => {
    if (!(await deleteClient(tx, client_id))) return false
    // Nothing of it comes back to life when a client of this name is made again. Codes first: that waits for redemptions
    // under way, and only who looks afterwards sees the families that they begin.
    await burnCodesOfClient(tx, client_id, now)
    await revokeFamiliesOfClient(tx, client_id, now)
    await ctx.feed.write(tx, [{ kind: 'client', key: client_id }], now)
    await record(tx, { type: 'client.deleted', now, client_id })
    return true
  })
  if (!gone) return noSuchClient(client_id)
  ctx.clients.forget(client_id)
  await ctx.feed.announce()
  return undefined
}

const writeChange = async (ctx: Ctx, client_id: string, values: Partial<ClientsRow>): Promise<void> => {
  const now = ctx.now()
  await transact(ctx.db, async (tx) => {
    await updateClient(tx, client_id, values, now)
    if (values.status === 'disabled') await ctx.feed.write(tx, [{ kind: 'client', key: client_id }], now)
    await record(tx, {
      type: 'client.updated',
      now,
      client_id,
      ...(values.status && { data: { status: values.status } }),
    })
  })
  ctx.clients.forget(client_id)
  if (values.status === 'disabled') await ctx.feed.announce()
}

const addSecret = async (tx: Tx, client_id: string, now: Date): Promise<string> => {
  const secret = mintOpaque('cs', secretBytes())
  await insertSecret(tx, { client_id, secret_hash: hashToken(secret), hint: secret.slice(-4), created_at: now })
  return secret
}

const factsOf = (ctx: Ctx, client_id: string) => ({
  client_id,
  grant_types: ctx.grantTypes,
  signing_algs: ctx.config.signing_algs,
})

const metadataOf = (client: ClientsRow): Metadata => ({
  ...client,
  type: client.type as ClientType,
  signing_alg: client.id_token_signed_response_alg,
  description: client.description ?? undefined,
  access_token_format: client.access_token_format ?? undefined,
  access_token_ttl_seconds: client.access_token_ttl_seconds ?? undefined,
  refresh_grace_seconds: client.refresh_grace_seconds ?? undefined,
  default_max_age: client.default_max_age ?? undefined,
  default_acr_values: client.default_acr_values,
  client_uri: client.client_uri ?? undefined,
  managed_name: client.managed_name ?? undefined,
})

/** What a change does not speak of stays as it is, also where the defaults of the type would say otherwise. */
const untouched = (client: ClientsRow, change: Partial<Metadata>): Partial<ClientsRow> => ({
  status: client.status,
  default_audience: client.default_audience,
  require_auth_time: client.require_auth_time,
  response_types: client.response_types,
  response_modes: client.response_modes,
  logo_uri: client.logo_uri,
  policy_uri: client.policy_uri,
  tos_uri: client.tos_uri,
  ...ownedBy(client),
  ...(change.signing_alg === undefined && {
    access_token_signed_response_alg: client.access_token_signed_response_alg,
  }),
})

/** What the description of a client does not speak of. */
const ownedBy = (client: ClientsRow): Partial<ClientsRow> => ({
  owner_id: client.owner_id,
  service_account_id: client.service_account_id,
  id_token_ttl_seconds: client.id_token_ttl_seconds,
  refresh_idle_seconds: client.refresh_idle_seconds,
  refresh_ttl_seconds: client.refresh_ttl_seconds,
  consent: client.consent,
  contacts: client.contacts,
})

const noSuchClient = (client_id: string): Denial =>
  deny('not_found', `There is no client ${client_id}.`, {
    rule: 'the client exists',
    expected: 'a client_id of this deployment',
    got: client_id,
  })
