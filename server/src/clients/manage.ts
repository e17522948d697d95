/**
 * Owns the life of a client, whoever asks: command line, seed and API. Its secrets are secrets.ts's. Start reading at
 * `createClient`.
 */
import { randomBytes } from 'node:crypto'
import { burnCodesOfClient } from '../authorize/codes.ts'
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation, type Tx } from '../db/connect.ts'
import type { ClientsRow } from '../db/tables.gen.ts'
import { transact } from '../db/transact.ts'
import { actedBy, type By, record } from '../events/record.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { encode62 } from '../protocol/opaque-token.ts'
import { revokeFamiliesOfClient } from '../token/families.ts'
import { type Asking, noSuchClient } from './asking.ts'
import { keptOf, type Metadata, metadataOf } from './metadata.ts'
import { decideClient } from './registration.ts'
import { addSecret, type Created } from './secrets.ts'
import { checkTies } from './ties.ts'
import {
  type Client,
  type ClientValues,
  deleteClient,
  deleteSecrets,
  findByManagedName,
  insertClient,
  lockClient,
  updateClient,
} from './store.ts'

export { listClients, loadClient } from './store.ts'
export { type Created, rotateSecret, secretIsLive } from './secrets.ts'

/** Creates a client; a confidential one gets a secret, returned here and never again. */
export const createClient = async (
  ctx: Ctx,
  metadata: Metadata,
  client_id = newClientId(),
  asking: Asking = {},
): Promise<Created | Denial> => {
  const values = decideClient(metadata, factsOf(ctx, client_id))
  if (isDenial(values)) return values
  const now = ctx.now()
  const data = { client_name: values.client_name, type: values.type }
  return await transact(ctx.db, async (tx) => {
    const refused =
      (await asking.guard?.(tx, { before: undefined, after: values })) ?? (await checkTies(tx, undefined, values))
    if (refused) return refused
    await insertClient(tx, values, now)
    await record(tx, { type: 'client.created', now, client_id, ...actedBy(asking.by ?? {}, data) })
    return {
      client_id,
      ...(values.token_endpoint_auth_method !== 'none' && { client_secret: await addSecret(tx, client_id, now) }),
    }
  })
}

/** The server chooses the name of a client (RG-1). */
const newClientId = (): string => `app_${encode62(randomBytes(16))}`

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
  const described = { ...keptOf(known), ...metadata, managed_name }
  const decided = decideClient(described, factsOf(ctx, known.client_id))
  if (isDenial(decided)) return decided
  // Whether it is enabled is no part of the description: a deployment never undoes an operator's `disable`.
  const { status: _status, disabled_by: _who, default_audience: _audience, ...values } = decided
  const changed = Object.entries(values).some(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name as keyof ClientsRow]),
  )
  const loose =
    changed &&
    (await transact(ctx.db, async (tx) => {
      const denial = await checkTies(tx, known, values)
      if (denial === undefined) await writeChange(ctx, tx, { before: known, values })
      return denial
    }))
  if (loose) return loose
  await settled(ctx, known.client_id, false)
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

/** What a change says: members to change, or a whole description in place of the old one. */
export type Wanted = { change: Partial<Metadata> } | { whole: Metadata }

/** Changes a client: what is named replaces what stood, and the result is checked as a whole, like a new one (RG-1). */
export const changeClient = async (
  ctx: Ctx,
  client_id: string,
  change: Partial<Metadata>,
): Promise<Denial | undefined> => {
  const changed = await rewriteClient(ctx, client_id, { change })
  return isDenial(changed) ? changed : undefined
}

/** The same for somebody with bounds. A client that becomes confidential gets its first secret, returned here and never again. */
export const rewriteClient = async (
  ctx: Ctx,
  client_id: string,
  wanted: Wanted,
  asking: Asking = {},
): Promise<Created | Denial> => {
  const result = await transact(ctx.db, async (tx) => {
    const before = await lockClient(tx, client_id)
    if (before === undefined) return noSuchClient(client_id)
    const after = decideChange(ctx, before, wanted)
    // Whose it is comes before what is wrong with it: the guard of a stranger says that there is nothing.
    const refused = await asking.guard?.(tx, { before, after: isDenial(after) ? undefined : after })
    if (refused) return refused
    if (isDenial(after)) return after
    const loose = await checkTies(tx, before, after)
    return loose ?? (await writeChange(ctx, tx, { before, values: after, by: asking.by ?? {} }))
  })
  if (isDenial(result)) return result
  await settled(ctx, client_id, result.ends)
  return result.created
}

const decideChange = (ctx: Ctx, before: Client, wanted: Wanted): ClientValues | Denial => {
  const said =
    'change' in wanted
      ? { ...metadataOf(before), ...algOf(wanted.change) }
      : { ...keptOf(before), first_party: before.first_party, ...wanted.whole }
  const decided = decideClient(said, factsOf(ctx, before.client_id))
  if (isDenial(decided)) return decided
  // What no description speaks of stays as it is.
  const { status, disabled_by, default_audience, require_auth_time, response_types, response_modes } = before
  return { ...decided, status, disabled_by, default_audience, require_auth_time, response_types, response_modes }
}

/** One algorithm for both kinds of tokens, where a change names one. */
const algOf = ({ signing_alg, ...change }: Partial<Metadata>): Partial<Metadata> =>
  signing_alg === undefined
    ? change
    : {
        id_token_signed_response_alg: signing_alg,
        access_token_signed_response_alg: signing_alg,
        ...change,
      }

/**
 * Disables or enables a client; disabling kills its access tokens at once (G-3). Nothing else is checked, so that a
 * client that the settings of today would refuse can still be switched off.
 */
export const setClientStatus = async (
  ctx: Ctx,
  client_id: string,
  status: 'enabled' | 'disabled',
  { who = 'administrator', ...asking }: Asking & { who?: 'owner' | 'administrator' } = {},
): Promise<Denial | undefined> => {
  const refused = await transact(ctx.db, async (tx) => {
    const before = await lockClient(tx, client_id)
    if (before === undefined) return noSuchClient(client_id)
    const denial = await asking.guard?.(tx, { before, after: before })
    if (denial) return denial
    const disabled_by = status === 'enabled' ? null : who
    if (before.status !== status || before.disabled_by !== disabled_by)
      await writeChange(ctx, tx, { before, values: { status, disabled_by }, by: asking.by ?? {} })
    return undefined
  })
  if (refused === undefined) await settled(ctx, client_id, status === 'disabled')
  return refused
}

/** Deletes a client with everything issued to it; its access tokens die by the feed. */
export const removeClient = async (ctx: Ctx, client_id: string, asking: Asking = {}): Promise<Denial | undefined> => {
  const now = ctx.now()
  const refused = await transact(ctx.db, async (tx) => {
    const before = asking.guard && (await lockClient(tx, client_id))
    const denial = before && (await asking.guard?.(tx, { before, after: undefined }))
    if (denial) return denial
    if (!(await deleteClient(tx, client_id))) return noSuchClient(client_id)
    // Nothing of it comes back to life when a client of this name is made again. Codes first: that waits for redemptions
    // under way, and only who looks afterwards sees the families that they begin.
    await burnCodesOfClient(tx, client_id, now)
    await revokeFamiliesOfClient(tx, client_id, now)
    await ctx.feed.write(tx, [{ kind: 'client', key: client_id }], now)
    await record(tx, { type: 'client.deleted', now, client_id, ...actedBy(asking.by ?? {}) })
    return undefined
  })
  if (refused) return refused
  await settled(ctx, client_id, true)
  return undefined
}

type Written = { before: ClientsRow; values: Partial<ClientsRow>; by?: By }

const writeChange = async (
  ctx: Ctx,
  tx: Tx,
  { before, values, by = {} }: Written,
): Promise<{ created: Created; ends: boolean }> => {
  const { client_id } = before
  const now = ctx.now()
  await updateClient(tx, client_id, values, now)
  const ends = values.status === 'disabled' || loses(before, values)
  if (ends) await ctx.feed.write(tx, [{ kind: 'client', key: client_id }], now)
  const data: Record<string, string> = values.status && values.status !== before.status ? { status: values.status } : {}
  await record(tx, { type: 'client.updated', now, client_id, ...actedBy(by, data) })
  const [was, is] = [before.token_endpoint_auth_method, values.token_endpoint_auth_method ?? '']
  if (is === 'none' && was !== 'none') await deleteSecrets(tx, client_id)
  const isFirst = was === 'none' && is !== 'none' && is !== ''
  return { created: { client_id, ...(isFirst && { client_secret: await addSecret(tx, client_id, now) }) }, ends }
}

/** Tokens that speak for a service account die when the client is tied to it no more. */
const loses = (before: ClientsRow, values: Partial<ClientsRow>): boolean =>
  before.service_account_id !== null &&
  values.service_account_id !== undefined &&
  values.service_account_id !== before.service_account_id

/** After the commit: this node sees the change at once, and all of them a revocation within two seconds. */
const settled = async (ctx: Ctx, client_id: string, revoked: boolean): Promise<void> => {
  ctx.clients.forget(client_id)
  if (revoked) await ctx.feed.announce()
}

const factsOf = (ctx: Ctx, client_id: string) => ({
  client_id,
  grant_types: ctx.grantTypes,
  signing_algs: ctx.config.signing_algs,
})
