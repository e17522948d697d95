/**
 * Owns what happens to a session whose request cannot come from where the session was: it ends with everything that hangs on
 * it, and the person is asked to sign in again. The question itself is devices/suspicion.ts's. Start reading at `guarded`.
 */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { deviceKey } from '../devices/remember.ts'
import { type Sighting, type Signal, suspicionOf } from '../devices/suspicion.ts'
import { callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { hashToken, type TokenHash } from '../protocol/opaque-token.ts'
import type { LiveSession } from '../protocol/session.ts'
import { plainUserAgent } from '../users/user-agent.ts'
import { endSession } from './end.ts'
import { findEnd, holdLive } from './store.ts'

const because = 'suspicious'

/** What a request shows of its browser. A place is looked up only for another address than before. */
const sightingOf = (ctx: Ctx, request: HttpRequest, before: LiveSession, device: string | undefined): Sighting => ({
  device_key: deviceKey(device) ?? null,
  user_agent: plainUserAgent(request.user_agent),
  ip: request.ip,
  place: request.ip === before.ip ? before.place : (ctx.places.find(request.ip) ?? null),
  at: request.now,
})

/** The session, if nothing speaks against the request, with what is seen of it now; undefined when it was ended. */
export const guarded = async (
  ctx: Ctx,
  request: HttpRequest,
  { session, token_hash, device }: { session: LiveSession; token_hash: TokenHash; device: string | undefined },
): Promise<{ session: LiveSession; seen: Sighting } | undefined> => {
  const seen = sightingOf(ctx, request, session, device)
  if (suspicionAt(ctx, session, seen) === undefined) return { session, seen }
  // A copy may be a second old. Nobody is signed out for what another node knows better.
  const fresh = await endSuspicious(ctx, request, { token_hash, device })
  ctx.sessions.forget(token_hash.toString('base64url'))
  return fresh && { session: fresh, seen: sightingOf(ctx, request, fresh, device) }
}

/** A session that is bound to no device is left alone. */
const suspicionAt = (ctx: Ctx, session: LiveSession, seen: Sighting): Signal | undefined =>
  session.device_key === null
    ? undefined
    : suspicionOf({ ...session, at: session.last_seen_at }, seen, ctx.config.session_signals)

/** Looks again in the database, and ends the session if it is still suspicious. Returns it otherwise. */
const endSuspicious = async (
  ctx: Ctx,
  request: HttpRequest,
  { token_hash, device }: { token_hash: TokenHash; device: string | undefined },
): Promise<LiveSession | undefined> => {
  const { now } = request
  const found = await transact(ctx.db, async (tx) => {
    const session = await holdLive(tx, token_hash, now)
    const signal = session && suspicionAt(ctx, session, sightingOf(ctx, request, session, device))
    if (session === undefined || signal === undefined) return { session, signal }
    await endSession(ctx, tx, { session_id: session.id, now, because: `${because}: ${signal}` })
    await record(tx, {
      type: 'session.suspicious',
      now,
      user_id: session.user_id,
      session_id: session.id,
      data: { signal },
      ...callerOf(request),
    })
    return { session, signal }
  })
  if (found.signal === undefined) return found.session
  await ctx.feed.announce()
  return undefined
}

/** Tells whether a session cookie is of a session that was ended for its owner's safety, so that they can be told. */
export const wasSuspicious = async (ctx: Ctx, token: string | undefined): Promise<boolean> =>
  token !== undefined && ((await findEnd(ctx.db, hashToken(token)))?.startsWith(because) ?? false)
