/** Owns the lists of live sessions that pages show. */
import type { Ctx } from '../ctx.ts'
import type { BrowserPrincipal, LiveSession } from '../http/principal.ts'
import type { Subject } from '../protocol/claims.ts'
import { mayAct } from '../protocol/subject.ts'
import { listOfBrowser, listOfUser, type OwnSession } from './store.ts'

/** The people signed in in this browser whose accounts may act. */
export const sessionsOfBrowser = async (
  ctx: Ctx,
  browser: BrowserPrincipal,
  now: Date,
): Promise<{ session: LiveSession; subject: Subject }[]> => {
  if (browser.session === undefined) return []
  const sessions = await listOfBrowser(ctx.db, browser.session.browser_id, now)
  const found = await Promise.all(
    sessions.map(async (session) => ({ session, subject: await ctx.subjects.get(session.user_id) })),
  )
  return found.flatMap(({ session, subject }) =>
    subject && mayAct({ user: subject }, 'login_required') === undefined ? [{ session, subject }] : [],
  )
}

/** Where a person is signed in. */
export const sessionsOfUser = async (ctx: Ctx, user_id: string, now: Date): Promise<OwnSession[]> =>
  await listOfUser(ctx.db, user_id, now)
