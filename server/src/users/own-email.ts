/**
 * Owns the change of an address by its owner (security rule EM-2): a code goes to the new one, and until it is typed in the
 * browser that asked, the old one stays. Whether somebody else has the address is told to its mailbox and to nobody else.
 * That the person has proved themselves just now is checked by whoever calls (LI-4). Start reading at `askNewEmail`.
 */
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation, type Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import { letterLanguageOf } from '../http/language.ts'
import type { HttpRequest } from '../http/request.ts'
import { queueLetter } from '../outbox/queue.ts'
import { endSignIns } from '../login/forget.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { warn } from '../recovery/warn.ts'
import { goesOn } from '../sessions/list.ts'
import { changeAccount, credentialOf } from './credentials.ts'
import { canonicalEmail, shownEmail } from './identifier.ts'
import {
  boundToCredentials,
  findOwnOneTime,
  type OneTime,
  openOneTime,
  textIn,
  tryCode,
  voidOfUser,
} from './one-time.ts'
import { findPasswordChange, loadSubject, removeAction, updateUser } from './store.ts'

/**
 * Whose address it is, and where its code may be typed: SHA-256 of the browser's cookie, or what stands for an application's
 * sign-in. `sid` is the session that asks.
 */
export type EmailOwner = { subject: Subject; bound_to: Buffer; sid: string | undefined }

/** Letters to addresses of somebody's choice: so many that a typing error never matters, too few to plague anybody. */
const askedPerDay = 10

/**
 * Asks for an address, or for the proof of the one that the account has. The answer is the same whether there is a letter or
 * not. Refusals: `invalid_email` (422), `same_email` (422), `too_many_requests` (429).
 */
export const askNewEmail = async (
  ctx: Ctx,
  request: HttpRequest,
  { owner, email }: { owner: EmailOwner; email: string },
): Promise<{ id: string } | Denial> => {
  const { subject, bound_to } = owner
  const { now } = request
  const typed = shownEmail(email.trim())
  const address = canonicalEmail(typed)
  if (address === undefined) return invalid(email)
  if (subject.email_verified && subject.email !== null && canonicalEmail(subject.email) === address) return same
  const over = countAsked(ctx, subject.id, now)
  if (over) return over
  const id = await transact(ctx.db, async (tx) => {
    // A new code voids the old one (MF-3), whatever address it was for.
    await voidOfUser(tx, subject.id, ['change_email'])
    const credential = credentialOf((await findPasswordChange(tx, subject.id)) ?? null)
    const data = { email: typed }
    const opened = { purpose: 'change_email', user_id: subject.id, address, credential, data, bound_to, now } as const
    const one_time = await openOneTime(tx, opened)
    const locale = letterLanguageOf(ctx, request, { user_locale: subject.locale })
    const facts = { one_time, credential }
    await queueLetter(ctx, tx, { kind: 'change_email', to: address, user_id: subject.id, locale, facts, now })
    await record(tx, { type: 'user.email_change_asked', now, user_id: subject.id, ...callerOf(request) })
    return one_time
  })
  ctx.outbox.nudge()
  return { id }
}

const countAsked = (ctx: Ctx, user_id: string, now: Date): Denial | undefined => {
  const { count, resetSeconds } = ctx.ephemeral.hit(`change_email|${user_id}`, 86_400, now)
  if (count <= askedPerDay) return undefined
  return deny(
    'too_many_requests',
    'Too many requests. Try again later.',
    { rule: 'letters of one account to new addresses (RL-1)', expected: `${askedPerDay} a day`, got: `${count}` },
    { status: 429, retry_after_seconds: resetSeconds },
  )
}

/** What was asked for and waits for its code: the address as it was typed. */
export const findAsked = async (
  ctx: Ctx,
  { owner, id, now }: { owner: EmailOwner; id: string; now: Date },
): Promise<{ id: string; email: string } | undefined> => {
  const found = await findOwnOneTime(ctx.db, { id, purpose: 'change_email', bound_to: owner.bound_to, now })
  const email = found && textIn(found.data, 'email')
  return found?.user_id === owner.subject.id && email !== undefined ? { id, email } : undefined
}

/** Takes the code. Refusals: `wrong_code` (401), `expired_code` (401), `already_exists` (409). */
export const proveNewEmail = async (
  ctx: Ctx,
  request: HttpRequest,
  { owner, id, code }: { owner: EmailOwner; id: string; code: string },
): Promise<Denial | undefined> => {
  const { now } = request
  const user_id = owner.subject.id
  // Another's is not even tried: its tries are for its owner.
  if ((await findAsked(ctx, { owner, id, now })) === undefined) return deadCode
  const tried = await tryCode(ctx, ctx.db, { id, purpose: 'change_email', code, bound_to: owner.bound_to, now })
  if (tried.outcome !== 'right') {
    const data = { purpose: 'change_email', outcome: tried.outcome }
    await record(ctx.db, { type: 'recovery.refused', now, user_id, data, ...callerOf(request) })
    return tried.outcome === 'wrong' ? wrongCode : deadCode
  }
  const done = await transact(
    ctx.db,
    async (tx) => await apply(ctx, tx, { request, owner, oneTime: tried.oneTime }),
  ).catch((error: unknown) => {
    if (isUniqueViolation(error)) return taken
    throw error
  })
  if (isDenial(done)) return done
  ctx.subjects.forget(user_id)
  ctx.outbox.nudge()
  return undefined
}

type Apply = { request: HttpRequest; owner: EmailOwner; oneTime: OneTime }

const apply = async (ctx: Ctx, tx: Tx, { request, owner, oneTime }: Apply): Promise<Denial | undefined> => {
  const { now } = request
  const user_id = owner.subject.id
  const standing = await changeAccount(tx, user_id)
  // Whoever takes the account back from a thief, and ends this session, comes before this or after all of it.
  if (owner.sid !== undefined && !(await goesOn(tx, owner.sid))) return deadCode
  const before = standing && (await loadSubject(tx, user_id))
  const { address, credential } = oneTime
  if (before === undefined || address === null || credentialOf(standing?.password_changed_at ?? null) !== credential)
    return deadCode
  const email = textIn(oneTime.data, 'email') ?? address
  await updateUser(tx, user_id, { email, email_canonical: address, email_verified: true }, now)
  await removeAction(tx, user_id, 'verify_email')
  await voidOfUser(tx, user_id, boundToCredentials)
  const isNew = before.email === null || canonicalEmail(before.email) !== address
  // What was proved with the mail of another address proves nothing any more.
  if (isNew) await endSignIns(tx, user_id)
  const type = isNew ? 'user.email_changed' : 'user.address_proved'
  await record(tx, { type, now, user_id, ...callerOf(request) })
  // An address that was never proved may be a stranger's: nobody there is told, and nobody there gets a way in.
  const old_email = isNew && before.email_verified ? before.email : null
  if (old_email !== null) await warn(ctx, tx, { kind: 'email_changed', user_id, now, request, old_email })
  return undefined
}

const invalid = (got: string): Denial =>
  deny(
    'invalid_email',
    'The email address is not valid.',
    { rule: 'one plain address (EM-1)', expected: 'an address', got: shown(got) },
    { status: 422 },
  )

const same: Denial = deny(
  'same_email',
  'The account has this address already.',
  { rule: 'an address that is proved is not proved again', expected: 'another address', got: 'the same' },
  { status: 422 },
)

const wrongCode: Denial = deny(
  'wrong_code',
  'That code is not right.',
  { rule: 'the code proves the address (EM-2)', expected: 'the code of the newest letter', got: 'another one' },
  { status: 401 },
)

const deadCode: Denial = deny(
  'expired_code',
  'This code does not work any more. Ask for a new one.',
  {
    rule: 'a code lives ten minutes, bears five tries, and is typed in the browser that asked for it (MF-3, EM-2)',
    expected: 'a code that is alive',
    got: 'none that is',
    remedy: 'Have a new code sent.',
  },
  { status: 401 },
)

const taken: Denial = deny(
  'already_exists',
  'Another account has this address by now.',
  { rule: 'addresses are unique', expected: 'an address that is free', got: 'one of another account' },
  { status: 409 },
)
