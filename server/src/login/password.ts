/**
 * Owns the proof by password. The answer to a wrong password, an unknown account and a disabled one is the same, in words
 * and in time (security rule LI-1). Pages and API end here. Start reading at `signInWithPassword`.
 */
import type { Ctx } from '../ctx.ts'
import { callerOf, record } from '../events/record.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { maySignIn } from '../protocol/subject.ts'
import { type Account, accountOf, type Proof, provePassword } from '../users/credentials.ts'
import { canonicalLogin } from '../users/identifier.ts'
import { completeLogin, type Destination, type Outcome } from './complete.ts'
import { type Attempt, giveBack, reserve, succeeded } from './throttle.ts'

/** What somebody typed. */
export type Typed = { login: string; password: string }

/** Tries name and password. Refusals: `wrong_credentials` (401), `too_many_attempts` (429, with retry_after_seconds). */
export const signInWithPassword = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { typed, destination }: { typed: Typed; destination: Destination },
): Promise<Outcome | Denial> => {
  const client_id = destination.interaction?.client_id
  const account = await accountOf(ctx, canonicalLogin(typed.login), browser.device)
  const attempt = await reserve(ctx, request, account)
  if (isDenial(attempt)) {
    await record(ctx.db, { type: 'login.throttled', now: request.now, client_id, ...callerOf(request) })
    return attempt
  }
  const proof = await prove(ctx, attempt, { account, password: typed.password })
  const refused = proof && maySignIn({ id: proof.user_id, status: proof.status }, 'wrong_credentials')
  if (proof === undefined || refused)
    return await failed(ctx, request, { user_id: proof?.user_id, client_id, got: refused?.because.got })
  return await goOn(ctx, request, browser, { proof, attempt, destination })
}

type Proved = { proof: Proof; attempt: Attempt; destination: Destination }

const goOn = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { proof, attempt, destination }: Proved,
): Promise<Outcome | Denial> => {
  await succeeded(ctx, attempt, request.now)
  const { user_id, credential } = proof
  const proven = { user_id, credential, amr: ['pwd'], method: 'password' }
  const outcome = await completeLogin(ctx, request, browser, { ...destination, proven })
  return outcome.kind === 'overtaken' ? wrong('an account that changed meanwhile') : outcome
}

/** A comparison that could not be made was no wrong password (security rule G-1): its reservation goes back. */
const prove = async (
  ctx: Ctx,
  attempt: Attempt,
  { account, password }: { account: Account; password: string },
): Promise<Proof | undefined> => {
  try {
    return await provePassword(ctx, account, password)
  } catch (error) {
    await giveBack(ctx, attempt).catch(() => {})
    throw error
  }
}

type Failure = { user_id: string | undefined; client_id: string | undefined; got: string | undefined }

/** Writes down why, for the operator; the person is told the same in every case. */
const failed = async (ctx: Ctx, request: HttpRequest, { user_id, client_id, got }: Failure): Promise<Denial> => {
  const denial = wrong(got ?? 'unknown account or wrong password')
  ctx.decisions.record(denial, { route: '/login', request_id: request.request_id, client_id, now: request.now })
  const event = { now: request.now, user_id, client_id, data: { method: 'password' }, ...callerOf(request) }
  await record(ctx.db, { type: 'login.failed', ...event })
  return denial
}

const wrong = (got: string): Denial =>
  deny(
    'wrong_credentials',
    'Wrong name or password.',
    { rule: 'the password proves the person (LI-1)', expected: 'the password of an active account', got },
    { status: 401 },
  )
