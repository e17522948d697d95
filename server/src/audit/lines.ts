/**
 * Owns the audit trail as a text: JSON lines, which keep everything that a verification needs, or CSV for people. And the
 * reading of such lines. Start reading at `jsonLine`.
 */
import { z } from 'zod'
import { stringifyLine } from '../users/csv.ts'
import type { ChainRow } from '../events/chain.ts'
import type { SignedCheckpoint } from './signature.ts'

/** What stands before the first row of a text that begins later than the trail. */
export type Anchor = { anchor: { seq: number; hash: string } }

export const jsonLine = (value: ChainRow | SignedCheckpoint | Anchor): string => `${JSON.stringify(value)}\n`

const columns = [
  'seq',
  'at',
  'type',
  'severity',
  'outcome',
  'user_id',
  'actor_id',
  'client_id',
  'session_id',
  'request_id',
  'ip',
  'user_agent',
  'data',
  'id',
  'sequenced_at',
  'hash',
] as const satisfies readonly (keyof ChainRow)[]

export const csvHeading = stringifyLine(columns)

/** What would be a formula to a spreadsheet is made text there. */
export const csvLine = (row: ChainRow): string =>
  stringifyLine(columns.map((name) => (name === 'data' ? JSON.stringify(row.data) : String(row[name] ?? ''))))

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const salt = z.string().regex(/^[0-9a-f]{32}$/)
const text = z.string().nullable()

const rowLine = z.strictObject({
  seq: z.int(),
  sequenced_at: z.string(),
  id: z.string(),
  type: z.string(),
  at: z.string(),
  severity: z.string(),
  outcome: z.string(),
  user_id: text,
  actor_id: text,
  client_id: text,
  session_id: text,
  request_id: text,
  ip: text,
  user_agent: text,
  data: z.record(z.string(), z.json()),
  origin_salt: salt.nullable(),
  origin_hash: hash.nullable(),
  data_salt: salt.nullable(),
  data_hash: hash.nullable(),
  hash,
}) satisfies z.ZodType<ChainRow>

const checkpointLine = z.strictObject({
  checkpoint: z.strictObject({ seq: z.int(), hash, count: z.int(), at: z.string(), deployment: z.string() }),
  signature: z.string().regex(/^[\w-]+$/),
}) satisfies z.ZodType<SignedCheckpoint>

const anchorLine = z.strictObject({ anchor: z.strictObject({ seq: z.int(), hash }) }) satisfies z.ZodType<Anchor>

/** One line of an export. Undefined when it is none. */
export const readLine = (line: string): ChainRow | SignedCheckpoint | Anchor | undefined => {
  const value = parse(line)
  if (has(value, 'checkpoint')) return checkpointLine.safeParse(value).data
  if (has(value, 'anchor')) return anchorLine.safeParse(value).data
  return rowLine.safeParse(value).data
}

/** A checkpoint: a line of a checkpoint file or of an export, or of the server's log. */
export const readCheckpoint = (line: string): SignedCheckpoint | undefined => {
  const value = parse(line)
  return checkpointLine.safeParse(has(value, 'audit') ? value['audit'] : value).data
}

const has = <N extends string>(value: unknown, name: N): value is Record<N, unknown> =>
  typeof value === 'object' && value !== null && name in value

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
