/**
 * Owns the addresses of the application: what each button does. Works without JavaScript in the browser.
 * Never logs or shows a token, a code or a secret. Start reading at `createApp`.
 */
import { fileURLToPath } from 'node:url'
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { callWithToken, tryLastTime } from './api-call.ts'
import { homePage, problemPage, signedInPage } from './pages.ts'
import { checkCsrf, createSessions, rememberAttempt, type Session, type Sessions, takeAttempt } from './sessions.ts'
import type { Settings } from './settings.ts'
import {
  finishSignIn,
  randomState,
  type RelyingParty,
  refresh,
  revoke,
  signOutUrl,
  startSignIn,
  type Tokens,
} from './sign-in.ts'

export type Demo = { settings: Settings; rp: RelyingParty; log: (line: string) => void }

type Visit = Demo & { sessions: Sessions; session: Session; request: Request; response: Response }
type Handler = (visit: Visit) => Promise<void> | void

/** The application as an Express application. */
export const createApp = (demo: Demo): Express => {
  const sessions = createSessions()
  const page =
    (handler: Handler): RequestHandler =>
    (request, response) =>
      handler({ ...demo, sessions, request, response, session: sessions.open(request, response) })
  const form = (handler: Handler): RequestHandler => page((visit) => ifOurForm(visit, handler))
  const app = express()
  app.disable('x-powered-by')
  app.get('/style.css', asset('style.css'))
  app.get('/icon.svg', asset('icon.svg'))
  app.use(protectPages(demo.settings.issuer), express.urlencoded({ extended: false, limit: '4kb' }))
  app.get('/', page(home))
  app.get('/callback', page(callback))
  app.post('/sign-in', form(signIn))
  app.post('/sign-in-again', form(signInAgain))
  app.post('/call-api', form(callApi))
  app.post('/refresh', form(refreshTokens))
  app.post('/sign-out', form(signOut))
  app.post('/sign-out-everywhere', form(signOutEverywhere))
  app.use((_request, response) => {
    send(response, 404, problemPage('There is no such page.', 'Perhaps the address was mistyped.'))
  })
  app.use(onError(demo))
  return app
}

const home: Handler = async (visit) => {
  const { request, response, session, settings } = visit
  if (session.signingOut !== undefined && request.query['state'] === session.signingOut) return signedOut(visit)
  const { notice, signedIn, apiAnswer, csrf } = session
  delete session.notice
  if (!signedIn) return send(response, 200, homePage({ settings, csrf, notice }))
  send(response, 200, signedInPage({ settings, csrf, notice, signedIn, apiAnswer, now: new Date() }))
}

const signIn: Handler = (visit) => leaveToSignIn(visit, false)

const signInAgain: Handler = (visit) => leaveToSignIn(visit, true)

const leaveToSignIn = async ({ rp, session, response }: Visit, freshProof: boolean): Promise<void> => {
  const { url, attempt } = await startSignIn(rp, freshProof)
  rememberAttempt(session, attempt)
  response.redirect(303, url.href)
}

/** Where Keywright sends the browser back to, with a code or with a refusal. */
const callback: Handler = async (visit) => {
  const { rp, sessions, session, request, response, log } = visit
  const attempt = takeAttempt(session, request.query['state'])
  if (!attempt) {
    session.notice = {
      kind: 'bad',
      title: 'This answer does not belong to a sign-in of this browser.',
      text: 'It was used before, is too old, or was started elsewhere. Nothing has changed.',
    }
    return response.redirect(303, '/')
  }
  const result = await finishSignIn(rp, new URL(request.originalUrl, rp.redirect_uri).search, attempt)
  if ('error' in result) {
    log(`app: sign-in refused: ${result.error}`)
    session.notice = noticeOfRefusal(result)
    return response.redirect(303, '/')
  }
  log(`app: signed in ${result.claims.sub} for ${result.tokens.scope}`)
  const fresh = sessions.replace(response, session)
  Object.assign(fresh, { signedIn: result, attempts: session.attempts })
  fresh.notice = attempt.freshProof
    ? { kind: 'good', title: 'You have proved again that it is you.', text: 'See auth_time in the ID token.' }
    : { kind: 'good', title: 'You are signed in.', text: 'Keywright has told this application who you are.' }
  response.redirect(303, '/')
}

const callApi: Handler = async ({ settings, session, response, log }) => {
  if (!session.signedIn) return response.redirect(303, '/')
  session.apiAnswer = await callWithToken(settings.resource, session.signedIn.tokens.access_token)
  log(`app: called the API: ${session.apiAnswer.status ?? 'no answer'}`)
  response.redirect(303, '/#api')
}

const refreshTokens: Handler = async (visit) => {
  const { rp, sessions, session, response, log } = visit
  if (!session.signedIn) return response.redirect(303, '/')
  const result = await refresh(rp, session.signedIn)
  if (!('error' in result)) {
    session.signedIn = { ...session.signedIn, tokens: result }
    session.notice = {
      kind: 'good',
      title: 'The tokens are new.',
      text: 'The old refresh token is worth nothing any more.',
    }
  } else if (result.error === 'invalid_grant') {
    sessions.replace(response, session).notice = overNotice
  } else session.notice = noticeOfRefusal(result)
  log(`app: refreshed the tokens: ${'error' in result ? result.error : 'done'}`)
  response.redirect(303, '/')
}

/** Signs out here and in this browser's session at Keywright, which sends the browser back at once. */
const signOut: Handler = async (visit) => {
  const { rp, sessions, session, response } = visit
  if (!session.signedIn) return response.redirect(303, '/')
  const { tokens } = session.signedIn
  await letGo(visit, tokens)
  const state = randomState()
  sessions.replace(response, session).signingOut = state
  response.redirect(303, signOutUrl(rp, state, tokens.id_token).href)
}

/** Leads to Keywright's own page, where the person chooses. This application's session ends when the answer comes. */
const signOutEverywhere: Handler = ({ rp, session, response }) => {
  if (!session.signedIn) return response.redirect(303, '/')
  session.signingOut = randomState()
  response.redirect(303, signOutUrl(rp, session.signingOut).href)
}

/** Keywright has signed the person out and sent the browser back. */
const signedOut = async (visit: Visit): Promise<void> => {
  const { settings, sessions, session, response, log } = visit
  const tokens = session.signedIn?.tokens
  const fresh = sessions.replace(response, session)
  if (tokens) {
    fresh.notice = await tryLastTime(settings.resource, tokens)
    await letGo(visit, tokens)
  } else {
    fresh.notice = { kind: 'good', title: 'You are signed out.', text: 'Of this application, and of Keywright.' }
  }
  log('app: signed out')
  response.redirect(303, '/')
}

/** Revokes what we hold. When Keywright cannot be reached the tokens die of age, and signing out goes on. */
const letGo = async ({ rp, log }: Visit, tokens: Tokens): Promise<void> => {
  try {
    await revoke(rp, tokens)
  } catch (error) {
    log(`app: the tokens could not be revoked: ${nameOf(error)}`)
  }
}

/** A form counts only when this session's page sent it (cross-site request forgery, RFC 6749 §10.12). */
const ifOurForm: (visit: Visit, handler: Handler) => Promise<void> | void = (visit, handler) => {
  if (checkCsrf(visit.session, visit.request.body)) return handler(visit)
  send(visit.response, 403, problemPage('This form is too old.', 'Go back to the start and press the button again.'))
}

const noticeOfRefusal = ({ error, error_description }: { error: string; error_description: string | undefined }) =>
  error === 'access_denied'
    ? ({
        kind: 'info',
        title: 'You said no, and that is fine.',
        text: 'Nothing was shared with this application.',
      } as const)
    : ({ kind: 'bad', title: 'Keywright did not allow this.', text: `${error_description ?? ''} (${error})` } as const)

const overNotice = {
  kind: 'info',
  title: 'Your sign-in is over.',
  text: 'Keywright answered invalid_grant: it was ended there, or from another device. Sign in again when you like.',
} as const

/** Headers of every page: nothing from elsewhere, no script, no frame, forms to us and on to Keywright. */
const protectPages = (issuer: string): RequestHandler => {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    // Browsers hold the redirect after a form to this too.
    `form-action 'self' ${new URL(issuer).origin}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return (_request, response, next) => {
    response.set({
      'Content-Security-Policy': policy,
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cache-Control': 'no-store',
    })
    next()
  }
}

/** What nobody foresaw: most often Keywright is away. The person stays signed in and can try again. */
const onError =
  ({ log }: Demo): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const status = statusOf(error)
    log(`app: ${status}: ${nameOf(error)}`)
    if (status < 500)
      return send(response, status, problemPage('This request could not be read.', 'Go back to the start.'))
    send(
      response,
      status,
      problemPage('Keywright gave no usable answer.', 'Nothing is lost: go back and try again soon.'),
    )
  }

const statusOf = (error: unknown): number => {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 503
}

/** What may be logged of an error: never its cause, which can hold tokens. */
const nameOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : 'unknown error'

const asset = (name: string): RequestHandler => {
  const path = fileURLToPath(new URL(name, import.meta.url))
  return (_request, response) => response.sendFile(path)
}

const send = (response: Response, status: number, page: string): void => {
  response.status(status).type('html').send(page)
}
