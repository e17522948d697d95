/**
 * Owns what a browser is to a person: unknown, known since they signed in there, or trusted for a while (security design
 * 3.7, security rule MF-4). The cookie is the browser's own and proves nothing by itself; a row makes it mean something for
 * one person, and several people may have theirs for one browser. Start reading at `rememberDevice`.
 */
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { readCookie, type SetCookie } from '../http/cookies.ts'
import type { HttpRequest } from '../http/request.ts'
import { secretText, uuidv7 } from '../io/ids.ts'
import { hashToken, type TokenHash } from '../protocol/opaque-token.ts'
import { plainUserAgent } from '../users/user-agent.ts'
import {
  findDevice,
  insertDevice,
  type KnownDevice,
  lockDevicesOf,
  rekeyDevices,
  updateSeen,
  updateTrust,
} from './store.ts'

/** `isNew`: its owner has signed in before, but never here; they should hear of it. */
export type Remembered = { id: string; key_hash: TokenHash; isNew: boolean; cookie: SetCookie }

/** A sign-in as far as its browser is concerned; `device` is the cookie that came with it. */
export type DeviceSignIn = {
  user_id: string
  device: string | undefined
  ip: string
  user_agent: string | undefined
  now: Date
}

const cookieSeconds = 400 * 86_400
/** Security rule MF-4: a device is trusted for thirty days at most. */
const longestTrustMs = 30 * 86_400_000

/** The device cookie that came with a request. */
export const deviceCookie = (ctx: Ctx, request: HttpRequest): string | undefined =>
  readCookie(request.header('cookie'), ctx.config.issuer, 'device')

/** The key that a device cookie names; undefined for what we never write. */
export const deviceKey = (cookie: string | undefined): TokenHash | undefined =>
  cookie !== undefined && /^[\w-]{43}$/.test(cookie) ? hashToken(cookie) : undefined

/**
 * Makes the browser of a completed sign-in known to its person, or notes that it was seen again. The answer has to carry
 * the cookie. Where the browser is news for this person it gets a new key, and everybody else's row with it: whoever knew
 * the cookie from before, because they had put it there, knows nothing (security rule LI-3).
 */
export const rememberDevice = async (ctx: Ctx, tx: Tx, signIn: DeviceSignIn): Promise<Remembered> => {
  const { user_id, device, now } = signIn
  const seen = {
    user_agent: plainUserAgent(signIn.user_agent),
    ip: signIn.ip,
    place: ctx.places.find(signIn.ip) ?? null,
    now,
  }
  const presented = deviceKey(device)
  const known = presented && (await updateSeen(tx, { user_id, key_hash: presented }, seen))
  if (device !== undefined && presented !== undefined && known !== undefined)
    return { id: known, key_hash: presented, isNew: false, cookie: cookieOf(device) }
  const fresh = secretText()
  const key_hash = hashToken(fresh)
  const id = uuidv7(now)
  await lockDevicesOf(tx, user_id)
  if (presented) await rekeyDevices(tx, presented, key_hash)
  const isNew = await insertDevice(tx, { id, user_id, key_hash }, seen)
  return { id, key_hash, isNew, cookie: cookieOf(fresh) }
}

const cookieOf = (value: string): SetCookie => ({ name: 'device', value, maxAgeSeconds: cookieSeconds })

/** The row that makes a device cookie known for a person. */
export const knownDevice = async (
  query: Query,
  user_id: string,
  cookie: string | undefined,
): Promise<KnownDevice | undefined> => {
  const key_hash = deviceKey(cookie)
  return key_hash && (await findDevice(query, user_id, key_hash))
}

/** Lets a device stand in for a second factor until an instant, thirty days from now at most; null takes that back. */
export const trustDevice = async (
  tx: Tx,
  device_id: string,
  { until, now }: { until: Date | null; now: Date },
): Promise<void> => {
  const latest = new Date(now.getTime() + longestTrustMs)
  await updateTrust(tx, device_id, until !== null && until > latest ? latest : until)
}

/** Tells whether this browser stands in for a second factor of this person now. It is never enough for a fresh proof (LI-4). */
export const isTrusted = async (
  query: Query,
  user_id: string,
  { cookie, now }: { cookie: string | undefined; now: Date },
): Promise<boolean> => {
  const known = await knownDevice(query, user_id, cookie)
  return known?.trusted_until != null && known.trusted_until > now
}
