/**
 * Owns when a checkpoint is signed: after a thousand rows, or a minute after the last one; and how it leaves this machine: a
 * line of the log, and one of a file. What comes after the last one that was kept elsewhere can be cut off by whoever rules
 * the database; what lies before it cannot (security design 3.9). Start reading at `signCheckpoints`.
 */
import { appendFile } from 'node:fs/promises'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { Follower } from '../events/followers.ts'
import { holdTrail } from '../events/sequence.ts'
import { type SignedCheckpoint, signCheckpoint } from './signature.ts'
import { hashAt, insertCheckpoint, lastCheckpoint, lockUnshipped, markShipped, readEnds } from './trail-store.ts'

const everyRows = 1000
const everyMs = 60_000

/** Signs after a thousand rows; within the transaction that gives them their places. */
export const signRows: Follower = async (ctx, tx, events) => {
  const last = events.at(-1)
  const before = await lastCheckpoint(tx)
  if (last !== undefined && last.seq - (before?.seq ?? 0) >= everyRows) await signAt(ctx, tx, last.seq)
}

/** Signs a minute after the last one, if there is something new, and tells of what was signed; for the job in app.ts. */
export const signCheckpoints = async (ctx: Ctx): Promise<void> => {
  const [{ head }, before] = [await readEnds(ctx.db), await lastCheckpoint(ctx.db)]
  const due = head > (before?.seq ?? 0) && ctx.now().getTime() - (before?.at.getTime() ?? 0) >= everyMs
  if (due)
    await ctx.db.begin(async (tx) => void ((await holdTrail(tx)) && (await signAt(ctx, tx, (await readEnds(tx)).head))))
  while ((await ship(ctx)) === batch);
}

/** Signs where the chain stands at one of its rows. Under the lock of the trail. */
export const signAt = async (ctx: Ctx, tx: Tx, seq: number): Promise<void> => {
  const hash = await hashAt(tx, seq)
  const before = await lastCheckpoint(tx)
  if (hash === undefined) return
  const count = Math.max(0, seq - (before?.seq ?? 0))
  const at = ctx.now().toISOString()
  await insertCheckpoint(tx, signCheckpoint(ctx, { seq, hash, count, at, deployment: ctx.deploymentId }))
}

const batch = 100

/** Tells of what was signed. It may happen twice after a crash, never not at all. Returns how many. */
const ship = async (ctx: Ctx): Promise<number> =>
  await ctx.db.begin(async (tx) => {
    const signed = await lockUnshipped(tx, ctx.deploymentId, batch)
    if (signed.length === 0) return 0
    await append(ctx, signed)
    for (const one of signed) ctx.log.info({ audit: one }, 'audit checkpoint')
    await markShipped(
      tx,
      signed.map(({ checkpoint }) => checkpoint.seq),
    )
    return signed.length
  })

const append = async ({ config }: Ctx, signed: readonly SignedCheckpoint[]): Promise<void> => {
  const file = config.audit_checkpoint_file
  if (file !== undefined)
    await appendFile(file, signed.map((one) => `${JSON.stringify(one)}\n`).join(''), { mode: 0o600 })
}
