/**
 * Owns the one place where a session begins. Every sign-in makes a new secret, and what the browser held before is worth
 * nothing afterwards (security rule LI-3). Start reading at `startSession`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { SetCookie } from '../http/cookies.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { isUuid, secretText, uuidv7 } from '../io/ids.ts'
import { hashToken, type TokenHash } from '../protocol/opaque-token.ts'
import type { LiveSession } from '../protocol/session.ts'
import { idleExpiry } from './cookie.ts'
import { holdSession, insertSession, lockSession, rekeySession, renewSession } from './store.ts'

export type SignIn = {
  user_id: string
  amr: string[]
  acr: string
  /** A trusted device stood in for the second step that policy wants. */
  device_trusted: boolean
  ip: string
  user_agent: string | undefined
  now: Date
}

/**
 * Starts a session in this transaction. The same person in the same browser proves themselves anew: then the session goes
 * on under its `sid`, so that the applications it signed in to stay signed in, with a new secret and a new proof.
 */
export const startSession = async (
  ctx: Ctx,
  tx: Tx,
  { browser, signIn }: { browser: BrowserPrincipal; signIn: SignIn },
): Promise<{ session: LiveSession; cookie: SetCookie }> => {
  const token = secretText()
  const proof = proofOf(ctx, signIn, hashToken(token))
  const held = browser.token_hash && (await holdSession(tx, browser.token_hash))
  // A session in which somebody else acted is never carried on as the person's own.
  const own = held !== undefined && browser.session?.user_id === signIn.user_id && browser.session.actor_id === null
  const renewed =
    own && browser.token_hash
      ? await renewSession(tx, { id: held.id, token_hash: browser.token_hash }, proof)
      : undefined
  return { session: renewed ?? (await begin(tx, held, { signIn, proof })), cookie: sessionCookie(ctx, token) }
}

type Proof = ReturnType<typeof proofOf>

/** What a sign-in changes about a session, new or renewed. */
const proofOf = (ctx: Ctx, signIn: SignIn, token_hash: TokenHash) => ({
  token_hash,
  auth_time: signIn.now,
  amr: signIn.amr,
  acr: signIn.acr,
  device_trusted: signIn.device_trusted,
  ip: signIn.ip,
  user_agent: signIn.user_agent?.replace(/[\u0000-\u001f]/g, ' ') ?? null,
  last_seen_at: signIn.now,
  idle_expires_at: idleExpiry(ctx, signIn.now),
  expires_at: new Date(signIn.now.getTime() + ctx.config.session_absolute_seconds * 1000),
})

const begin = async (
  tx: Tx,
  held: { id: string; browser_id: string } | undefined,
  { signIn, proof }: { signIn: SignIn; proof: Proof },
): Promise<LiveSession> => {
  const { now, user_id } = signIn
  const browser_id = held?.browser_id ?? uuidv7(now)
  const session = { ...proof, id: uuidv7(now), browser_id, user_id, actor_id: null, created_at: now }
  await insertSession(tx, session)
  if (held) await lockSession(tx, held.id, hashToken(secretText()))
  return session
}

/** Lets this browser go on with another of its own live sessions. Proves nothing new: `auth_time` stays. */
export const switchSession = async (
  ctx: Ctx,
  tx: Tx,
  { browser, session_id, now }: { browser: BrowserPrincipal; session_id: string; now: Date },
): Promise<{ session: LiveSession; cookie: SetCookie } | undefined> => {
  const held = browser.token_hash && isUuid(session_id) ? await holdSession(tx, browser.token_hash) : undefined
  if (held === undefined) return undefined
  const token = secretText()
  const session = await rekeySession(tx, {
    id: session_id,
    browser_id: held.browser_id,
    token_hash: hashToken(token),
    now,
    idle_expires_at: idleExpiry(ctx, now),
  })
  if (session === undefined) return undefined
  if (session.id !== held.id) await lockSession(tx, held.id, hashToken(secretText()))
  return { session, cookie: sessionCookie(ctx, token) }
}

/** The cookie that carries the secret of a session. */
export const sessionCookie = (ctx: Ctx, token: string): SetCookie => ({
  name: 'session',
  value: token,
  maxAgeSeconds: ctx.config.session_absolute_seconds,
})
