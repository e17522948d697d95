/** Owns the reading of the audit trail forwards, for whoever is told of it again. */
import type { Query } from '../db/connect.ts'
import type { SequencedEvent } from './followers.ts'

/** Where a reading stands: `to` is not part of it. `after` is the id of the last event that was read. */
export type Span = { from: Date; to: Date; client_id: string | null; after: string | undefined; limit: number }

/** Events of a span of time, the oldest first; those of one application where one is named. */
export const eventsBetween = async (
  tx: Query,
  { from, to, client_id, after, limit }: Span,
): Promise<SequencedEvent[]> => {
  const rows = await tx<
    (Omit<SequencedEvent, 'at' | 'sequenced_at' | 'seq'> & { at: Date; sequenced_at: Date; seq: string })[]
  >`
    select seq, sequenced_at, id, type, at, severity, outcome, user_id, actor_id, client_id, session_id, request_id, ip, user_agent, data
    from audit_events
    where ${client_id === null ? tx`true` : tx`client_id = ${client_id}`}
      and ${after === undefined ? tx`true` : tx`id > ${after}::uuid`}
      and id >= ${firstIdAt(from)}::uuid and id < ${firstIdAt(to)}::uuid
    order by id limit ${limit}`
  return rows.map((row) => ({
    ...row,
    seq: Number(row.seq),
    at: row.at.toISOString(),
    sequenced_at: row.sequenced_at.toISOString(),
  }))
}

/** An id is a UUIDv7 (RFC 9562 §5.7): the least that an instant can give. */
const firstIdAt = (instant: Date): string => {
  const stamp = Math.max(0, instant.getTime()).toString(16).padStart(12, '0').slice(-12)
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-0000-0000-000000000000`
}
