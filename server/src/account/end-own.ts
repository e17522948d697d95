/** Owns the ending of a person's own sessions and the forgetting of their devices, for pages and API alike. */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { forgetDevice } from '../devices/forget.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid } from '../io/ids.ts'
import { endSession } from '../sessions/end.ts'
import { sessionsOfUser } from '../sessions/list.ts'

/** `wanted` is a session, or `others`; `except` is never ended. Returns how many were. */
export const endOwnSessions = async (
  ctx: Ctx,
  { now }: HttpRequest,
  { user_id, wanted, except }: { user_id: string; wanted: string; except?: string | undefined },
): Promise<number> => {
  const all = (await sessionsOfUser(ctx, user_id, now)).filter(({ id }) => id !== except)
  const ending = all.filter(({ id }) => wanted === 'others' || id === wanted)
  const ended = await transact(ctx.db, async (tx) => {
    const done: boolean[] = []
    for (const { id } of ending)
      done.push(await endSession(ctx, tx, { session_id: id, now, because: 'ended by its owner' }))
    return done.filter(Boolean).length
  })
  await announce(ctx)
  return ended
}

/** Forgets a device of a person and ends their sessions there. False when it is not theirs. */
export const forgetOwnDevice = async (
  ctx: Ctx,
  { now }: HttpRequest,
  { user_id, device_id }: { user_id: string; device_id: string },
): Promise<boolean> => {
  if (!isUuid(device_id)) return false
  const forgotten = await transact(ctx.db, async (tx) => await forgetDevice(ctx, tx, { user_id, device_id, now }))
  await announce(ctx)
  return forgotten
}

const announce = async (ctx: Ctx): Promise<void> => {
  ctx.sessions.clear()
  await ctx.feed.announce()
}
