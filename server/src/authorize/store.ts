/** Owns the tables interactions, consents and consent_scopes. Codes have a file of their own: code-store.ts. */
import type { Query } from '../db/connect.ts'
import type { ConsentsRow, InteractionsRow } from '../db/tables.gen.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import { type Consent, resourcesMeant } from './consented.ts'

export type Interaction = Omit<InteractionsRow, 'request'> & { request: AuthorizationRequest }

export const insertInteraction = async (
  tx: Query,
  interaction: Pick<Interaction, 'id' | 'browser_hash' | 'client_id' | 'request' | 'created_at' | 'expires_at'>,
): Promise<void> => {
  await tx`insert into interactions ${tx({ ...interaction, request: interaction.request as never })}`
}

export const findInteraction = async (tx: Query, id: string): Promise<Interaction | undefined> => {
  const rows = await tx<Interaction[]>`select * from interactions where id = ${id}`
  return rows[0]
}

/** A new proof of who it is takes back a consent that was given before it: that may have been somebody else's. */
export type Proof =
  | { session_id: string; proved_at: Date; consented_at: null }
  | { session_id: string; selected_at: Date; consented_at: null }
  | { session_id: string; consented_at: Date }
  | { refused: true }

/** Records what was proved in an open interaction; nothing changes in one that is finished. */
export const updateInteraction = async (tx: Query, id: string, proof: Proof): Promise<boolean> =>
  (await tx`update interactions set ${tx(proof as never)} where id = ${id} and completed_at is null returning id`)
    .length === 1

/** Finishes an interaction without a code. Once only. */
export const completeInteraction = async (tx: Query, id: string, now: Date): Promise<boolean> =>
  (await tx`update interactions set completed_at = ${now} where id = ${id} and completed_at is null returning id`)
    .length === 1

/** Takes the finishing back, within the transaction that finished it: there was no answer to give. */
export const reopenInteraction = async (tx: Query, id: string): Promise<void> => {
  await tx`update interactions set completed_at = null where id = ${id}`
}

/** What a person has allowed a client, resource by resource. */
export const findConsents = async (tx: Query, user_id: string, client_id: string): Promise<Consent[]> =>
  await tx<Consent[]>`
    select resource, scopes from consent_scopes where user_id = ${user_id} and client_id = ${client_id} order by resource limit 1000`

/** Remembers a consent, together with what was allowed before. The lists of consents are sums, for the account page. */
export const mergeConsent = async (
  tx: Query,
  consent: { user_id: string; client_id: string; scopes: string[]; resources: string[]; now: Date },
): Promise<void> => {
  await tx`
    insert into consents as c (user_id, client_id, scopes, resources, granted_at, updated_at)
    values (${consent.user_id}, ${consent.client_id}, ${consent.scopes}, ${consent.resources}, ${consent.now}, ${consent.now})
    on conflict (user_id, client_id) do update set
      scopes = coalesce((select array_agg(distinct name) from unnest(c.scopes || excluded.scopes) as name), '{}'),
      resources = coalesce((select array_agg(distinct name) from unnest(c.resources || excluded.resources) as name), '{}'),
      updated_at = excluded.updated_at`
  await tx`
    insert into consent_scopes as c (user_id, client_id, resource, scopes)
    select ${consent.user_id}, ${consent.client_id}, unnest(${resourcesMeant(consent.resources)}::text[]), ${consent.scopes}::text[]
    on conflict (user_id, client_id, resource) do update set
      scopes = coalesce((select array_agg(distinct name) from unnest(c.scopes || excluded.scopes) as name), '{}')`
}

export const deleteConsent = async (tx: Query, user_id: string, client_id: string): Promise<boolean> =>
  (await tx`delete from consents where user_id = ${user_id} and client_id = ${client_id} returning user_id`).length ===
  1

/** Takes back consents that were given in interactions which are still open: what was withdrawn is asked for again. */
export const reopenConsents = async (tx: Query, user_id: string, client_id: string): Promise<void> => {
  await tx`
    update interactions i set consented_at = null from sessions s
    where i.session_id = s.id and s.user_id = ${user_id} and i.client_id = ${client_id} and i.completed_at is null`
}

export type ConsentWithName = ConsentsRow & { client_name: string }

export const listConsents = async (tx: Query, user_id: string): Promise<ConsentWithName[]> =>
  await tx<ConsentWithName[]>`
    select c.user_id, c.client_id, c.scopes, c.resources, c.granted_at, c.updated_at, a.client_name
    from consents c join clients a on a.client_id = c.client_id where c.user_id = ${user_id} order by a.client_name limit 200`

/** Removes interactions that expired before an instant. At most `limit`; returns how many. */
export const removeInteractions = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from interactions where ctid = any (array(select ctid from interactions where expires_at < ${before} limit ${limit}))`
  return count
}

/** Takes back everything that a person has allowed. Returns how many applications lose access. */
export const deleteConsentsOf = async (tx: Query, user_id: string): Promise<number> =>
  (await tx`delete from consents where user_id = ${user_id}`).count

/** Deletes requests under way that name an address: as a hint, or by the session in which they were answered. */
export const deleteInteractionsOf = async (
  tx: Query,
  { user_id, address }: { user_id: string; address: string | null },
): Promise<void> => {
  await tx`
    delete from interactions where session_id in (select id from sessions where user_id = ${user_id})
      or lower(request ->> 'login_hint') = ${address}`
}
