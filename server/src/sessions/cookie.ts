/**
 * Owns the way from a request to the sign-in behind it: the browser cookie, the session cookie, and who that is.
 * Never starts or ends a session.
 */
import { mayGoOnActing } from '../access/ceiling.ts'
import type { Ctx } from '../ctx.ts'
import { deviceCookie } from '../devices/remember.ts'
import { cookieName, readCookie, type SetCookie } from '../http/cookies.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { secretText } from '../io/ids.ts'
import type { Subject } from '../protocol/claims.ts'
import { hashToken, type TokenHash } from '../protocol/opaque-token.ts'
import type { LiveSession } from '../protocol/session.ts'
import { mayAct } from '../protocol/subject.ts'
import { touchSession } from './store.ts'
import { guarded, wasSuspicious } from './suspicious.ts'

const minute = 60_000

/** Recognises a browser and, when its session is alive and its account may act, the person. Never a refusal. */
export const authenticateBrowser = async (ctx: Ctx, request: HttpRequest): Promise<BrowserPrincipal> => {
  const header = request.header('cookie')
  const known = readCookie(header, ctx.config.issuer, 'browser')
  const browser = known ?? secretText()
  const device = deviceCookie(ctx, request)
  const token = readCookie(header, ctx.config.issuer, 'session')
  const token_hash = token === undefined ? undefined : hashToken(token)
  const session = token_hash && (await loadSession(ctx, request, { token_hash, device }))
  const subject = session && (await ctx.subjects.get(session.user_id))
  const usable = session !== undefined && subject !== undefined && (await mayGoOn(ctx, session, subject))
  return {
    browser,
    isNew: known === undefined,
    device,
    session: usable ? session : undefined,
    token_hash: usable ? token_hash : undefined,
    subject: usable ? subject : undefined,
  }
}

/** Security rule G-3. Where somebody acts as another person, both of them have to be able to. */
const mayGoOn = async (ctx: Ctx, { actor_id }: LiveSession, subject: Subject): Promise<boolean> => {
  if (mayAct({ user: subject }, 'login_required')) return false
  return actor_id === null || mayGoOnActing(await ctx.subjects.get(actor_id), subject)
}

const loadSession = async (
  ctx: Ctx,
  request: HttpRequest,
  { token_hash, device }: { token_hash: TokenHash; device: string | undefined },
): Promise<LiveSession | undefined> => {
  const copy = await ctx.sessions.get(token_hash.toString('base64url'))
  if (copy === undefined || (await isDead(ctx, copy))) return undefined
  const own = await guarded(ctx, request, { session: copy, token_hash, device })
  if (own === undefined) return undefined
  const { session, seen } = own
  if (request.now.getTime() - session.last_seen_at.getTime() > minute) {
    const { ip, user_agent, place } = seen
    Object.assign(session, { last_seen_at: request.now, ip, user_agent, place })
    await touchSession(ctx.db, session, idleExpiry(ctx, request.now))
  }
  return session
}

/** The feed knows sessions by their id. What else is revoked for a person (roles, say) is no reason to sign them out. */
const isDead = async (ctx: Ctx, session: LiveSession): Promise<boolean> =>
  await ctx.feed.isRevoked({ sid: session.id, client_id: '', jti: session.id, iat: 0 })

/** When a session that is used now will have been idle for too long. */
export const idleExpiry = (ctx: Ctx, now: Date): Date =>
  new Date(now.getTime() + ctx.config.session_idle_seconds * 1000)

/** The browser cookie to set when a page is shown to a browser that had none. It carries no authority by itself. */
export const browserCookie = (principal: BrowserPrincipal): SetCookie[] =>
  principal.isNew ? [{ name: 'browser', value: principal.browser, maxAgeSeconds: 400 * 86_400 }] : []

/** The purpose that forms of a person's own pages are bound to: the person who saw them. */
export const ownForms = (browser: BrowserPrincipal): string => ownFormsOf(browser.session?.user_id ?? '')

/** The same for a person whose session begins with the answer that holds the form. */
export const ownFormsOf = (user_id: string): string => `own|${user_id}`

/** The cookie that removes the session cookie. */
export const noSession: SetCookie = { name: 'session', value: '' }

/** Tells whether this browser was signed out because its session looked as if somebody else had it. */
export const wasEndedForSafety = async (ctx: Ctx, request: HttpRequest): Promise<boolean> =>
  await wasSuspicious(ctx, readCookie(request.header('cookie'), ctx.config.issuer, 'session'))

/** Tells whether the request brought a session cookie at all, live or not. */
export const hasSessionCookie = (ctx: Ctx, request: HttpRequest): boolean =>
  request.header('cookie')?.includes(`${cookieName(ctx.config.issuer, 'session')}=`) ?? false
