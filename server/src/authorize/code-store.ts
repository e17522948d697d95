/**
 * Owns the table authorization_codes. The statements of the hot path are written flat, each a single constant text, and
 * find their rows by primary key only: other conditions are put so that no index can be mistaken for a better way.
 */
import type { Query } from '../db/connect.ts'
import { statement } from '../db/statement.ts'
import type { AuthorizationCodesRow } from '../db/tables.gen.ts'
import { type Happening, rowOf } from '../events/record.ts'
import type { Holder, Subject } from '../protocol/claims.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'
import { loadSubject } from '../users/subject.ts'

export type NewCode = Omit<AuthorizationCodesRow, 'used_at' | 'user_id' | 'auth_time' | 'acr' | 'amr'>

/**
 * Writes a code, if the session behind it is alive and, where the client needs one, the consent too: one statement for the
 * whole of the decision's effect. Who, when and how strongly are the session's own. False when either is gone; then
 * nothing was written. Whoever withdraws the consent waits for the lock on it, and then sees the code.
 */
export const insertCode = async (tx: Query, code: NewCode, withConsent: boolean): Promise<boolean> => {
  const rows = await tx`
    insert into authorization_codes (code_hash, client_id, user_id, session_id, grant_id, redirect_uri, redirect_uri_sent, scope, resource,
      nonce, code_challenge, auth_time, acr, amr, created_at, expires_at)
    select ${code.code_hash}::bytea, ${code.client_id}, s.user_id, s.id, ${code.grant_id}::uuid, ${code.redirect_uri}, ${code.redirect_uri_sent}::boolean,
      ${code.scope}, ${code.resource}::text[], ${code.nonce}, ${code.code_challenge}, s.auth_time, s.acr, s.amr, ${code.created_at}::timestamptz, ${code.expires_at}::timestamptz
    from sessions s
    where s.id = ${code.session_id} and s.ended_at is null and s.expires_at > ${code.created_at}
      and case when ${withConsent}::boolean
        then (select true from consents where user_id = s.user_id and client_id = ${code.client_id} for share) else true end
    returning 1`
  return rows.length === 1
}

export type Code = AuthorizationCodesRow
/** A code that was just consumed, with what tokens say of its person. */
export type RedeemedCode = Pick<
  Code,
  'user_id' | 'session_id' | 'grant_id' | 'scope' | 'resource' | 'nonce' | 'auth_time' | 'acr' | 'amr'
> &
  Omit<Holder, 'id'> & {
    /** Who acts as the person, in a session that says so. */
    actor_id: string | null
  }
export type CodeFacts = { code: Code; subject: Subject | undefined; session_live: boolean }

export type Consumption = {
  code_hash: TokenHash
  client_id: string
  /** What the client may ask for now: a code for resources of which none is left is worth nothing. */
  client_resources: string[]
  /** What the request says; compared in the statement exactly as the careful road compares it. */
  redirect_uri: string | null
  code_challenge: string | null
  now: Date
  /** The family to begin, when the client may refresh. */
  family: { nonce: Buffer; idle_expires_at: Date; expires_at: Date } | undefined
  event: Happening
}

const consume = statement<RedeemedCode>(`
    with consumed as (
      update authorization_codes c set used_at = $now
      where c.code_hash = $code_hash and c.client_id = $client_id and c.used_at is null and c.expires_at > $now
        and (c.redirect_uri = $redirect_uri or ($redirect_uri::text is null and not c.redirect_uri_sent))
        and c.code_challenge is not distinct from $code_challenge
        and (c.resource = '{}' or c.resource && $client_resources::text[])
        and (select u.status = 'active' from users u where u.id = c.user_id)
        and case when 'offline_access' = any (string_to_array(c.scope, ' '))
          then (select s.ended_at is null and s.expires_at > $now from sessions s where s.id = c.session_id for share)
          else (select s.ended_at is null and s.expires_at > $now from sessions s where s.id = c.session_id) end
      returning c.user_id, c.session_id, c.grant_id, c.client_id, c.scope, c.resource, c.nonce, c.auth_time, c.acr, c.amr,
        (select s.actor_id from sessions s where s.id = c.session_id) as actor_id
    ), family as (
      insert into refresh_families (id, client_id, user_id, session_id, offline, scope, resource, auth_time, acr, amr, gen, nonce, created_at, idle_expires_at, expires_at)
      select c.grant_id, c.client_id, c.user_id, c.session_id, 'offline_access' = any (string_to_array(c.scope, ' ')), c.scope, c.resource, c.auth_time, c.acr, c.amr,
        1, $nonce::bytea, $now::timestamptz, $idle_expires_at::timestamptz, $expires_at::timestamptz
      from consumed c where $with_family::boolean and c.actor_id is null
    ), event as (
      insert into events (id, type, at, severity, outcome, user_id, client_id, session_id, ip, user_agent, request_id, data)
      select $event_id::uuid, $event_type, $now, $severity, $outcome, c.user_id, $client_id, c.session_id,
        $ip, $user_agent, $request_id, $data::jsonb
      from consumed c
    )
    select c.user_id, c.session_id, c.grant_id, c.scope, c.resource, c.nonce, c.auth_time, c.acr, c.amr, c.actor_id,
      case when 'roles' = any (string_to_array(c.scope, ' ')) then roles_of(c.user_id) else '{}' end as roles,
      case when 'roles' = any (string_to_array(c.scope, ' ')) then permissions_of(c.user_id) else '{}' end as permissions
    from consumed c`)

/**
 * Consumes the code, begins the family and records the event in one statement whose `where` carries every guard that
 * grants/authorization-code.ts decides on the careful road (RFC 6749 §4.1.2, RFC 7636 §4.6). No row: nothing changed.
 * A family that outlives its session locks the session, so that whoever ends it everywhere waits, and then sees the family.
 */
export const consumeCode = async (tx: Query, facts: Consumption): Promise<RedeemedCode | undefined> => {
  const { family } = facts
  const event = rowOf(facts.event)
  const rows = await consume(tx, {
    now: facts.now,
    code_hash: facts.code_hash,
    client_id: facts.client_id,
    client_resources: facts.client_resources,
    redirect_uri: facts.redirect_uri,
    code_challenge: facts.code_challenge,
    with_family: family !== undefined,
    nonce: family?.nonce ?? null,
    idle_expires_at: family?.idle_expires_at ?? null,
    expires_at: family?.expires_at ?? null,
    event_id: event.id,
    event_type: event.type,
    severity: event.severity,
    outcome: event.outcome,
    ip: event.ip,
    user_agent: event.user_agent,
    request_id: event.request_id,
    data: tx.json(event.data),
  })
  return rows[0]
}

/** Everything the careful road decides on, with the code locked. */
export const loadCode = async (tx: Query, code_hash: TokenHash, now: Date): Promise<CodeFacts | undefined> => {
  const [code] = await tx<Code[]>`select * from authorization_codes where code_hash = ${code_hash} for update`
  if (code === undefined) return undefined
  const subject = await loadSubject(tx, code.user_id)
  const alive =
    await tx`select 1 from sessions where id = ${code.session_id} and ended_at is null and expires_at > ${now} for share`
  return { code, subject, session_live: alive.length === 1 }
}

/** Burns a code without giving anything for it. */
export const burnCode = async (tx: Query, code_hash: TokenHash, now: Date): Promise<void> => {
  await tx`update authorization_codes set used_at = ${now} where code_hash = ${code_hash} and used_at is null`
}

/** Burns the codes of a person with one client, and returns the grants of those that are younger than `since`, used or not. */
export const burnCodesOf = async (
  tx: Query,
  facts: { user_id: string; client_id: string; since: Date; now: Date },
): Promise<string[]> => {
  const { user_id, client_id, since, now } = facts
  const rows = await tx<{ grant_id: string }[]>`
    update authorization_codes set used_at = coalesce(used_at, ${now})
    where user_id = ${user_id} and client_id = ${client_id} and created_at > ${since} returning grant_id`
  return rows.map((row) => row.grant_id)
}

/** Burns every code of a client. */
export const burnCodesOfClient = async (tx: Query, client_id: string, now: Date): Promise<void> => {
  await tx`update authorization_codes set used_at = ${now} where client_id = ${client_id} and used_at is null`
}

/** Removes codes that expired before an instant. At most `limit`; returns how many. */
export const removeCodes = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from authorization_codes where ctid = any (array(select ctid from authorization_codes where expires_at < ${before} limit ${limit}))`
  return count
}

/** Deletes every code of a person. */
export const deleteCodesOf = async (tx: Query, user_id: string): Promise<void> => {
  await tx`delete from authorization_codes where user_id = ${user_id}`
}
