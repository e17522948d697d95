/**
 * Owns the move of events from their intake to the audit trail: one node at a time takes what has been committed, gives each
 * row the next number, seals it to the row before and tells the followers, all in one transaction. A node that dies half way
 * has moved nothing (security design 3.9). Start reading at `sequenceEvents`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { randomBytes } from '../io/ids.ts'
import { type ChainRow, seal, type Waiting } from './chain.ts'
import type { Follower } from './followers.ts'

const batch = 2000
/** How many batches one turn of the job takes before it looks whether it shall stop. */
const batches = 25
const lockKey = 27516

/** Moves what waits; for the job in app.ts. Returns how many events were moved; 0 while another node does it. */
export const sequenceEvents = async (ctx: Ctx, followers: readonly Follower[]): Promise<number> => {
  let moved = 0
  for (let turn = 0; turn < batches && !ctx.draining(); turn += 1) {
    const waiting = await ctx.db`select 1 from events limit 1`
    if (waiting.length === 0) break
    const count = await ctx.db.begin(async (tx) => await moveBatch(ctx, tx, followers))
    moved += count
    if (count < batch) break
  }
  return moved
}

/** Takes the lock of whoever changes the audit trail's end or its partitions, until the transaction ends. */
export const holdTrail = async (tx: Tx): Promise<boolean> => {
  const [row] = await tx<{ mine: boolean }[]>`select pg_try_advisory_xact_lock(${lockKey}) as mine`
  return row?.mine === true
}

const moveBatch = async (ctx: Ctx, tx: Tx, followers: readonly Follower[]): Promise<number> => {
  if (!(await holdTrail(tx))) return 0
  const head = await lockHead(tx)
  const waiting = await lockWaiting(tx)
  if (waiting.length === 0) return 0
  const rows = await append(tx, { head, waiting, now: ctx.now() })
  for (const follow of followers) await follow(ctx, tx, rows)
  return rows.length
}

type Head = { seq: string; hash: string; sequenced_at: Date }

/** The end of the chain, locked: a second leader, if there ever were one, waits here and appends after the first. */
const lockHead = async (tx: Tx): Promise<Head> => {
  const [head] = await tx<Head[]>`
    select seq, encode(hash, 'hex') as hash, sequenced_at from audit_head for update`
  if (head === undefined) throw new Error('the audit trail has no end')
  return head
}

/** The oldest events, locked. One that is being blanked at this moment waits for the next turn. */
const lockWaiting = async (tx: Tx): Promise<Waiting[]> => {
  const rows = await tx<(Omit<Waiting, 'at'> & { at: Date })[]>`
    select id, type, at, severity, outcome, user_id, client_id, session_id, request_id, ip, user_agent, data
    from events order by id limit ${batch} for update skip locked`
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}

type Appending = { head: Head; waiting: readonly Waiting[]; now: Date }

/** Adds rows at the end. */
const append = async (tx: Tx, { head, waiting, now }: Appending): Promise<ChainRow[]> => {
  // Partitions hold unbroken runs of numbers, so time never goes back here, whatever a node's clock says.
  const sequenced_at = new Date(Math.max(now.getTime(), head.sequenced_at.getTime())).toISOString()
  const rows: ChainRow[] = []
  for (const event of waiting) {
    const previous = rows.at(-1)?.hash ?? head.hash
    const seq = Number(head.seq) + rows.length + 1
    rows.push(seal(event, { seq, sequenced_at, previous }, () => randomBytes(16)))
  }
  const last = rows.at(-1)
  if (last === undefined) return rows
  await tx`select make_audit_partition(${sequenced_at}::timestamptz)`
  await moveRows(tx, rows)
  await tx`
    update audit_head set seq = ${last.seq}, hash = decode(${last.hash}, 'hex'), sequenced_at = ${sequenced_at}`
  return rows
}

/** What the rows say stays in the database; only what was computed here is sent. */
const moveRows = async (tx: Tx, rows: readonly ChainRow[]): Promise<void> => {
  await tx`
    with places as (
      select * from unnest(${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.seq)}::bigint[],
        ${rows.map((row) => row.origin_salt)}::text[], ${rows.map((row) => row.origin_hash)}::text[],
        ${rows.map((row) => row.data_salt)}::text[], ${rows.map((row) => row.data_hash)}::text[], ${rows.map((row) => row.hash)}::text[],
        ${rows.map((row) => row.ip)}::text[], ${rows.map((row) => row.actor_id)}::text[])
      as p (id, seq, origin_salt, origin_hash, data_salt, data_hash, hash, ip, actor_id)
    ), moved as (
      delete from events e using places p where e.id = p.id
      returning p.seq, e.id, e.type, e.at, e.severity, e.outcome, e.user_id, p.actor_id, e.client_id, e.session_id, e.request_id,
        p.ip, e.user_agent, e.data, decode(p.origin_salt, 'hex') as origin_salt, decode(p.origin_hash, 'hex') as origin_hash,
        decode(p.data_salt, 'hex') as data_salt, decode(p.data_hash, 'hex') as data_hash, decode(p.hash, 'hex') as hash
    )
    insert into audit_events (sequenced_at, seq, id, type, at, severity, outcome, user_id, actor_id, client_id, session_id,
      request_id, ip, user_agent, data, origin_salt, origin_hash, data_salt, data_hash, hash)
    select ${rows[0]?.sequenced_at ?? ''}::timestamptz, seq, id, type, date_trunc('milliseconds', at), severity, outcome, user_id,
      actor_id, client_id, session_id, request_id, ip, user_agent, data, origin_salt, origin_hash, data_salt, data_hash, hash
    from moved order by seq`
}
