/**
 * Owns the end of everything that the credentials of an account have opened (security rules RC-1, RC-3): sessions, refresh
 * token families, known and trusted devices, links, codes and authenticators under way. In the transaction of the change that causes it.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { forgetDevices } from '../devices/forget.ts'
import { removePending } from '../factors/reset.ts'
import { endEverywhere } from '../sessions/end.ts'
import { boundToCredentials, voidOfUser } from './one-time.ts'

export type Ending = {
  user_id: string
  now: Date
  because: string
  proved?: boolean
  /** The session of whoever does it. It goes on, under a new secret that the caller gives it. */
  keep?: string | undefined
}

/**
 * Ends it all. `proved`: by somebody who has just proved the address of the account, so that the letters which warned of it
 * have done their work and are void too. The way back to a former address never is: a thief has the new one.
 */
export const endAll = async (
  ctx: Ctx,
  tx: Tx,
  { user_id, now, because, proved = false, keep }: Ending,
): Promise<void> => {
  await endEverywhere(ctx, tx, { user_id, now, because, except: keep })
  await forgetDevices(tx, user_id)
  await removePending(tx, user_id)
  await voidOfUser(tx, user_id, proved ? [...boundToCredentials, 'not_me'] : boundToCredentials)
}
