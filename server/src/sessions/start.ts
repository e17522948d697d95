/**
 * Owns the one place where a session begins. Every sign-in makes a new session with a new id and a new secret (security
 * rule LI-3); the session of the same person that this browser had before ends with it.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { SetCookie } from '../http/cookies.ts'
import type { BrowserPrincipal, LiveSession } from '../http/principal.ts'
import { secretText, uuidv7 } from '../io/ids.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { idleExpiry } from './cookie.ts'
import { endSession } from './end.ts'
import { insertSession, rekeySession } from './store.ts'

export type SignIn = {
  user_id: string
  amr: string[]
  acr: string
  ip: string
  user_agent: string | undefined
  now: Date
}

/** Starts a session in this transaction. The caller announces the feed after the commit. */
export const startSession = async (
  ctx: Ctx,
  tx: Tx,
  browser: BrowserPrincipal,
  signIn: SignIn,
): Promise<{ session: LiveSession; cookie: SetCookie }> => {
  const { now, user_id } = signIn
  const previous = browser.session
  if (previous?.user_id === user_id) await endSession(ctx, tx, previous.id, now, 'signed in again')
  const token = secretText()
  const session: LiveSession = {
    id: uuidv7(now),
    browser_id: previous?.browser_id ?? uuidv7(now),
    user_id,
    auth_time: now,
    amr: signIn.amr,
    acr: signIn.acr,
    created_at: now,
    last_seen_at: now,
  }
  await insertSession(tx, {
    ...session,
    token_hash: hashToken(token),
    ip: signIn.ip,
    user_agent: signIn.user_agent?.replace(/[\u0000-\u001f]/g, ' ') ?? null,
    idle_expires_at: idleExpiry(ctx, now),
    expires_at: new Date(now.getTime() + ctx.config.session_absolute_seconds * 1000),
  })
  return { session, cookie: sessionCookie(ctx, token) }
}

/** Lets this browser go on with another of its own live sessions. Proves nothing new: `auth_time` stays. */
export const switchSession = async (
  ctx: Ctx,
  tx: Tx,
  browser: BrowserPrincipal,
  session_id: string,
  now: Date,
): Promise<{ session: LiveSession; cookie: SetCookie } | undefined> => {
  if (browser.session === undefined || !/^[0-9a-f-]{36}$/.test(session_id)) return undefined
  const token = secretText()
  const session = await rekeySession(tx, {
    id: session_id,
    browser_id: browser.session.browser_id,
    token_hash: hashToken(token),
    now,
    idle_expires_at: idleExpiry(ctx, now),
  })
  return session && { session, cookie: sessionCookie(ctx, token) }
}

const sessionCookie = (ctx: Ctx, token: string): SetCookie => ({
  name: 'session',
  value: token,
  maxAgeSeconds: ctx.config.session_absolute_seconds,
})
