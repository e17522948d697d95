/**
 * Owns acting as somebody else: a session of theirs that names who acts, lasts an hour at most, begins no refresh tokens and
 * changes nothing of the account (security rule AD-4). Its tokens carry `act` (RFC 8693 §4.1). Who may is decided by
 * users/impersonate.ts.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { SetCookie } from '../http/cookies.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { secretText, uuidv7 } from '../io/ids.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { plainUserAgent } from '../users/user-agent.ts'
import { endSession } from './end.ts'
import { sessionCookie, switchSession } from './start.ts'
import { endActed, endActedAs, holdSession, insertSession, listOfBrowser, lockSession } from './store.ts'

const lifeMs = 3_600_000

/** Begins one in the browser of whoever acts; their own session waits there. Undefined when that has ended meanwhile. */
export const startImpersonation = async (
  ctx: Ctx,
  tx: Tx,
  {
    browser,
    request,
    user_id,
    actor_id,
  }: { browser: BrowserPrincipal; request: HttpRequest; user_id: string; actor_id: string },
): Promise<{ session_id: string; cookie: SetCookie } | undefined> => {
  const { now } = request
  const held = browser.token_hash && (await holdSession(tx, browser.token_hash))
  if (held === undefined) return undefined
  const token = secretText()
  const end = new Date(now.getTime() + lifeMs)
  const id = uuidv7(now)
  await insertSession(tx, {
    id,
    token_hash: hashToken(token),
    browser_id: held.browser_id,
    user_id,
    actor_id,
    auth_time: now,
    amr: [],
    acr: 'aal1',
    ip: request.ip,
    user_agent: plainUserAgent(request.user_agent),
    // Bound to the browser of whoever acts, like their own session.
    device_id: browser.session?.device_id ?? null,
    created_at: now,
    last_seen_at: now,
    idle_expires_at: end,
    expires_at: end,
  })
  await lockSession(tx, held.id, hashToken(secretText()))
  return { session_id: id, cookie: sessionCookie(ctx, token) }
}

/** Ends it, and gives the browser back the session of whoever acted, when that is still alive. */
export const stopImpersonation = async (
  ctx: Ctx,
  tx: Tx,
  { browser, now }: { browser: BrowserPrincipal; now: Date },
): Promise<SetCookie | undefined> => {
  const acted = browser.session
  if (acted?.actor_id == null) return undefined
  const own = (await listOfBrowser(tx, acted.browser_id, now)).find(
    ({ user_id, actor_id }) => user_id === acted.actor_id && actor_id === null,
  )
  const switched = own && (await switchSession(ctx, tx, { browser, session_id: own.id, now }))
  await endSession(ctx, tx, { session_id: acted.id, now, because: 'acting as somebody else was ended' })
  return switched?.cookie
}

/** Ends what somebody does as others: they have lost the right, or their account. */
export const endImpersonations = async (ctx: Ctx, tx: Tx, actor_id: string, now: Date): Promise<void> => {
  const ended = await endActed(tx, actor_id, now, 'the right to act as others was lost')
  await tell(ctx, tx, ended, now)
}

/** Ends what others do as somebody: whoever that is has got more rights, and may have more than they. */
export const endImpersonationsOf = async (ctx: Ctx, tx: Tx, user_id: string, now: Date): Promise<void> => {
  const ended = await endActedAs(tx, user_id, now, 'further rights of the person')
  await tell(ctx, tx, ended, now)
}

const tell = async (ctx: Ctx, tx: Tx, ended: readonly string[], now: Date): Promise<void> => {
  await ctx.feed.write(
    tx,
    ended.map((key) => ({ kind: 'session' as const, key })),
    now,
  )
}
