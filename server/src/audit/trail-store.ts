/** Owns reading the tables of the audit trail in their own order, and writing its checkpoints. */
import type { Query } from '../db/connect.ts'
import type { ChainRow } from '../events/chain.ts'
import { conditions, type Filter } from './filter.ts'
import type { Checkpoint, SignedCheckpoint } from './signature.ts'

type Stored = Omit<ChainRow, 'seq' | 'at' | 'sequenced_at'> & { seq: string; at: Date; sequenced_at: Date }

const columns = (tx: Query) => tx`
  seq, sequenced_at, id, type, at, severity, outcome, user_id, actor_id, client_id, session_id, request_id, ip, user_agent,
  data, encode(origin_salt, 'hex') as origin_salt, encode(origin_hash, 'hex') as origin_hash,
  encode(data_salt, 'hex') as data_salt, encode(data_hash, 'hex') as data_hash, encode(hash, 'hex') as hash`

const rowOf = (row: Stored): ChainRow => ({
  ...row,
  seq: Number(row.seq),
  at: row.at.toISOString(),
  sequenced_at: row.sequenced_at.toISOString(),
})

export type Span = {
  after: Pick<ChainRow, 'seq' | 'sequenced_at'> | undefined
  through: number
  limit: number
  filter?: Filter | undefined
}

/** Rows in their order. Several may bear one number, when somebody has put them there. */
export const listRows = async (tx: Query, { after, through, limit, filter }: Span): Promise<ChainRow[]> => {
  const rows = await tx<Stored[]>`
    select ${columns(tx)} from audit_events
    where (seq, sequenced_at) > (${after?.seq ?? -1}, ${after?.sequenced_at ?? '1970-01-01T00:00:00Z'}::timestamptz)
      and seq <= ${through} ${filter === undefined ? tx`` : tx`and ${conditions(tx, filter)}`} order by seq, sequenced_at limit ${limit}`
  return rows.map(rowOf)
}

/** Up to which row the trail was removed because its time was over; 0 where nothing was. */
export const readTrimmed = async (tx: Query): Promise<number> => {
  const [row] = await tx<{ through: string | null }[]>`
    select max((data ->> 'through')::bigint) as through from all_events where type = 'audit.trimmed'`
  return Number(row?.through ?? 0)
}

export type Ends = { first: number | undefined; last: number | undefined; head: number }

/** The first and the last row that are there, and the number of the last one that ever was. */
export const readEnds = async (tx: Query): Promise<Ends> => {
  const [row] = await tx<{ first: string | null; last: string | null; head: string | null }[]>`
    select (select seq from audit_events order by seq limit 1) as first,
      (select seq from audit_events order by seq desc limit 1) as last,
      (select seq from audit_head) as head`
  const numberOf = (text: string | null | undefined): number | undefined => (text ? Number(text) : undefined)
  return { first: numberOf(row?.first), last: numberOf(row?.last), head: Number(row?.head ?? 0) }
}

/** When a row got its place; undefined where there is none. */
export const sequencedAt = async (tx: Query, seq: number): Promise<Date | undefined> => {
  const [row] = await tx<{ sequenced_at: Date }[]>`select sequenced_at from audit_events where seq = ${seq} limit 1`
  return row?.sequenced_at
}

/** The hash of a row, or that of a checkpoint where the row is gone. */
export const hashAt = async (tx: Query, seq: number): Promise<string | undefined> => {
  const rows = await tx<{ hash: string }[]>`
    (select encode(hash, 'hex') as hash from audit_events where seq = ${seq} limit 1)
    union all (select encode(hash, 'hex') as hash from audit_checkpoints where seq = ${seq})`
  return rows[0]?.hash
}

type StoredCheckpoint = { seq: string; hash: string; count: string; at: Date; signature: Buffer }

const checkpointOf = (row: StoredCheckpoint, deployment: string): SignedCheckpoint => ({
  checkpoint: {
    seq: Number(row.seq),
    hash: row.hash,
    count: Number(row.count),
    at: row.at.toISOString(),
    deployment,
  },
  signature: row.signature.toString('base64url'),
})

/** Checkpoints from one number to another, both included. */
export const listCheckpoints = async (
  tx: Query,
  deployment: string,
  { from, through, limit }: { from: number; through: number; limit: number },
): Promise<SignedCheckpoint[]> => {
  const rows = await tx<StoredCheckpoint[]>`
    select seq, encode(hash, 'hex') as hash, count, at, signature from audit_checkpoints
    where seq >= ${from} and seq <= ${through} order by seq limit ${limit}`
  return rows.map((row) => checkpointOf(row, deployment))
}

/** The newest checkpoint. */
export const lastCheckpoint = async (tx: Query): Promise<{ seq: number; at: Date } | undefined> => {
  const [row] = await tx<{ seq: string; at: Date }[]>`select seq, at from audit_checkpoints order by seq desc limit 1`
  return row && { seq: Number(row.seq), at: row.at }
}

export const insertCheckpoint = async (tx: Query, { checkpoint, signature }: SignedCheckpoint): Promise<void> => {
  const { seq, hash, count, at } = checkpoint satisfies Checkpoint
  await tx`
    insert into audit_checkpoints (seq, hash, count, at, signature)
    values (${seq}, decode(${hash}, 'hex'), ${count}, ${at}, ${Buffer.from(signature, 'base64url')}) on conflict do nothing`
}

/** Checkpoints that nobody has been told of, locked. */
export const lockUnshipped = async (tx: Query, deployment: string, limit: number): Promise<SignedCheckpoint[]> => {
  const rows = await tx<StoredCheckpoint[]>`
    select seq, encode(hash, 'hex') as hash, count, at, signature from audit_checkpoints
    where not shipped order by seq limit ${limit} for update skip locked`
  return rows.map((row) => checkpointOf(row, deployment))
}

export const markShipped = async (tx: Query, seqs: readonly number[]): Promise<void> => {
  await tx`update audit_checkpoints set shipped = true where seq = any (${[...seqs]}::bigint[])`
}
