/** Owns the tables interactions, consents and authorization_codes. */
import type { Query } from '../db/connect.ts'
import type { AuthorizationCodesRow, ConsentsRow, InteractionsRow } from '../db/tables.gen.ts'
import { type Happening, recordFrom } from '../events/record.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import type { Subject } from '../protocol/claims.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'
import { subjectOf } from '../users/subject.ts'

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

export type Proof =
  | { session_id: string; proved_at: Date }
  | { session_id: string; selected_at: Date }
  | { consented_at: Date }
  | { refused: true }

/** Records what was proved in an open interaction; nothing changes in one that is finished. */
export const updateInteraction = async (tx: Query, id: string, proof: Proof): Promise<boolean> =>
  (await tx`update interactions set ${tx(proof as never)} where id = ${id} and completed_at is null returning id`)
    .length === 1

/** Finishes an interaction without a code. Once only. */
export const completeInteraction = async (tx: Query, id: string, now: Date): Promise<boolean> =>
  (await tx`update interactions set completed_at = ${now} where id = ${id} and completed_at is null returning id`)
    .length === 1

export const findConsent = async (tx: Query, user_id: string, client_id: string): Promise<ConsentsRow | undefined> => {
  const rows = await tx<ConsentsRow[]>`
    select user_id, client_id, scopes, resources, granted_at, updated_at from consents where user_id = ${user_id} and client_id = ${client_id}`
  return rows[0]
}

/** Remembers a consent, together with what was allowed before. */
export const mergeConsent = async (
  tx: Query,
  consent: { user_id: string; client_id: string; scopes: string[]; resources: string[]; now: Date },
): Promise<void> => {
  await tx`
    insert into consents as c (user_id, client_id, scopes, resources, granted_at, updated_at)
    values (${consent.user_id}, ${consent.client_id}, ${consent.scopes}, ${consent.resources}, ${consent.now}, ${consent.now})
    on conflict (user_id, client_id) do update set
      scopes = (select array_agg(distinct name) from unnest(c.scopes || excluded.scopes) as name),
      resources = coalesce((select array_agg(distinct name) from unnest(c.resources || excluded.resources) as name), '{}'),
      updated_at = excluded.updated_at`
}

export const deleteConsent = async (tx: Query, user_id: string, client_id: string): Promise<boolean> =>
  (await tx`delete from consents where user_id = ${user_id} and client_id = ${client_id} returning user_id`).length ===
  1

export type ConsentWithName = ConsentsRow & { client_name: string }

export const listConsents = async (tx: Query, user_id: string): Promise<ConsentWithName[]> =>
  await tx<ConsentWithName[]>`
    select c.user_id, c.client_id, c.scopes, c.resources, c.granted_at, c.updated_at, a.client_name
    from consents c join clients a on a.client_id = c.client_id where c.user_id = ${user_id} order by a.client_name limit 200`

export type NewCode = Omit<AuthorizationCodesRow, 'used_at'>

/**
 * Writes a code, if the session behind it is alive and, where there is an interaction, this is what finishes it: one
 * statement for the whole of the decision's effect. False when either guard failed; then nothing was written.
 */
export const insertCode = async (tx: Query, code: NewCode, interaction_id: string | undefined): Promise<boolean> => {
  const done =
    interaction_id === undefined
      ? tx`select 1`
      : tx`update interactions set completed_at = ${code.created_at} where id = ${interaction_id} and completed_at is null returning 1`
  const rows = await tx`
    with done as (${done})
    insert into authorization_codes (code_hash, client_id, user_id, session_id, grant_id, redirect_uri, redirect_uri_sent, scope, resource,
      nonce, code_challenge, auth_time, acr, amr, created_at, expires_at)
    select ${code.code_hash}::bytea, ${code.client_id}, s.user_id, s.id, ${code.grant_id}::uuid, ${code.redirect_uri}, ${code.redirect_uri_sent}::boolean,
      ${code.scope}, ${code.resource}::text[], ${code.nonce}, ${code.code_challenge}, s.auth_time, s.acr, s.amr, ${code.created_at}::timestamptz, ${code.expires_at}::timestamptz
    from sessions s, done
    where s.id = ${code.session_id} and s.user_id = ${code.user_id} and s.ended_at is null and s.expires_at > ${code.created_at}
    returning 1`
  return rows.length === 1
}

export type Code = AuthorizationCodesRow
export type CodeWithPerson = Code & Omit<Subject, 'id'>
export type CodeFacts = { code: Code; subject: Subject | undefined; session_live: boolean }

export type Consumption = {
  code_hash: TokenHash
  client_id: string
  /** What the request says; compared in the statement exactly as code.ts compares it. */
  redirect_uri: string | null
  code_challenge: string | null
  now: Date
  /** The family to begin, when the client may refresh. */
  family: { nonce: Buffer; idle_expires_at: Date; expires_at: Date } | undefined
  event: Happening
}

/**
 * The fast road of the code exchange: consumes the code, begins the family and records the event in one statement whose
 * `where` carries every guard that code.ts decides on the careful road (RFC 6749 §4.1.2, RFC 7636 §4.6). No row: nothing changed.
 */
export const consumeCode = async (tx: Query, facts: Consumption): Promise<CodeWithPerson | undefined> => {
  const family = facts.family === undefined ? tx`select 1` : familyFrom(tx, facts.family, facts.now)
  const rows = await tx<CodeWithPerson[]>`
    with consumed as (
      update authorization_codes c set used_at = ${facts.now}
      where c.code_hash = ${facts.code_hash} and c.client_id = ${facts.client_id} and c.used_at is null and c.expires_at > ${facts.now}
        and (c.redirect_uri = ${facts.redirect_uri} or (${facts.redirect_uri}::text is null and not c.redirect_uri_sent))
        and c.code_challenge is not distinct from ${facts.code_challenge}
        and exists (select 1 from users u where u.id = c.user_id and u.status = 'active')
        -- The lock makes whoever ends the session wait, and then see the family that begins here.
        and exists (select 1 from sessions s where s.id = c.session_id and s.ended_at is null and s.expires_at > ${facts.now} for share)
      returning c.*
    ), family as (${family}), event as (${recordFrom(tx, 'consumed', facts.event)})
    select s.*, c.* from consumed c join (${subjectOf(tx)}) s on s.id = c.user_id`
  return rows[0]
}

const familyFrom = (tx: Query, family: NonNullable<Consumption['family']>, now: Date) => tx`
  insert into refresh_families (id, client_id, user_id, session_id, offline, scope, resource, auth_time, acr, amr, gen, nonce, created_at, idle_expires_at, expires_at)
  select grant_id, client_id, user_id, session_id, 'offline_access' = any (string_to_array(scope, ' ')), scope, resource, auth_time, acr, amr,
    1, ${family.nonce}::bytea, ${now}::timestamptz, ${family.idle_expires_at}::timestamptz, ${family.expires_at}::timestamptz
  from consumed`

/** Everything the careful road decides on, with the code locked. */
export const loadCode = async (tx: Query, code_hash: TokenHash, now: Date): Promise<CodeFacts | undefined> => {
  const [code] = await tx<Code[]>`select * from authorization_codes where code_hash = ${code_hash} for update`
  if (code === undefined) return undefined
  const [subject] = await tx<Subject[]>`select * from (${subjectOf(tx)}) as subject where id = ${code.user_id}`
  const alive =
    await tx`select 1 from sessions where id = ${code.session_id} and ended_at is null and expires_at > ${now} for share`
  return { code, subject, session_live: alive.length === 1 }
}

/** Burns a code without giving anything for it. */
export const burnCode = async (tx: Query, code_hash: TokenHash, now: Date): Promise<void> => {
  await tx`update authorization_codes set used_at = ${now} where code_hash = ${code_hash} and used_at is null`
}
