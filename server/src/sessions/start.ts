/**
 * Owns the one place where a session begins. Every sign-in makes a new secret, and what the browser held before is worth
 * nothing afterwards (security rule LI-3). Start reading at `startSession`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { type Remembered, rememberDevice } from '../devices/remember.ts'
import type { SetCookie } from '../http/cookies.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { isUuid, secretText, uuidv7 } from '../io/ids.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { hashToken, type TokenHash } from '../protocol/opaque-token.ts'
import type { LiveSession } from '../protocol/session.ts'
import { isPerson, notForServices } from '../users/kind.ts'
import { plainUserAgent } from '../users/user-agent.ts'
import { idleExpiry } from './cookie.ts'
import { makeRoom, queueUp } from './limit.ts'
import { holdSession, insertSession, jsonOf, lockSession, rekeySession, renewSession } from './store.ts'

export type SignIn = {
  user_id: string
  amr: string[]
  acr: string
  /** A trusted device stood in for the second step that policy wants. */
  device_trusted: boolean
  /** It is a further proof within the session of this browser, and worth nothing without that. */
  steps_up: boolean
  ip: string
  user_agent: string | undefined
  now: Date
}

/**
 * What began. The answer has to carry every one of the cookies: a session is bound to its device. Where `ended` is not 0,
 * other sessions made room, and `ctx.feed.announce` tells the other nodes after the commit.
 */
export type Started = {
  session: LiveSession
  cookies: SetCookie[]
  device: Pick<Remembered, 'id' | 'isNew'>
  ended: number
}

/**
 * Starts a session in this transaction. The same person in the same browser proves themselves anew: then the session goes
 * on under its `sid`, so that the applications it signed in to stay signed in, with a new secret and a new proof. Refuses
 * with `session_limit_reached`, which is recorded: the transaction should commit; with `session_over` where a step-up has no
 * session any more to step up; and with `service_account`.
 */
export const startSession = async (
  ctx: Ctx,
  tx: Tx,
  { browser, signIn }: { browser: BrowserPrincipal; signIn: SignIn },
): Promise<Started | Denial> => {
  await queueUp(ctx, tx, signIn.user_id)
  if (!(await isPerson(tx, signIn.user_id))) return notForServices
  const held = browser.token_hash && (await holdSession(tx, browser.token_hash))
  // A session in which somebody else acted is never carried on as the person's own.
  const own = browser.session?.user_id === signIn.user_id && browser.session.actor_id === null
  const renews = own ? held?.id : undefined
  if (signIn.steps_up && renews === undefined) return sessionOver
  const ended = await makeRoom(ctx, tx, newcomerOf(browser, signIn, { renews, held }))
  if (isDenial(ended)) return ended
  const device = await rememberDevice(ctx, tx, { ...signIn, device: browser.device })
  const token = secretText()
  const proof = proofOf(ctx, tx, { signIn, token_hash: hashToken(token), device_id: device.id })
  const renewed =
    renews !== undefined && browser.token_hash
      ? await renewSession(tx, { id: renews, token_hash: browser.token_hash }, proof)
      : undefined
  const session = renewed ?? (await begin(ctx, tx, { held, signIn, proof }))
  return {
    session: { ...session, device_key: device.key_hash },
    cookies: [sessionCookie(ctx, token), device.cookie],
    device: { id: device.id, isNew: device.isNew },
    ended,
  }
}

const sessionOver: Denial = deny('session_over', 'This session is over. Sign in again.', {
  rule: 'a step-up goes on with the session in which it began (LI-3)',
  expected: 'the live session of this browser',
  got: 'none',
})

type Held = { id: string; browser_id: string } | undefined

const newcomerOf = (
  browser: BrowserPrincipal,
  signIn: SignIn,
  { renews, held }: { renews: string | undefined; held: Held },
): Parameters<typeof makeRoom>[2] => ({
  user_id: signIn.user_id,
  renews,
  browser_id: held?.browser_id ?? browser.session?.browser_id,
  device: browser.device,
  now: signIn.now,
  caller: { ip: signIn.ip, user_agent: signIn.user_agent },
})

type Proof = ReturnType<typeof proofOf>

/** What a sign-in changes about a session, new or renewed. */
const proofOf = (
  ctx: Ctx,
  tx: Tx,
  { signIn, token_hash, device_id }: { signIn: SignIn; token_hash: TokenHash; device_id: string },
) => ({
  token_hash,
  device_id,
  auth_time: signIn.now,
  amr: signIn.amr,
  acr: signIn.acr,
  device_trusted: signIn.device_trusted,
  ip: signIn.ip,
  user_agent: plainUserAgent(signIn.user_agent),
  place: jsonOf(tx, ctx.places.find(signIn.ip) ?? null),
  last_seen_at: signIn.now,
  idle_expires_at: idleExpiry(ctx, signIn.now),
  expires_at: new Date(signIn.now.getTime() + ctx.config.session_absolute_seconds * 1000),
})

const begin = async (
  ctx: Ctx,
  tx: Tx,
  { held, signIn, proof }: { held: Held; signIn: SignIn; proof: Proof },
): Promise<LiveSession> => {
  const { now, user_id } = signIn
  const browser_id = held?.browser_id ?? uuidv7(now)
  const session = { ...proof, id: uuidv7(now), browser_id, user_id, actor_id: null, created_at: now }
  await insertSession(tx, session)
  if (held) await lockSession(tx, held.id, hashToken(secretText()))
  return { ...session, place: ctx.places.find(signIn.ip) ?? null, device_key: null }
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
