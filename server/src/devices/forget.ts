/**
 * Owns the list of a person's devices and the forgetting of them: one by one by their owner, all with the password
 * (security rule RC-3), by themselves when nobody comes back.
 */
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { endSessionsOfDevice } from '../sessions/end.ts'
import { type UserAgent, readUserAgent } from '../users/user-agent.ts'
import {
  deleteAllOf,
  deleteDevice,
  holdDevice,
  listOfUser,
  type OwnDevice,
  removeDevices,
  removeTrust,
} from './store.ts'

/** A device as its owner sees it. */
export type DeviceFacts = OwnDevice & UserAgent

/** The browsers in which a person has signed in and may come back, the last used first. */
export const listDevices = async (query: Query, user_id: string): Promise<DeviceFacts[]> =>
  (await listOfUser(query, user_id)).map((device) => ({ ...device, ...readUserAgent(device.user_agent) }))

/**
 * Forgets one device of a person and ends their sessions there. False when it is not theirs. Afterwards `ctx.feed.announce`
 * tells the other nodes.
 */
export const forgetDevice = async (
  ctx: Ctx,
  tx: Tx,
  { user_id, device_id, now }: { user_id: string; device_id: string; now: Date },
): Promise<boolean> => {
  if (!(await holdDevice(tx, user_id, device_id))) return false
  await endSessionsOfDevice(ctx, tx, { device_id, now, because: 'device forgotten' })
  await deleteDevice(tx, device_id)
  return true
}

/** Makes strangers of all devices of a person; their sessions are the caller's affair. Returns how many there were. */
export const forgetDevices = async (tx: Tx, user_id: string): Promise<number> => await deleteAllOf(tx, user_id)

/** Lets no device of a person stand in for a second factor any more; they stay known. */
export const distrustDevices = async (tx: Tx, user_id: string): Promise<void> => await removeTrust(tx, user_id)

const dayMs = 86_400_000

/** One batch for operations/clean.ts: devices whose cookie has expired. Returns how many rows went. */
export const removeExpired = [
  async (tx: Query, now: Date, limit: number): Promise<number> =>
    await removeDevices(tx, new Date(now.getTime() - 400 * dayMs), limit),
]
