/** Owns the lists of live sessions that pages show. */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { Subject } from '../protocol/claims.ts'
import type { LiveSession } from '../protocol/session.ts'
import { mayAct } from '../protocol/subject.ts'
import { readUserAgent, type UserAgent } from '../users/user-agent.ts'
import { findLive, findTrust, listHistory, listIdsOf, listOfBrowser, listOfUser, type OwnSession } from './store.ts'

/** The people signed in in this browser whose accounts may act. */
export const sessionsOfBrowser = async (
  ctx: Ctx,
  browser: BrowserPrincipal,
  now: Date,
): Promise<{ session: LiveSession; subject: Subject }[]> => {
  // Asked of the database, not of a copy: the list shows who else uses this browser.
  const current = browser.token_hash && (await findLive(ctx.db, browser.token_hash, now))
  if (current === undefined) return []
  const sessions = await listOfBrowser(ctx.db, current.browser_id, now)
  const found = await Promise.all(
    sessions.map(async (session) => ({ session, subject: await ctx.subjects.get(session.user_id) })),
  )
  return found.flatMap(({ session, subject }) =>
    subject && mayAct({ user: subject }, 'login_required') === undefined ? [{ session, subject }] : [],
  )
}

/**
 * A session as its owner sees it: the browser, the system and the place where it was last used, since when that browser is
 * known, and whether it is trusted.
 */
export type SessionFacts = OwnSession & UserAgent

/** Where a person is signed in, the last used first. Of somebody who acts as them, that alone is told. */
export const sessionsOfUser = async (ctx: Ctx, user_id: string, now: Date): Promise<SessionFacts[]> =>
  (await listOfUser(ctx.db, user_id, now)).map((session) => {
    const shown = session.actor_id === null ? session : { ...session, ip: null, user_agent: null, place: null }
    return { ...shown, ...readUserAgent(shown.user_agent) }
  })

/** The ids of all of them: a list that is shown ends somewhere, the ending of them must not. */
export const liveIdsOf = listIdsOf

/** Whether a trusted device stood in for a second step of this session; of one that has ended nobody can say, so: yes. */
export const isDeviceTrusted = async (ctx: Ctx, sid: string | undefined): Promise<boolean> =>
  sid === undefined || (await findTrust(ctx.db, sid)) !== false

/** Whether a session goes on, as this transaction sees it and not as a copy of it tells. */
export const goesOn = async (tx: Tx, sid: string): Promise<boolean> => (await findTrust(tx, sid)) !== undefined

/** Where a person was signed in, as far as that is remembered: for the copy of their data. */
export const sessionHistoryOf = listHistory
