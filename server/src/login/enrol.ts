/**
 * Owns the setting up of a first second step within a sign-in that needs one (security rule MF-1): the new factor completes the
 * sign-in, and backup codes are made with it. Pages and API end here. Start reading at `enrolTotp`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { countBackupCodes, keepBackupCodes, prepareBackupCodes, type PreparedCodes } from '../factors/backup-codes.ts'
import type { Channel } from '../factors/codes.ts'
import { canSend } from '../factors/destination.ts'
import { keepChannel, keepTotp, wrongCode } from '../factors/keeping.ts'
import { keepPasskey, readNewPasskey } from '../factors/passkey-keeping.ts'
import { passkeysOn } from '../factors/passkeys.ts'
import { proveAddress, type SetUp } from '../factors/set-up-codes.ts'
import { checkFirstCode } from '../factors/set-up-totp.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Acr, withFactor } from '../protocol/acr.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { advance, type Outcome } from './complete.ts'
import { type Due, stepOf } from './sign-in-page.ts'

export type EnrolDue = Due<{ step: 'enrol'; needs: Acr }>
export type EnrolKind = 'passkey' | 'totp' | Channel

/**
 * What may be set up: what the operator allows and can be sent, and leads to the level that is needed. Codes by mail are no second
 * step of somebody whose first one was a mailed code.
 */
export const enrolKinds = (ctx: Ctx, { row, step }: EnrolDue): EnrolKind[] => {
  const possible = {
    passkey: passkeysOn(ctx),
    totp: true,
    sms: canSend(ctx, 'sms'),
    email: canSend(ctx, 'email') && !row.amr.includes('otp'),
  }
  const kinds = step.needs === 'phr' ? (['passkey'] as const) : (['passkey', 'totp', 'sms', 'email'] as const)
  return kinds.filter((kind) => ctx.config.factors.includes(kind) && possible[kind])
}

/** What came of it, with the backup codes to be shown before the person goes on. */
export type Enrolled = { outcome: Outcome; codes: string[] }

/** Sets an authenticator app up by its first code. Refuses with `wrong_code` (401). */
export const enrolTotp = async (
  ctx: Ctx,
  request: HttpRequest,
  due: EnrolDue,
  { id, name, code }: { id: string; name: string; code: string },
): Promise<Enrolled | Denial> => {
  const { user_id } = due.row
  const step = await checkFirstCode(ctx, { user_id, id, code, now: request.now })
  if (step === undefined) return wrongCode
  const keep = async (tx: Tx): Promise<boolean> => await keepTotp(ctx, tx, request, { user_id, id, name, step })
  return await complete(ctx, request, due, { keep, amr: ['otp'] })
}

/** Keeps a passkey that the browser has made just now. Refuses with `invalid_passkey` (400). */
export const enrolPasskey = async (
  ctx: Ctx,
  request: HttpRequest,
  due: EnrolDue,
  sent: unknown,
): Promise<Enrolled | Denial> => {
  const { user_id } = due.row
  const keeper = { id: user_id, bound_to: due.browser.browser }
  const made = await readNewPasskey(ctx, request, { keeper, sent })
  if (isDenial(made)) return made
  const keep = async (tx: Tx): Promise<boolean> => !isDenial(await keepPasskey(ctx, tx, request, { user_id, made }))
  return await complete(ctx, request, due, { keep, amr: [made.backup_eligible ? 'swk' : 'hwk', 'user'] })
}

/** Where the code of a number is typed within a sign-in. */
export const setUpOf = ({ row, browser }: EnrolDue, channel: Channel, now: Date): SetUp => ({
  user_id: row.user_id,
  channel,
  browser: browser.browser,
  within: `sign_in|${row.id}`,
  now,
})

/** Chooses text messages, by the code that proves the number. Refusals: `wrong_code`, `expired_code` (401). */
export const enrolSms = async (
  ctx: Ctx,
  request: HttpRequest,
  due: EnrolDue,
  code: string,
): Promise<Enrolled | Denial> => {
  const address = await proveAddress(ctx, setUpOf(due, 'sms', request.now), code)
  return isDenial(address) ? address : await completeChannel(ctx, request, due, { channel: 'sms', address })
}

/** Chooses codes by mail: the address was proved in this very sign-in, which is why a factor may be set up at all. */
export const enrolEmail = async (ctx: Ctx, request: HttpRequest, due: EnrolDue): Promise<Enrolled | Denial> => {
  const address = due.standing.email_canonical ?? ''
  return await completeChannel(ctx, request, due, { channel: 'email', address })
}

const completeChannel = async (
  ctx: Ctx,
  request: HttpRequest,
  due: EnrolDue,
  chosen: { channel: Channel; address: string },
): Promise<Enrolled> => {
  const { user_id } = due.row
  const keep = async (tx: Tx): Promise<boolean> => await keepChannel(ctx, tx, request, { user_id, ...chosen })
  const enrolled = await complete(ctx, request, due, { keep, amr: [chosen.channel === 'sms' ? 'sms' : 'otp'] })
  ctx.subjects.forget(user_id)
  return enrolled
}

type Keeping = { keep: (tx: Tx) => Promise<boolean>; amr: string[] }

/** Keeps the factor with its codes, writes down that it was proved, and takes the sign-in as far as it goes: in one transaction. */
const complete = async (
  ctx: Ctx,
  request: HttpRequest,
  { browser, row }: EnrolDue,
  { keep, amr }: Keeping,
): Promise<Enrolled> => {
  const { user_id } = row
  const left = (await countBackupCodes(ctx.db, user_id))?.left ?? 0
  const prepared: PreparedCodes | undefined =
    left === 0 ? await prepareBackupCodes(ctx, user_id, request.now) : undefined
  const outcome = await advance(ctx, request, browser, {
    id: row.id,
    prove: async (tx, held) => {
      // Asked again within the transaction: another session may have set a second step up meanwhile, which then is due.
      const due = await stepOf(ctx, tx, request, held)
      if (due?.step.step !== 'enrol' || !(await keep(tx))) return undefined
      if (prepared) await keepBackupCodes(ctx, tx, request, { user_id, prepared })
      return { amr: withFactor(held.amr, amr), factor_at: request.now }
    },
  })
  ctx.outbox.nudge()
  return { outcome, codes: outcome.kind === 'overtaken' ? [] : (prepared?.codes ?? []) }
}
