/**
 * Owns the new secret of a session that goes on: what it was begun with has changed, and everything else that was begun with
 * that ends (security rules LI-3, RC-3). Proves nothing new: `auth_time` stays. Start reading at `renewSecret`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { rememberDevice } from '../devices/remember.ts'
import type { SetCookie } from '../http/cookies.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import type { LiveSession } from '../protocol/session.ts'
import { switchSession } from './start.ts'
import { bindDevice } from './store.ts'

/** A browser whose session it is. */
export type Renewing = BrowserPrincipal & { session: LiveSession }

/** Gives the session of this browser a new secret. Undefined when it has ended, or its cookie is not the current one any more. */
export const renewSecret = async (
  ctx: Ctx,
  tx: Tx,
  { browser, now }: { browser: Renewing; now: Date },
): Promise<SetCookie | undefined> =>
  (await switchSession(ctx, tx, { browser, session_id: browser.session.id, now }))?.cookie

/** Makes the browser of a session known anew, after every device of its person was forgotten. The answer has to carry the cookie. */
export const rebindDevice = async (
  ctx: Ctx,
  tx: Tx,
  { browser, request }: { browser: Renewing; request: HttpRequest },
): Promise<SetCookie> => {
  const { ip, user_agent, now } = request
  const { id, user_id } = browser.session
  const device = await rememberDevice(ctx, tx, { user_id, device: browser.device, ip, user_agent, now })
  await bindDevice(tx, id, device.id)
  return device.cookie
}
