/**
 * Owns what seals an event to the one before it: `h_n = SHA-256(h_(n-1) ‖ JCS(row_n))`, in which personal data stands as a
 * salted hash, so that it can be forgotten and the chain stays whole (security design 3.9; docs/adr/0015-audit-chain.md).
 * Pure but for the salt, which is handed in.
 */
import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import { canonicalJson, type JsonValue } from '../protocol/canonical-json.ts'

/** An event at its place in the order. `actor_id`: the administrator who did it to somebody. Times are ISO 8601. */
export type SequencedEvent = {
  seq: number
  sequenced_at: string
  id: string
  type: string
  at: string
  severity: string
  outcome: string
  user_id: string | null
  actor_id: string | null
  client_id: string | null
  session_id: string | null
  request_id: string | null
  ip: string | null
  user_agent: string | null
  data: Record<string, JsonValue>
}

/** A row of the chain. Hashes and salts in hexadecimal. A salt that is gone means that what it stood for was forgotten. */
export type ChainRow = SequencedEvent & {
  origin_salt: string | null
  origin_hash: string | null
  data_salt: string | null
  data_hash: string | null
  hash: string
}

/** What the chain begins with. */
export const genesis = '0'.repeat(64)

/** A row as it waits for its place. */
export type Waiting = Omit<SequencedEvent, 'seq' | 'sequenced_at' | 'actor_id'>

/** Gives an event its place after `previous`. `salt` makes 16 random bytes. */
export const seal = (
  event: Waiting,
  place: { seq: number; sequenced_at: string; previous: string },
  salt: () => Buffer,
): ChainRow => {
  const { seq, sequenced_at, previous } = place
  // An index finds addresses by what they are; nothing else may stand there.
  const ip = event.ip !== null && isIP(event.ip) !== 0 ? event.ip : null
  const by = event.data['by']
  const actor_id = typeof by === 'string' ? by : null
  const origin_salt = ip === null && event.user_agent === null ? null : salt().toString('hex')
  const data_salt = Object.keys(event.data).length === 0 ? null : salt().toString('hex')
  const row = { ...event, ip, actor_id, seq, sequenced_at, origin_salt, data_salt }
  const sealed = {
    ...row,
    origin_hash: origin_salt === null ? null : originHash(origin_salt, row),
    data_hash: data_salt === null ? null : dataHash(data_salt, row),
  }
  return { ...sealed, hash: linkHash(previous, sealed) }
}

/** The hash of a row, from the hash of the row before it and its own lasting columns. */
export const linkHash = (previous: string, row: Omit<ChainRow, 'hash'>): string => committed(previous, lastingText(row))

/** RFC 8785 §3.2.3: the names stand in their order already, and no value has names of its own. */
const lastingText = (row: Omit<ChainRow, 'hash'>): string =>
  JSON.stringify({
    actor_id: row.actor_id,
    at: row.at,
    client_id: row.client_id,
    data_hash: row.data_hash,
    id: row.id,
    origin_hash: row.origin_hash,
    outcome: row.outcome,
    request_id: row.request_id,
    seq: row.seq,
    sequenced_at: row.sequenced_at,
    session_id: row.session_id,
    severity: row.severity,
    type: row.type,
    user_id: row.user_id,
  })

type Origin = Pick<ChainRow, 'ip' | 'user_agent'>

/** What stands in the chain for where somebody was and in which browser. */
export const originHash = (salt: string, { ip, user_agent }: Origin): string =>
  committed(salt, canonicalJson({ ip, user_agent }))

/** What stands in the chain for the details of an event. */
export const dataHash = (salt: string, { data }: Pick<ChainRow, 'data'>): string => committed(salt, canonicalJson(data))

const committed = (salt: string, text: string): string =>
  hash('sha256', Buffer.concat([Buffer.from(salt, 'hex'), Buffer.from(text)]))
