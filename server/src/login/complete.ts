/**
 * Owns the end of every sign-in, whichever methods proved the person: what is still due is asked of the policy (security
 * rule MF-1), and when nothing is, session, device, proof in the interaction and event are written in one transaction. No
 * session exists before that. Start reading at `completeLogin`; every further step ends in `advance`.
 */
import { findInteraction, type Interaction, recordProof } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import { trustDevice } from '../devices/remember.ts'
import { passkeyStands } from '../factors/passkeys.ts'
import { type SignInStep, signInStep } from '../factors/policy.ts'
import type { SetCookie } from '../http/cookies.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { sameBytes } from '../io/secrets.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import type { LiveSession } from '../protocol/session.ts'
import { warn } from '../recovery/warn.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { startSession } from '../sessions/start.ts'
import { holdProof, type Standing } from '../users/credentials.ts'
import { policyFacts } from './policy-facts.ts'
import { holdSignIn, insertSignIn, type SignInRow, updateSignIn } from './sign-in-store.ts'
import { newSignIn, type Proven } from './sign-in.ts'

export type { Proven } from './sign-in.ts'

/** Where the person was going: into an application's request, or to a page of ours. */
export type Destination = { interaction: Interaction | undefined; return_to?: `/${string}` | undefined }

export type Outcome =
  /** `others_ended`: other sessions of the person made room for this one. */
  | { kind: 'complete'; session: LiveSession; to: `/${string}`; cookies: SetCookie[]; others_ended: boolean }
  /** `step` is what is due; the sign-in goes on under `sign_in_id`, in this browser only. */
  | { kind: 'pending'; sign_in_id: string; step: DueStep }
  /** All is proved, but the person is signed in at as many places as they may be. `to` is the page that says so. */
  | { kind: 'refused'; denial: Denial; to: `/${string}` }
  /** The account was disabled, or its password changed, since the first step; or the sign-in is over. */
  | { kind: 'overtaken' }

export type DueStep = Exclude<SignInStep, { step: 'complete' }>

/** Takes a proved first step as far as it goes: to a session, or to the step that is due. */
export const completeLogin = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  facts: Destination & { proven: Proven },
): Promise<Outcome> => {
  const { proven, interaction, return_to } = facts
  const row = newSignIn(request, browser, { proven, interaction_id: interaction?.id, return_to })
  const outcome = await transact(ctx.db, async (tx) => {
    const standing = await holdAll(tx, row)
    if (standing === undefined || !isAt(standing, proven)) return { kind: 'overtaken' } as const
    const step = signInStep(await policyFacts(ctx, tx, { request, row, standing, interaction }))
    if (step.step === 'complete') return await begin(ctx, tx, { request, browser, row, step, standing })
    await insertSignIn(tx, row)
    return { kind: 'pending', sign_in_id: row.id, step } as const
  })
  return await settled(ctx, browser, outcome)
}

/** An address that was proved counts while it is the account's. */
const isAt = ({ email_canonical }: Standing, { address }: Proven): boolean =>
  address === undefined || address === email_canonical

/** What a further step has proved: more methods, or that the address is the person's. */
export type Progress = Partial<
  Pick<SignInRow, 'amr' | 'factor_at' | 'mailed_at' | 'trust_device' | 'credential' | 'passkey_id'>
>

/**
 * Writes down a further proof of a sign-in that is under way, and takes it as far as it goes. `prove` runs in the
 * transaction and may answer undefined: it was nothing after all.
 */
export const advance = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { id, prove }: { id: string; prove: (tx: Tx, row: SignInRow) => Promise<Progress | undefined> },
): Promise<Outcome> => {
  const outcome = await transact(ctx.db, async (tx) => {
    const held = await holdSignIn(tx, id, request.now)
    if (held === undefined || !sameBytes(held.browser_hash, hashToken(browser.browser)))
      return { kind: 'overtaken' } as const
    const progress = await prove(tx, held)
    if (progress === undefined) return { kind: 'overtaken' } as const
    const row = { ...held, ...progress }
    const standing = await holdAll(tx, row)
    if (standing === undefined) return { kind: 'overtaken' } as const
    const interaction = row.interaction_id === null ? undefined : await findInteraction(tx, row.interaction_id)
    const step = signInStep(await policyFacts(ctx, tx, { request, row, standing, interaction }))
    await updateSignIn(tx, id, { ...progress, ...(step.step === 'complete' && { completed_at: request.now }) })
    if (step.step === 'complete') return await begin(ctx, tx, { request, browser, row, step, standing })
    return { kind: 'pending', sign_in_id: id, step } as const
  })
  return await settled(ctx, browser, outcome)
}

/** The account as it stands, when everything that was proved still holds: the password, and the passkey where one took part. */
export const holdAll = async (tx: Tx, row: SignInRow): Promise<Standing | undefined> => {
  const standing = await holdProof(tx, row)
  return row.passkey_id === null || (await passkeyStands(tx, row.passkey_id)) ? standing : undefined
}

type Begin = {
  request: HttpRequest
  browser: BrowserPrincipal
  row: SignInRow
  step: Extract<SignInStep, { step: 'complete' }>
  standing: Standing
}

/** Everything is proved: the session begins (security rule LI-3: under a new secret). */
const begin = async (ctx: Ctx, tx: Tx, { request, browser, row, step, standing }: Begin): Promise<Outcome> => {
  const { now } = request
  const { user_id, interaction_id, amr } = row
  const started = await startSession(ctx, tx, {
    browser,
    signIn: {
      user_id,
      amr,
      acr: step.acr,
      device_trusted: step.device_trusted,
      steps_up: row.method === 'session',
      ip: request.ip,
      user_agent: request.user_agent,
      now,
    },
  })
  if (isDenial(started) && started.error === 'session_over') return { kind: 'overtaken' }
  if (isDenial(started)) return { kind: 'refused', denial: started, to: limitPage(row) }
  const { session, cookies, device, ended } = started
  if (row.trust_device) await trustDevice(tx, device.id, { until: trustEnd(ctx, now), now })
  if (device.isNew) await warn(ctx, tx, { kind: 'new_device', user_id, now, request })
  if (interaction_id !== null) await recordProof(tx, { id: interaction_id, session_id: session.id, now })
  await record(tx, {
    type: row.method === 'session' ? 'login.stepped_up' : 'login.succeeded',
    now,
    user_id: standing.id,
    session_id: session.id,
    data: { method: row.method, amr, acr: step.acr },
    ...callerOf(request),
  })
  const back = (row.return_to ?? '/account') as `/${string}`
  const to = interaction_id === null ? back : (`/oauth/continue?interaction=${interaction_id}` as const)
  return { kind: 'complete', session, to, cookies, others_ended: ended > 0 }
}

/** Security rule MF-4: the operator says for how many days. */
const trustEnd = (ctx: Ctx, now: Date): Date | null =>
  ctx.config.trusted_device_days === 0 ? null : new Date(now.getTime() + ctx.config.trusted_device_days * 86_400_000)

/** The sign-in page says what the person can do, and lets them try again on the same way. */
const limitPage = ({ interaction_id, return_to }: SignInRow): `/${string}` => {
  const way = {
    ...(interaction_id !== null && { interaction: interaction_id }),
    ...(return_to !== null && { return_to }),
  }
  return `/login?${new URLSearchParams({ limit_reached: '1', ...way }).toString()}`
}

const settled = async (ctx: Ctx, browser: BrowserPrincipal, outcome: Outcome): Promise<Outcome> => {
  if (outcome.kind !== 'complete') return outcome
  // The copy under the old secret must not outlive it. Those of others stay: there are many sign-ins in a second.
  if (browser.token_hash) ctx.sessions.forget(browser.token_hash.toString('base64url'))
  ctx.outbox.nudge()
  if (outcome.others_ended) await ctx.feed.announce()
  return { ...outcome, cookies: [...outcome.cookies, ...browserCookie(browser)] }
}
