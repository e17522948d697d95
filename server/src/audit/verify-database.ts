/** Owns the verification of the trail that lies in the database, also against checkpoints that were kept elsewhere. */
import type { KeyObject } from 'node:crypto'
import type { Ctx } from '../ctx.ts'
import { wasErased } from '../users/erase.ts'
import type { SignedCheckpoint } from './signature.ts'
import { listCheckpoints, listRows, readEnds, readTrimmed, type Span } from './trail-store.ts'
import { createVerifier, type Verdict, type Verifier } from './verify.ts'

const page = 2000

/**
 * Reads everything that is there now. What is written meanwhile is left for the next time. `elsewhere`: checkpoints of a log
 * or a file; without them somebody who rules the database could have removed the newest rows together with their checkpoints.
 */
export const verifyDatabase = async (
  ctx: Ctx,
  { key, elsewhere }: { key: KeyObject; elsewhere: readonly SignedCheckpoint[] },
): Promise<Verdict> => {
  const { head, last = 0 } = await readEnds(ctx.db)
  const through = Math.max(head, last)
  const verifier = createVerifier(key, [...(await allCheckpoints(ctx)), ...elsewhere])
  await readAll(ctx, verifier, through)
  // A removal of old rows may be so young that its own row still waits for its place.
  const verdict = verifier.end({ head, wanted: (await readTrimmed(ctx.db)) + 1 })
  return verdict.valid ? await withBlanked(ctx, verifier, verdict) : verdict
}

const allCheckpoints = async (ctx: Ctx): Promise<SignedCheckpoint[]> => {
  const all: SignedCheckpoint[] = []
  for (let from = 0; ; ) {
    const some = await listCheckpoints(ctx.db, ctx.deploymentId, {
      from,
      through: Number.MAX_SAFE_INTEGER,
      limit: page,
    })
    all.push(...some)
    const last = some.at(-1)
    if (last === undefined || some.length < page) return all
    from = last.checkpoint.seq + 1
  }
}

const readAll = async (ctx: Ctx, verifier: Verifier, through: number): Promise<void> => {
  for (let after: Span['after']; ; ) {
    const rows = await listRows(ctx.db, { after, through, limit: page })
    for (const row of rows) if (!verifier.row(row)) return
    const last = rows.at(-1)
    if (last === undefined || rows.length < page) return
    after = last
  }
}

/** Personal data may be missing only where its person was erased. */
const withBlanked = async (ctx: Ctx, { forgotten }: Verifier, verdict: Verdict): Promise<Verdict> => {
  for (const [whose, seq] of forgotten) {
    const ids = (JSON.parse(whose) as (string | null)[]).filter((id) => id !== null)
    const erased = await Promise.all(ids.map(async (id) => await wasErased(ctx.db, id)))
    if (erased.includes(true)) continue
    const text = `row ${seq}: personal data is gone, and nobody it could belong to was erased`
    return { ...verdict, valid: false, problem: { seq, kind: 'blanked', text } }
  }
  return verdict
}
