/**
 * Owns the sign-in page and the proof by password. The answer to a wrong password, an unknown account and a disabled one is
 * the same, in words and in time (security rule LI-1). Start reading at `loginRoutes`.
 */
import { findOwn, type Interaction, refuseInteraction, restart } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { callerOf, record } from '../events/record.ts'
import { checkCsrf } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { deny, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { mayAct } from '../protocol/subject.ts'
import { accountOf, type Proof, proofStands, provePassword } from '../users/credentials.ts'
import { canonicalLogin } from '../users/identifier.ts'
import { completeLogin } from './complete.ts'
import { csrfContext, loginPage } from './page.ts'
import { type Attempt, giveBack, reserve, succeeded } from './throttle.ts'

export const loginRoutes = [
  route({
    method: 'GET',
    path: '/login',
    auth: 'browser',
    errors: 'page',
    summary: 'The sign-in page',
    handler: async (ctx, request, browser) => await showLogin(ctx, request, browser),
  }),
  route({
    method: 'POST',
    path: '/login',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Sign in with name and password',
    handler: async (ctx, request, browser) => await signIn(ctx, request, browser),
  }),
]

const showLogin = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const found = await findOwn(ctx, request, browser, param(request.query, 'interaction'))
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', { route: '/login', request })
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  if (found.kind === 'none' && browser.session) return redirectLocal('/account')
  const error = request.query.has('restarted') ? 'expired_restarted' : undefined
  const interaction = found.kind === 'open' ? found.interaction : undefined
  return await loginPage(ctx, browser, { interaction, error, other: request.query.has('other') })
}

const signIn = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const id = param(request.form, 'interaction')
  const forged = checkCsrf(ctx, request, browser.browser, csrfContext(id))
  if (forged) return refuse(ctx, forged, 'page', { route: '/login', request })
  const found = await findOwn(ctx, request, browser, id)
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', { route: '/login', request })
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  const interaction = found.kind === 'open' ? found.interaction : undefined
  if (interaction && request.form.has('cancel')) return await refuseInteraction(ctx.db, interaction)
  return await tryPassword(ctx, request, browser, interaction)
}

const tryPassword = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  interaction: Interaction | undefined,
): Promise<Reply> => {
  const typed = param(request.form, 'login') ?? ''
  const login = canonicalLogin(typed)
  const account = await accountOf(ctx, login)
  const attempt = await reserve(ctx, request, account)
  if (isDenial(attempt)) {
    const event = { now: request.now, client_id: interaction?.client_id, ...callerOf(request) }
    await record(ctx.db, { type: 'login.throttled', ...event })
    const { retry_after_seconds } = attempt
    return await loginPage(ctx, browser, {
      interaction,
      typed,
      error: 'too_many_attempts',
      status: 429,
      retry_after_seconds,
    })
  }
  const proof = await prove(ctx, attempt, { login, password: param(request.form, 'password') ?? '' })
  const refused = proof && mayAct({ user: { id: proof.user_id, status: proof.status } }, 'wrong_credentials')
  if (proof === undefined || refused) {
    await recordFailure(ctx, request, {
      user_id: proof?.user_id,
      client_id: interaction?.client_id,
      got: refused?.because.got,
    })
    return await loginPage(ctx, browser, { interaction, typed, error: 'wrong_credentials', status: 401 })
  }
  const device = await succeeded(ctx, attempt, account, request.now)
  const stands = async (tx: Tx): Promise<boolean> => await proofStands(tx, proof)
  const proven = { user_id: proof.user_id, amr: ['pwd'], acr: 'aal1', method: 'password', stands }
  const facts = { proven, interaction_id: interaction?.id, cookies: [device] }
  const done = await completeLogin(ctx, request, browser, facts)
  return done ?? (await loginPage(ctx, browser, { interaction, typed, error: 'wrong_credentials', status: 401 }))
}

type Typed = { login: string; password: string }

/** A comparison that could not be made was no wrong password (security rule G-1): its reservation goes back. */
const prove = async (ctx: Ctx, attempt: Attempt, { login, password }: Typed): Promise<Proof | undefined> => {
  try {
    return await provePassword(ctx, login, password)
  } catch (error) {
    await giveBack(ctx, attempt).catch(() => {})
    throw error
  }
}

type Failure = { user_id: string | undefined; client_id: string | undefined; got: string | undefined }

/** Writes down why, for the operator; the person is told the same in every case. */
const recordFailure = async (ctx: Ctx, request: HttpRequest, { user_id, client_id, got }: Failure): Promise<void> => {
  ctx.decisions.record(
    deny('wrong_credentials', 'Wrong name or password.', {
      rule: 'the password proves the person (LI-1)',
      expected: 'the password of an active account',
      got: got ?? 'unknown account or wrong password',
    }),
    { route: '/login', request_id: request.request_id, client_id, now: request.now },
  )
  const event = { now: request.now, user_id, client_id, data: { method: 'password' }, ...callerOf(request) }
  await record(ctx.db, { type: 'login.failed', ...event })
}
