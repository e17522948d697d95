/**
 * Owns taking events out, in the order of the trail, page by page, so that ten million need no memory. A text without a filter
 * can be verified on its own; one with a filter is a list. Start reading at `exportTrail`.
 */
import type { Ctx } from '../ctx.ts'
import type { ChainRow } from '../events/chain.ts'
import { actedBy, type By, record } from '../events/record.ts'
import type { Filter } from './filter.ts'
import { csvHeading, csvLine, jsonLine } from './lines.ts'
import { hashAt, listCheckpoints, listRows, readEnds, sequencedAt } from './trail-store.ts'

export type ExportOptions = {
  format: 'jsonl' | 'csv'
  /** Its `from` and `to` are about when a row got its place, which is within a second of when it happened. */
  filter: Filter
}

const page = 2000

/** Takes events out, and tells of it in the trail first. */
export const exportRecorded = async (ctx: Ctx, options: ExportOptions, by: By): Promise<AsyncGenerator<string>> => {
  const { types, from, to, ...others } = options.filter
  // Somebody's address would stay here when they are forgotten.
  const asked = {
    ...others,
    ip: others.ip && 'given',
    type: types?.join(','),
    from: from?.toISOString(),
    to: to?.toISOString(),
  }
  const filter = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
  const told = actedBy(by, { format: options.format, filter: filter as Record<string, string> })
  await record(ctx.db, { type: 'audit.exported', now: ctx.now(), ...told })
  return exportTrail(ctx, options)
}

/** The text, in pieces: what is there now. JSON lines without a filter hold the checkpoints, too. */
export async function* exportTrail(ctx: Ctx, { format, filter }: ExportOptions): AsyncGenerator<string> {
  const { from, to, ...rest } = filter
  const isWhole = format === 'jsonl' && Object.values(rest).every((value) => value === undefined)
  const { first, head } = await readEnds(ctx.db)
  if (format === 'csv') yield csvHeading
  if (first === undefined) return
  const ends = { first, head }
  const begin = from === undefined ? first : await firstAt(ctx, from, ends)
  const through = to === undefined ? head : (await firstAt(ctx, to, ends)) - 1
  if (isWhole) yield await anchorBefore(ctx, begin)
  for (let after = begin - 1; after < through; after += page) {
    const span = { after, through: Math.min(after + page, through) }
    const lines = format === 'csv' ? csvLine : await withCheckpoints(ctx, isWhole ? span : undefined)
    const rows = await listRows(ctx.db, { ...spanOf(span), limit: 2 * page, filter: rest })
    yield rows.map(lines).join('')
  }
}

/** Rows after a number, whenever they got their places. */
const spanOf = ({ after, through }: { after: number; through: number }) => ({
  after: { seq: after, sequenced_at: '9999-12-31T00:00:00Z' },
  through,
})

/** The number of the first row that got its place at an instant or later. Time never goes back along the trail. */
const firstAt = async (ctx: Ctx, instant: Date, { first, head }: { first: number; head: number }): Promise<number> => {
  const range = { low: first, high: head + 1 }
  while (range.low < range.high) {
    const middle = Math.floor((range.low + range.high) / 2)
    const at = await sequencedAt(ctx.db, middle)
    if (at !== undefined && at < instant) range.low = middle + 1
    else range.high = middle
  }
  return range.low
}

/** What the first row is sealed to: nothing needs to be said where the trail begins. */
const anchorBefore = async (ctx: Ctx, begin: number): Promise<string> => {
  const hash = begin === 1 ? undefined : await hashAt(ctx.db, begin - 1)
  return hash === undefined ? '' : jsonLine({ anchor: { seq: begin - 1, hash } })
}

/** Writes a row, and after it the checkpoint that was signed there. */
const withCheckpoints = async (
  ctx: Ctx,
  span: { after: number; through: number } | undefined,
): Promise<(row: ChainRow) => string> => {
  if (span === undefined) return jsonLine
  const { after, through } = span
  const signed = await listCheckpoints(ctx.db, ctx.deploymentId, { from: after + 1, through, limit: page })
  const bySeq = new Map(signed.map((one) => [one.checkpoint.seq, jsonLine(one)]))
  return (row) => `${jsonLine(row)}${bySeq.get(row.seq) ?? ''}`
}
