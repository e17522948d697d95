/** Owns the ending of a person's own sessions and the forgetting of their devices, for pages and API alike. */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { forgetDevice } from '../devices/forget.ts'
import { trustDevice } from '../devices/remember.ts'
import { callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid } from '../io/ids.ts'
import { endSession } from '../sessions/end.ts'
import { liveIdsOf } from '../sessions/list.ts'

/** `wanted` is a session, or `others`; `except` is never ended. Returns how many were. */
export const endOwnSessions = async (
  ctx: Ctx,
  { now }: HttpRequest,
  { user_id, wanted, except }: { user_id: string; wanted: string; except?: string | undefined },
): Promise<number> => {
  const ended = await transact(ctx.db, async (tx) => {
    const all = await liveIdsOf(tx, user_id, now)
    const done: boolean[] = []
    for (const id of all.filter((one) => one !== except && (wanted === 'others' || one === wanted)))
      done.push(await endSession(ctx, tx, { session_id: id, now, because: 'ended by its owner' }))
    return done.filter(Boolean).length
  })
  await announce(ctx)
  return ended
}

/** Forgets a device of a person and ends their sessions there. False when it is not theirs. */
export const forgetOwnDevice = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, device_id }: { user_id: string; device_id: string },
): Promise<boolean> => {
  const { now } = request
  if (!isUuid(device_id)) return false
  const forgotten = await transact(ctx.db, async (tx) => {
    const isDone = await forgetDevice(ctx, tx, { user_id, device_id, now })
    if (isDone) await record(tx, { type: 'device.forgotten', now, user_id, data: { device_id }, ...callerOf(request) })
    return isDone
  })
  await announce(ctx)
  return forgotten
}

/** Lets the browser of the session that asks stand in for no second step any more. */
export const distrustOwnDevice = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, device_id }: { user_id: string; device_id: string },
): Promise<void> => {
  const { now } = request
  await transact(ctx.db, async (tx) => {
    await trustDevice(tx, device_id, { until: null, now })
    await record(tx, { type: 'device.distrusted', now, user_id, data: { device_id }, ...callerOf(request) })
  })
}

const announce = async (ctx: Ctx): Promise<void> => {
  ctx.sessions.clear()
  await ctx.feed.announce()
}
