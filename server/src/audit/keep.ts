/**
 * Owns how long the audit trail is kept: partitions are made before their month comes and dropped whole when the last day of
 * theirs is old enough. Where the trail begins then is signed and told in the trail itself. Start reading at `keepTrail`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { record } from '../events/record.ts'
import { holdTrail } from '../events/sequence.ts'
import { signAt } from './checkpoints.ts'

const dayMs = 86_400_000

/** For the job in app.ts. */
export const keepTrail = async (ctx: Ctx): Promise<void> => {
  const soon = new Date(ctx.now().getTime() + 20 * dayMs)
  await ctx.db.begin(async (tx) => {
    // Whoever waits for a table makes everybody behind wait too: only for a moment, then again in the next turn.
    await tx`set local lock_timeout = '1s'`
    if (!(await holdTrail(tx))) return
    await tx`select make_audit_partition(${soon}::timestamptz)`
    for (const partition of await listOld(ctx, tx)) await drop(ctx, tx, partition)
  })
}

/** Partitions whose whole month is older than what is kept, the oldest first. */
const listOld = async (ctx: Ctx, tx: Tx): Promise<string[]> => {
  const days = ctx.config.audit_days
  if (days === 0) return []
  const keptFrom = new Date(ctx.now().getTime() - days * dayMs)
  const rows = await tx<{ name: string }[]>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'audit_events'::regclass order by c.relname limit 2000`
  return rows
    .map(({ name }) => name)
    .filter((name) => (endOf(name)?.getTime() ?? Number.POSITIVE_INFINITY) <= keptFrom.getTime())
}

/** The first instant after the month of a partition. Undefined for a table that somebody else has attached. */
const endOf = (name: string): Date | undefined => {
  const [, year, month] = /^audit_events_(\d{4})_(\d\d)$/.exec(name) ?? []
  return year === undefined ? undefined : new Date(Date.UTC(Number(year), Number(month), 1))
}

const drop = async (ctx: Ctx, tx: Tx, name: string): Promise<void> => {
  const [last] = await tx<{ seq: string }[]>`select seq from ${tx(name)} order by seq desc limit 1`
  if (last !== undefined) {
    // The anchor of what stays: its first row follows this one.
    await signAt(ctx, tx, Number(last.seq))
    await record(tx, { type: 'audit.trimmed', now: ctx.now(), data: { through: Number(last.seq), partition: name } })
    await tx`delete from audit_checkpoints where seq < ${last.seq}`
  }
  await tx`drop table ${tx(name)}`
}
