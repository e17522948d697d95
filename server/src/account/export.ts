/**
 * Owns the copy of a person's data: asked for after a fresh proof and once a day, made by a job, sealed until it is taken
 * out, and taken out once (security rule GD-1). Start reading at `requestExport`.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import { queueLetter } from '../outbox/queue.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { changeAccount } from '../users/credentials.ts'
import { openOneTime, peekLink, spendLink, textIn } from '../users/one-time.ts'
import { loadSubject } from '../users/subject.ts'
import { archiveOf } from './archive.ts'
import {
  type ExportState,
  findNewest,
  findWaiting,
  finishExport,
  insertExport,
  removeExports,
  takeExport,
} from './export-store.ts'

export type { ExportState } from './export-store.ts'

const dayMs = 86_400_000

/** The newest copy of somebody, whatever became of it. */
export const newestExport = async (ctx: Ctx, user_id: string): Promise<ExportState | undefined> =>
  await findNewest(ctx.db, user_id)

/** Asks for a copy. Refusals: `too_many_requests` (429, with when), `not_found`. Whoever calls has checked the proof. */
export const requestExport = async (ctx: Ctx, request: HttpRequest, user_id: string): Promise<ExportState | Denial> => {
  const { now } = request
  return await transact(ctx.db, async (tx) => {
    // One after the other: two at once must not both be the first of the day.
    if ((await changeAccount(tx, user_id)) === undefined) return missing
    const last = await findNewest(tx, user_id)
    const again = last && last.requested_at.getTime() + dayMs - now.getTime()
    if (again !== undefined && again > 0) return tooSoon(Math.ceil(again / 1000))
    const row = { id: uuidv7(now), user_id, requested_at: now, expires_at: new Date(now.getTime() + dayMs) }
    await insertExport(tx, row)
    await record(tx, { type: 'user.export_requested', now, user_id, ...callerOf(request) })
    return { ...row, ready_at: null, downloaded_at: null }
  })
}

/** Makes the copies that were asked for, one after the other; for the job in app.ts. */
export const makeExports = async (ctx: Ctx): Promise<void> => {
  const failed: string[] = []
  while (!ctx.draining()) {
    const waiting = await findWaiting(ctx.db, ctx.now(), failed)
    if (waiting === undefined) break
    try {
      await make(ctx, waiting)
    } catch (error) {
      // One that cannot be made keeps nobody else waiting: it is tried again next time.
      failed.push(waiting.id)
      ctx.log.error({ user_id: waiting.user_id, err: error }, 'a copy of the data cannot be made')
    }
  }
  ctx.outbox.nudge()
}

/** Read outside of a transaction: it may take a while. Of two nodes that make the same one, the first to be ready counts. */
const make = async (ctx: Ctx, { id, user_id }: ExportState): Promise<void> => {
  const now = ctx.now()
  const archive = await archiveOf(ctx, { user_id, now })
  const content = gzipSync(JSON.stringify(archive, null, 2)).toString('base64')
  const content_sealed = ctx.secrets.seal(content, placeOf(ctx, id))
  const ready = { ready_at: now, expires_at: new Date(now.getTime() + dayMs), content_sealed }
  await transact(ctx.db, async (tx) => {
    if (await finishExport(tx, id, ready)) await tell(ctx, tx, { id, user_id, now })
  })
}

const tell = async (
  ctx: Ctx,
  tx: Tx,
  { id, user_id, now }: { id: string; user_id: string; now: Date },
): Promise<void> => {
  const subject = await loadSubject(tx, user_id)
  if (subject?.email == null || !subject.email_verified) return
  const one_time = await openOneTime(tx, { purpose: 'export', user_id, data: { export: id }, now })
  const locale = subject.locale ?? undefined
  await queueLetter(ctx, tx, { kind: 'export_ready', to: subject.email, user_id, locale, facts: { one_time }, now })
}

/** KY-1: the copy of one row opens nowhere else. */
const placeOf = (ctx: Ctx, id: string): string => `${ctx.deploymentId}|exports|content_sealed|${id}`

/** The copy that a link of a letter leads to, for its owner; uses nothing. */
export const peekExportLink = async (
  ctx: Ctx,
  { token, user_id, now }: { token: string; user_id: string; now: Date },
): Promise<boolean> => (await peekLink(ctx.db, 'export', token, now))?.user_id === user_id

/** Takes a copy out by the link of the letter, once. Refuses with `dead_link`. */
export const takeByLink = async (
  ctx: Ctx,
  request: HttpRequest,
  { token, user_id }: { token: string; user_id: string },
): Promise<string | Denial> => {
  const { now } = request
  // Another's link is not spent by whoever happens to have it.
  if (!(await peekExportLink(ctx, { token, user_id, now }))) return deadLink
  return await transact(ctx.db, async (tx) => {
    const link = await spendLink(tx, 'export', token, now)
    return link?.user_id === user_id
      ? await take(ctx, tx, { request, user_id, id: textIn(link.data, 'export') ?? '' })
      : deadLink
  })
}

/** Takes a copy out by its id, once. Whoever calls has checked the proof. Refuses with `dead_link`. */
export const takeById = async (
  ctx: Ctx,
  request: HttpRequest,
  { id, user_id }: { id: string; user_id: string },
): Promise<string | Denial> => await transact(ctx.db, async (tx) => await take(ctx, tx, { request, user_id, id }))

const take = async (
  ctx: Ctx,
  tx: Tx,
  { request, user_id, id }: { request: HttpRequest; user_id: string; id: string },
): Promise<string | Denial> => {
  const { now } = request
  const taken = isUuid(id) ? await takeExport(tx, { id, user_id, now }) : undefined
  if (taken === undefined) return deadLink
  await record(tx, { type: 'user.export_downloaded', now, user_id, ...callerOf(request) })
  return gunzipSync(Buffer.from(ctx.secrets.open(taken.content_sealed, placeOf(ctx, id)), 'base64')).toString('utf8')
}

/** One batch for operations/clean.ts: copies that ended a day ago, so that the daily limit still knows them. */
export const removeExpired = [
  async (tx: Parameters<typeof removeExports>[0], now: Date, limit: number): Promise<number> =>
    await removeExports(tx, new Date(now.getTime() - dayMs), limit),
]

const tooSoon = (retry_after_seconds: number): Denial =>
  deny(
    'too_many_requests',
    'You have asked for a copy of your data today already.',
    { rule: 'one copy of the data a day (GD-1)', expected: 'one a day', got: 'another one' },
    { status: 429, retry_after_seconds },
  )

const missing: Denial = deny('not_found', 'There is no such account.', {
  rule: 'the account is active',
  expected: 'an active account',
  got: 'none any more',
})

const deadLink: Denial = deny('dead_link', 'This link was used already, has expired, or is not complete.', {
  rule: 'a copy is taken out once, within a day, by its owner (GD-1)',
  expected: 'a copy of this person that nobody has taken out',
  got: 'none',
  remedy: 'Ask for another copy tomorrow.',
})
