/** Owns the table sessions, and the ending of what hangs on a session: families and codes are ended through their owners' statements in end.ts. */
import type { Query } from '../db/connect.ts'
import type { SessionsRow } from '../db/tables.gen.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'
import type { LiveSession, Place } from '../protocol/session.ts'

type Optional = 'device_id' | 'place' | 'device_trusted' | 'actor_id'
export type NewSession = Omit<SessionsRow, 'ended_at' | 'ended_because' | Optional> &
  Partial<Pick<SessionsRow, Optional>>

/** What makes a `LiveSession`. The key of its device is read beside it, so that a request needs no query of its own for that. */
const live = (
  tx: Query,
) => tx`id, browser_id, user_id, auth_time, amr, acr, device_trusted, actor_id, created_at, last_seen_at, device_id, ip, user_agent, place,
  (select key_hash from devices d where d.id = device_id) as device_key`

/** The session of a cookie, when it has neither ended nor expired (checked at use, G-4). */
export const findLive = async (tx: Query, token_hash: TokenHash, now: Date): Promise<LiveSession | undefined> => {
  const rows = await tx<LiveSession[]>`
    select ${live(tx)} from sessions
    where token_hash = ${token_hash} and ended_at is null and expires_at > ${now} and idle_expires_at > ${now}`
  return rows[0]
}

/** The live sessions of one browser, the last sign-in first: what the account chooser offers. */
export const listOfBrowser = async (tx: Query, browser_id: string, now: Date): Promise<LiveSession[]> =>
  await tx<LiveSession[]>`
    select distinct on (user_id) ${live(tx)} from sessions
    where browser_id = ${browser_id} and ended_at is null and expires_at > ${now} and idle_expires_at > ${now}
    order by user_id, auth_time desc limit 20`

/** A session with the device it is bound to, if that is still known. */
export type OwnSession = LiveSession & { device_first_seen: Date | null; device_trusted_until: Date | null }

/** The live sessions of one person, newest first. */
export const listOfUser = async (tx: Query, user_id: string, now: Date): Promise<OwnSession[]> =>
  await tx<OwnSession[]>`
    select s.*, d.created_at as device_first_seen, d.trusted_until as device_trusted_until
    from (select ${live(tx)} from sessions
      where user_id = ${user_id} and ended_at is null and expires_at > ${now} and idle_expires_at > ${now}
      order by last_seen_at desc limit 100) s left join devices d on d.id = s.device_id
    order by s.last_seen_at desc`

export const insertSession = async (tx: Query, session: NewSession): Promise<void> => {
  await tx`insert into sessions ${tx(session as never)}`
}

/** Gives a live session a new secret and a new proof; the old secret is worth nothing from here on. Undefined when it has ended. */
export const renewSession = async (
  tx: Query,
  held: { id: string; token_hash: TokenHash },
  proof: Omit<NewSession, 'id' | 'browser_id' | 'user_id' | 'created_at'>,
): Promise<LiveSession | undefined> => {
  const rows = await tx<LiveSession[]>`
    update sessions set ${tx(proof as never)} where id = ${held.id} and token_hash = ${held.token_hash}
      and ended_at is null and expires_at > ${proof.auth_time} returning ${live(tx)}`
  return rows[0]
}

/**
 * Locks the session of a cookie for this transaction, if that cookie is still its current one. A copy in some node's
 * memory may be a second old; what changes who a browser is must not be decided on a copy (security rule LI-3).
 */
export const holdSession = async (
  tx: Query,
  token_hash: TokenHash,
): Promise<{ id: string; browser_id: string } | undefined> => {
  const rows = await tx<{ id: string; browser_id: string }[]>`
    select id, browser_id from sessions where token_hash = ${token_hash} and ended_at is null for update`
  return rows[0]
}

/** Puts a new secret in place of the old one: the browser chooses this session again. Returns it, unless it has ended. */
export const rekeySession = async (
  tx: Query,
  facts: { id: string; browser_id: string; token_hash: TokenHash; now: Date; idle_expires_at: Date },
): Promise<LiveSession | undefined> => {
  const rows = await tx<LiveSession[]>`
    update sessions set token_hash = ${facts.token_hash}, last_seen_at = ${facts.now}, idle_expires_at = ${facts.idle_expires_at}
    where id = ${facts.id} and browser_id = ${facts.browser_id} and ended_at is null and expires_at > ${facts.now} and idle_expires_at > ${facts.now}
    returning ${live(tx)}`
  return rows[0]
}

/**
 * Puts a secret that nobody holds in place of a session's. It goes on, but only the account chooser of its browser
 * reaches it: a copy of its cookie from before somebody else signed in there is worth nothing (security rule LI-3).
 */
export const lockSession = async (tx: Query, id: string, token_hash: TokenHash): Promise<void> => {
  await tx`update sessions set token_hash = ${token_hash} where id = ${id}`
}

/** Binds a session to another device: the browser was made known anew. */
export const bindDevice = async (tx: Query, id: string, device_id: string): Promise<void> => {
  await tx`update sessions set device_id = ${device_id} where id = ${id}`
}

/** Remembers that a session was used, and from where; called once a minute at most. */
export const touchSession = async (tx: Query, session: LiveSession, idle_expires_at: Date): Promise<void> => {
  const { id, last_seen_at, ip, user_agent, place } = session
  await tx`
    update sessions set last_seen_at = ${last_seen_at}, idle_expires_at = ${idle_expires_at}, ip = ${ip}, user_agent = ${user_agent},
      place = ${jsonOf(tx, place)} where id = ${id} and ended_at is null`
}

/** What is written into a column of the type jsonb. */
export const jsonOf = (tx: Query, place: Place | null) => (place === null ? null : tx.json(place))

/** Locks the live session of a cookie, as the database has it, until the transaction ends. */
export const holdLive = async (tx: Query, token_hash: TokenHash, now: Date): Promise<LiveSession | undefined> => {
  const rows = await tx<LiveSession[]>`
    select ${live(tx)} from sessions
    where token_hash = ${token_hash} and ended_at is null and expires_at > ${now} and idle_expires_at > ${now} for update`
  return rows[0]
}

/** Why the session of a cookie ended; undefined while it has not, or for a cookie that nobody knows. */
export const findEnd = async (tx: Query, token_hash: TokenHash): Promise<string | undefined> => {
  const rows = await tx<{ ended_because: string }[]>`
    select ended_because from sessions where token_hash = ${token_hash} and ended_at is not null`
  return rows[0]?.ended_because
}

/** The live sessions of one person: their ids, however many. */
export const listIdsOf = async (tx: Query, user_id: string, now: Date): Promise<string[]> =>
  (
    await tx<{ id: string }[]>`
      select id from sessions
      where user_id = ${user_id} and ended_at is null and expires_at > ${now} and idle_expires_at > ${now} order by id`
  ).map(({ id }) => id)

/** The live sessions of one device: their ids. */
export const listOfDevice = async (tx: Query, device_id: string): Promise<string[]> =>
  (
    await tx<{ id: string }[]>`select id from sessions where device_id = ${device_id} and ended_at is null order by id`
  ).map(({ id }) => id)

/** Lets sign-ins of one person count their sessions one after the other, until the transaction ends. */
export const lockSessionsOf = async (tx: Query, user_id: string): Promise<void> => {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`sessions|${user_id}`}, 0))`
}

/** The live sessions of one person that count towards their limit, the oldest sign-in first. */
export const listCounted = async (
  tx: Query,
  user_id: string,
  now: Date,
): Promise<Pick<LiveSession, 'id' | 'browser_id' | 'device_id'>[]> =>
  await tx<Pick<LiveSession, 'id' | 'browser_id' | 'device_id'>[]>`
    select id, browser_id, device_id from sessions
    where user_id = ${user_id} and actor_id is null and ended_at is null and expires_at > ${now} and idle_expires_at > ${now}
    order by auth_time, id`

/** Ends one session, once. Returns whose it was, and in which browser. */
export const endOne = async (
  tx: Query,
  id: string,
  now: Date,
  because: string,
): Promise<{ user_id: string; browser_id: string } | undefined> => {
  const rows = await tx<{ user_id: string; browser_id: string }[]>`
    update sessions set ended_at = ${now}, ended_because = ${because} where id = ${id} and ended_at is null
    returning user_id, browser_id`
  return rows[0]
}

/** The live sessions in which the person of a session acts as others, in the same browser: their ids. */
export const listActedBeside = async (
  tx: Query,
  { user_id, browser_id }: { user_id: string; browser_id: string },
): Promise<string[]> =>
  (
    await tx<{ id: string }[]>`
      select id from sessions where actor_id = ${user_id} and browser_id = ${browser_id} and ended_at is null`
  ).map(({ id }) => id)

/** Ends every session of a person, but for `except`. Returns the ids. */
export const endAllOf = async (
  tx: Query,
  user_id: string,
  { now, because, except }: { now: Date; because: string; except?: string | undefined },
): Promise<string[]> => {
  const rows = await tx<{ id: string }[]>`
    update sessions set ended_at = ${now}, ended_because = ${because}
    where user_id = ${user_id} and ended_at is null and id is distinct from ${except ?? null}::uuid returning id`
  return rows.map((row) => row.id)
}

/** Ends every session in which somebody acts as others. Returns the ids. */
export const endActed = async (tx: Query, actor_id: string, now: Date, because: string): Promise<string[]> => {
  const rows = await tx<{ id: string }[]>`
    update sessions set ended_at = ${now}, ended_because = ${because} where actor_id = ${actor_id} and ended_at is null returning id`
  return rows.map((row) => row.id)
}

/** Ends every session in which others act as somebody. Returns the ids. */
export const endActedAs = async (tx: Query, user_id: string, now: Date, because: string): Promise<string[]> => {
  const rows = await tx<{ id: string }[]>`
    update sessions set ended_at = ${now}, ended_because = ${because}
    where user_id = ${user_id} and actor_id is not null and ended_at is null returning id`
  return rows.map((row) => row.id)
}

/** Removes sessions whose last end lies before an instant. At most `limit`; returns how many. */
export const removeSessions = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from sessions where ctid = any (array(select ctid from sessions where expires_at < ${before} limit ${limit}))`
  return count
}

/** Whether a trusted device stood in for a second step of a live session; undefined when it has ended. */
export const findTrust = async (tx: Query, id: string): Promise<boolean | undefined> => {
  const rows = await tx<{ device_trusted: boolean }[]>`
    select device_trusted from sessions where id = ${id} and ended_at is null`
  return rows[0]?.device_trusted
}

/** A session as the copy of somebody's data tells it, ended or not. */
export type PastSession = Pick<
  SessionsRow,
  | 'id'
  | 'ip'
  | 'user_agent'
  | 'acr'
  | 'amr'
  | 'auth_time'
  | 'created_at'
  | 'last_seen_at'
  | 'ended_at'
  | 'ended_because'
>

/** Every session of a person that is remembered, newest first. Where somebody was who acted as them is not theirs to know. */
export const listHistory = async (tx: Query, user_id: string): Promise<PastSession[]> =>
  await tx<PastSession[]>`
    select id, case when actor_id is null then ip end as ip, case when actor_id is null then user_agent end as user_agent, acr, amr, auth_time, created_at, last_seen_at, ended_at, ended_because
    from sessions where user_id = ${user_id} order by created_at desc limit 10000`
