/** Owns the tables revocations and nodes. */
import type { Db, Query } from '../db/connect.ts'
import { statement } from '../db/statement.ts'
import { type Happening, rowOf } from '../events/record.ts'

export type RevocationKind = 'session' | 'user' | 'client' | 'role' | 'family' | 'jti' | 'kid'
export type Revocation = { kind: RevocationKind; key: string }

export type RevocationRow = { seq: string; kind: RevocationKind; key: string; not_before: Date; expires_at: Date }
/** `read_at` lies before the snapshot that was read, `db_now` after it; both by the clock of the database. */
export type Pulled = { rows: RevocationRow[]; watermark: string; read_at: Date; db_now: Date; others: number }

/** Writes revocations. `now` is their `not_before`: what was issued until then under such a key is dead. */
export const insertRevocations = async (
  tx: Query,
  revocations: Revocation[],
  now: Date,
  expires_at: Date,
): Promise<void> => {
  if (revocations.length === 0) return
  await tx`insert into revocations ${tx(revocations.map(({ kind, key }) => ({ kind, key, not_before: now, expires_at })))}`
}

const insertBoth = statement(`
    with event as (
      insert into events (id, type, at, severity, outcome, user_id, client_id, session_id, ip, user_agent, request_id, data)
      values ($id, $type, $now, $severity, $outcome, $user_id, $client_id, $session_id, $ip, $user_agent, $request_id, $data)
    )
    insert into revocations (kind, key, not_before, expires_at) values ($kind, $key, $now, $expires_at)`)

/** Writes one revocation and its event in one statement: the hot path of a revoked access token. */
export const insertRevocationAndEvent = async (
  tx: Query,
  { kind, key, now, expires_at }: Revocation & { now: Date; expires_at: Date },
  happening: Happening,
): Promise<void> => {
  const event = rowOf(happening)
  await insertBoth(tx, { ...event, data: tx.json(event.data), kind, key, now, expires_at })
}

/**
 * Reads what may have been committed since the last read. Sequence numbers commit out of order, so the reading follows
 * transactions: everything from those that were still running at the last snapshot is read again. Found by xid only: the
 * sum keeps the planner from walking through all that has not expired.
 */
export const pullRevocations = async (
  db: Db,
  facts: { watermark: string | undefined; nodeId: string; now: Date },
): Promise<Pulled> => {
  const [row] = await db<(Omit<Pulled, 'rows'> & { rows: RevocationRow[] | null })[]>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as watermark,
      now() as read_at, clock_timestamp() as db_now,
      (select count(*)::int from nodes where id <> ${facts.nodeId} and seen_at > now() - interval '3 seconds') as others,
      (select json_agg(json_build_object('seq', seq::text, 'kind', kind, 'key', key, 'not_before', not_before, 'expires_at', expires_at))
        from revocations where xid >= ${facts.watermark ?? '0'}::xid8 and expires_at + interval '0' > ${facts.now}) as rows`
  if (row === undefined) throw new Error('the database gave no snapshot')
  const rows = (row.rows ?? []).map((found) => ({
    ...found,
    not_before: new Date(found.not_before),
    expires_at: new Date(found.expires_at),
  }))
  return { ...row, rows }
}

/**
 * The living revocations of transactions from `since` on, in order of their number and after `after`: at most `limit`. What
 * commits meanwhile under a lower number is not among them; who needs that follows the feed from before the first page.
 */
export const readRevocations = async (
  db: Db,
  page: { since: string; after: string; now: Date; limit: number },
): Promise<RevocationRow[]> =>
  await db<RevocationRow[]>`
    select seq::text, kind, key, not_before, expires_at from revocations
    where xid >= ${page.since}::xid8 and seq > ${page.after} and expires_at > ${page.now} order by revocations.seq limit ${page.limit}`

/** Tells the other nodes that this one lives, and when it last read. */
export const touchNode = async (
  db: Db,
  node: { id: string; started_at: Date; now: Date; watermark: string },
): Promise<void> => {
  await db`
    insert into nodes (id, started_at, seen_at, watermark) values (${node.id}, ${node.started_at}, ${node.now}, ${node.watermark}::xid8)
    on conflict (id) do update set seen_at = excluded.seen_at, watermark = excluded.watermark`
}

/** When the other live nodes last read. */
export const readTimes = async (db: Db, nodeId: string): Promise<{ id: string; seen_at: Date }[]> =>
  await db`select id, seen_at from nodes where id <> ${nodeId} and seen_at > now() - interval '3 seconds' limit 1000`

/** Says goodbye, so that nobody waits for a node that has stopped. */
export const removeNode = async (db: Db, nodeId: string): Promise<void> => {
  await db`delete from nodes where id = ${nodeId} or seen_at < now() - interval '1 hour'`
}

/** Removes revocations that no living token can need any more. At most `limit`; returns how many. */
export const removeRevocations = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from revocations where ctid = any (array(select ctid from revocations where expires_at < ${before} limit ${limit}))`
  return count
}
