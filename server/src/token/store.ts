/** Owns the tables refresh_families, access_tokens and token_counts. Codes are authorize/store.ts's. */
import type { Query } from '../db/connect.ts'
import { statement } from '../db/statement.ts'
import type { AccessTokensRow, RefreshFamiliesRow } from '../db/tables.gen.ts'
import type { AccessTokenClaims } from '../protocol/access-token.ts'
import type { Holder, Subject } from '../protocol/claims.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'
import { loadSubject } from '../users/subject.ts'

export type Family = RefreshFamiliesRow

/** Revokes the families that end with a session: those without offline_access (OpenID Connect Core §11). */
export const revokeFamiliesOfSession = async (
  tx: Query,
  session_id: string,
  now: Date,
  because: string,
): Promise<void> => {
  await tx`
    update refresh_families set revoked_at = ${now}, revoked_because = ${because}
    where session_id = ${session_id} and not offline and revoked_at is null`
}

/** Revokes every family of a person. Returns the ids. */
export const revokeFamiliesOfUser = async (
  tx: Query,
  user_id: string,
  now: Date,
  because: string,
): Promise<string[]> => {
  const rows = await tx<{ id: string }[]>`
    update refresh_families set revoked_at = ${now}, revoked_because = ${because} where user_id = ${user_id} and revoked_at is null returning id`
  return rows.map((row) => row.id)
}

/** Revokes the families of a person with one client: what a withdrawn consent ends. Returns the ids. */
export const revokeFamiliesOfConsent = async (
  tx: Query,
  user_id: string,
  client_id: string,
  now: Date,
): Promise<string[]> => {
  const rows = await tx<{ id: string }[]>`
    update refresh_families set revoked_at = ${now}, revoked_because = 'consent withdrawn'
    where user_id = ${user_id} and client_id = ${client_id} and revoked_at is null returning id`
  return rows.map((row) => row.id)
}

/** Revokes every family of a client. */
export const revokeFamiliesOfClient = async (tx: Query, client_id: string, now: Date): Promise<void> => {
  await tx`
    update refresh_families set revoked_at = ${now}, revoked_because = 'client deleted' where client_id = ${client_id} and revoked_at is null`
}

/** Revokes one family, once. */
export const revokeFamily = async (tx: Query, id: string, now: Date, because: string): Promise<boolean> => {
  const rows = await tx`
    update refresh_families set revoked_at = ${now}, revoked_because = ${because} where id = ${id} and revoked_at is null returning id`
  return rows.length === 1
}

export type FamilyFacts = { family: Family; subject: Subject | undefined; session_live: boolean }

const familyColumns = [
  'id',
  'client_id',
  'user_id',
  'session_id',
  'offline',
  'scope',
  'resource',
  'auth_time',
  'acr',
  'amr',
  'gen',
  'prev_used_at',
  'nonce',
  'created_at',
  'idle_expires_at',
  'expires_at',
  'revoked_at',
  'revoked_because',
] as const

/** A family without a lock, and whether its session is alive: enough to check a nonce, or to describe it. */
export const findFamily = async (
  tx: Query,
  id: string,
  now: Date,
): Promise<(Family & { session_live: boolean }) | undefined> => {
  const rows = await tx<(Family & { session_live: boolean })[]>`
    select ${tx(familyColumns)}, exists (
      select 1 from sessions s where s.id = refresh_families.session_id and s.ended_at is null and s.expires_at > ${now}
    ) as session_live
    from refresh_families where id = ${id}`
  return rows[0]
}

/** Everything the careful road decides on, with the family locked. */
export const loadFamily = async (tx: Query, id: string, now: Date): Promise<FamilyFacts | undefined> => {
  const [family] = await tx<Family[]>`select ${tx(familyColumns)} from refresh_families where id = ${id} for update`
  if (family === undefined) return undefined
  const subject = await loadSubject(tx, family.user_id)
  const alive = await tx`
    select 1 from sessions where id = ${family.session_id} and ended_at is null and expires_at > ${now}`
  return { family, subject, session_live: alive.length === 1 }
}

export type Rotation = {
  id: string
  gen: number
  client_id: string
  /** What the client may ask for now: a family for resources of which none is left is not rotated. */
  client_resources: string[]
  nonce: Buffer
  now: Date
  idle_expires_at: Date
}
/** A family that was just used, with what tokens say of its person. */
export type UsedFamily = Pick<
  Family,
  'id' | 'gen' | 'nonce' | 'user_id' | 'session_id' | 'offline' | 'scope' | 'resource' | 'auth_time' | 'acr' | 'amr'
> &
  Omit<Holder, 'id'>

const rotate = statement<UsedFamily>(`
    update refresh_families f set gen = f.gen + 1, prev_used_at = $now, idle_expires_at = least($idle_expires_at::timestamptz, f.expires_at)
    where f.id = $id and f.gen = $gen and f.client_id is not distinct from $client_id and f.nonce = $nonce
      and f.revoked_at is null and f.expires_at > $now and f.idle_expires_at > $now
      and (f.resource = '{}' or f.resource && $client_resources::text[])
      and (select u.status = 'active' from users u where u.id = f.user_id)
      and case when f.offline then true else (select s.ended_at is null and s.expires_at > $now from sessions s where s.id = f.session_id) end
    returning f.id, f.gen, f.nonce, f.user_id, f.session_id, f.offline, f.scope, f.resource, f.auth_time, f.acr, f.amr,
      case when 'roles' = any (string_to_array(f.scope, ' ')) then roles_of(f.user_id) else '{}' end as roles,
      case when 'roles' = any (string_to_array(f.scope, ' ')) then permissions_of(f.user_id) else '{}' end as permissions`)

/**
 * Rotates a family in one statement whose `where` carries every guard that grants/refresh-token.ts decides on the
 * careful road. No row: nothing changed. The row is found by its primary key only: `is not distinct from` keeps the
 * planner from mistaking another condition for a way in.
 */
export const rotateFamily = async (tx: Query, facts: Rotation): Promise<UsedFamily | undefined> => {
  const rows = await rotate(tx, facts)
  return rows[0]
}

export const insertAccessToken = async (
  tx: Query,
  token: {
    token_hash: TokenHash
    claims: AccessTokenClaims
    created_at: Date
    expires_at: Date
    user_id: string | undefined
  },
): Promise<void> => {
  const { claims } = token
  await tx`insert into access_tokens ${tx({
    token_hash: token.token_hash,
    jti: claims.jti,
    client_id: claims.client_id,
    user_id: token.user_id ?? null,
    session_id: claims.sid ?? null,
    grant_id: claims.grant_id ?? null,
    claims: claims as never,
    created_at: token.created_at,
    expires_at: token.expires_at,
  })}`
}

/** The claims of an opaque access token that has not expired. */
export const findAccessToken = async (
  tx: Query,
  token_hash: TokenHash,
  now: Date,
): Promise<AccessTokenClaims | undefined> => {
  const rows = await tx<
    Pick<AccessTokensRow, 'claims'>[]
  >`select claims from access_tokens where token_hash = ${token_hash} and expires_at > ${now}`
  return rows[0]?.claims as AccessTokenClaims | undefined
}

/** Adds up tokens that are not recorded one by one. */
export const addCounts = async (
  tx: Query,
  rows: { client_id: string; grant_type: string; minute: Date; issued: number }[],
): Promise<void> => {
  if (rows.length === 0) return
  await tx`
    insert into token_counts ${tx(rows)}
    on conflict (client_id, grant_type, minute) do update set issued = token_counts.issued + excluded.issued`
}

/** Deletes every family and opaque access token of a person. */
export const deleteTokensOf = async (tx: Query, user_id: string): Promise<void> => {
  await tx`delete from refresh_families where user_id = ${user_id}`
  await tx`delete from access_tokens where user_id = ${user_id}`
}

/** What a person may see of their families: none of what makes a token. */
export type OwnFamily = Pick<
  RefreshFamiliesRow,
  'id' | 'client_id' | 'scope' | 'resource' | 'created_at' | 'expires_at' | 'revoked_at' | 'revoked_because'
>

/** Every family of a person, newest first. */
export const listFamiliesOf = async (tx: Query, user_id: string): Promise<OwnFamily[]> =>
  await tx<OwnFamily[]>`
    select id, client_id, scope, resource, created_at, expires_at, revoked_at, revoked_because
    from refresh_families where user_id = ${user_id} order by created_at desc limit 10000`
