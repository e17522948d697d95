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
  const waiting = await takeWaiting(tx)
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

/** The oldest events, taken out. One that is being blanked at this moment waits for the next turn. */
const takeWaiting = async (tx: Tx): Promise<Waiting[]> => {
  const rows = await tx<(Omit<Waiting, 'at'> & { at: Date })[]>`
    delete from events where id = any (array(select id from events order by id limit ${batch} for update skip locked))
    returning id, type, at, severity, outcome, user_id, client_id, session_id, request_id, ip, user_agent, data`
  return rows
    .map((row) => ({ ...row, at: row.at.toISOString() }))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
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
  await insertRows(tx, rows)
  await tx`
    update audit_head set seq = ${last.seq}, hash = decode(${last.hash}, 'hex'), sequenced_at = ${sequenced_at}`
  return rows
}

const insertRows = async (tx: Tx, rows: readonly ChainRow[]): Promise<void> => {
  await tx`
    insert into audit_events (seq, sequenced_at, id, type, at, severity, outcome, user_id, actor_id, client_id, session_id,
      request_id, ip, user_agent, data, origin_salt, origin_hash, data_salt, data_hash, hash)
    select seq, sequenced_at, id, type, at, severity, outcome, user_id, actor_id, client_id, session_id,
      request_id, ip, user_agent, data, decode(origin_salt, 'hex'), decode(origin_hash, 'hex'), decode(data_salt, 'hex'),
      decode(data_hash, 'hex'), decode(hash, 'hex')
    from json_to_recordset(${tx.json([...rows])}::json) as x (seq bigint, sequenced_at timestamptz, id uuid, type text,
      at timestamptz, severity text, outcome text, user_id text, actor_id text, client_id text, session_id uuid,
      request_id text, ip text, user_agent text, data jsonb, origin_salt text, origin_hash text, data_salt text,
      data_hash text, hash text)`
}
