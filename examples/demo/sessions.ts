/**
 * Owns the sessions of this application: a random cookie, the data behind it in memory, and the token of its forms.
 * Never speaks to Keywright. An application with several processes keeps the same records in a shared store instead.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Request, Response } from 'express'
import type { ApiAnswer, Notice } from './pages.ts'
import type { Attempt, SignedIn } from './sign-in.ts'

export type Session = {
  id: string
  csrf: string
  seenAt: number
  /** Sign-ins on their way, by `state`: several tabs may each have one. */
  attempts: Map<string, Attempt>
  /** The `state` of a sign-out that Keywright will answer. */
  signingOut?: string
  signedIn?: SignedIn
  /** Shown once, on the next page. */
  notice?: Notice
  apiAnswer?: ApiAnswer
}

export type Sessions = {
  /** The session of a request; a browser without one gets one. */
  open: (request: Request, response: Response) => Session
  /** A new session with a new cookie; the old one is gone. Due at each sign-in and sign-out. */
  replace: (response: Response, old: Session) => Session
}

// Cookies know no ports: on localhost the name must differ from those of every other server there.
const cookieName = 'keywright_demo'
const idleMs = 60 * 60 * 1000
const maxSessions = 1000
const maxAttempts = 5

/** Sessions in memory: gone after an hour without use, and with the process. `now` is for tests. */
export const createSessions = (now: () => number = Date.now): Sessions => {
  const sessions = new Map<string, Session>()
  const start = (response: Response): Session => {
    const session = { id: random(), csrf: random(), seenAt: now(), attempts: new Map() }
    sessions.set(session.id, session)
    if (sessions.size > maxSessions) dropOldest(sessions)
    response.cookie(cookieName, session.id, { httpOnly: true, sameSite: 'lax', path: '/' })
    return session
  }
  return {
    open: (request, response) => {
      const found = sessions.get(readCookie(request) ?? '')
      if (!found || now() - found.seenAt > idleMs) return start(response)
      // Moved to the end: the first of the map is the one unused for longest.
      sessions.delete(found.id)
      sessions.set(found.id, Object.assign(found, { seenAt: now() }))
      return found
    },
    replace: (response, old) => {
      sessions.delete(old.id)
      return start(response)
    },
  }
}

/** Whether a form was drawn for this very session. */
export const checkCsrf = (session: Session, body: unknown): boolean => {
  const sent = typeof body === 'object' && body !== null && 'csrf' in body ? body.csrf : undefined
  if (typeof sent !== 'string') return false
  const [a, b] = [Buffer.from(sent), Buffer.from(session.csrf)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Keeps an attempt until its answer comes; of too many the oldest is forgotten. */
export const rememberAttempt = (session: Session, attempt: Attempt): void => {
  session.attempts.set(attempt.state, attempt)
  const [oldest] = session.attempts.keys()
  if (session.attempts.size > maxAttempts && oldest !== undefined) session.attempts.delete(oldest)
}

/** Takes the attempt out: an answer is accepted once. */
export const takeAttempt = (session: Session, state: unknown): Attempt | undefined => {
  if (typeof state !== 'string') return undefined
  const attempt = session.attempts.get(state)
  session.attempts.delete(state)
  return attempt
}

const random = (): string => randomBytes(32).toString('base64url')

const readCookie = (request: Request): string | undefined =>
  request.headers.cookie
    ?.split(/; */)
    .find((pair) => pair.startsWith(`${cookieName}=`))
    ?.slice(cookieName.length + 1)

const dropOldest = (sessions: Map<string, Session>): void => {
  const [oldest] = sessions.keys()
  if (oldest !== undefined) sessions.delete(oldest)
}
