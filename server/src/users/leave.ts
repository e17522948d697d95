/**
 * Owns leaving and staying: a person asks for their account to be deleted, everything it had ends at once, and until it is
 * erased (erase.ts) they may call that off (security rules GD-1, GD-2). Start reading at `requestErasure`.
 */
import { holdAccess, isLastAdmin } from '../access/roles.ts'
import { endConsents } from '../authorize/forget.ts'
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { forgetDevices } from '../devices/forget.ts'
import { callerOf, record } from '../events/record.ts'
import { letterLanguageOf } from '../http/language.ts'
import type { HttpRequest } from '../http/request.ts'
import { endSignIns } from '../login/forget.ts'
import { queueLetter } from '../outbox/queue.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { endEverywhere } from '../sessions/end.ts'
import { eraseAccount } from './erase.ts'
import { findEraseAfter, markLeaving, markStaying } from './erasure-store.ts'
import { lifeSeconds, openOneTime, peekLink, type Purpose, spendLink, voidOfUser } from './one-time.ts'
import { loadSubject, lockAccount } from './store.ts'

const daySeconds = 86_400

/** When the account is erased, and whether it is already. */
export type Leaving = { erase_after: Date; erased: boolean }

/**
 * Begins the deletion of an account, at its person's own wish. In one transaction sessions, tokens, consents, devices, links
 * and sign-ins under way end. Refusals: `last_administrator` (409), `not_found`.
 */
export const requestErasure = async (ctx: Ctx, request: HttpRequest, user_id: string): Promise<Leaving | Denial> => {
  const { now } = request
  const days = ctx.config.erasure_days
  const erase_after = new Date(now.getTime() + days * daySeconds * 1000)
  const refused = await transact(ctx.db, async (tx) => {
    await holdAccess(tx)
    await lockAccount(tx, user_id)
    if (await isLastAdmin(tx, user_id)) return lastAdministrator
    const subject = await loadSubject(tx, user_id)
    if (subject === undefined || !(await markLeaving(tx, user_id, now, erase_after))) return gone
    await endAll(ctx, tx, { user_id, now })
    const data = { erase_after: erase_after.toISOString() }
    await record(tx, { type: 'user.erasure_requested', now, user_id, data, ...callerOf(request) })
    if (days === 0) return await eraseAccount(ctx, tx, { user_id, now })
    return await tell(ctx, tx, { request, subject, erase_after })
  })
  if (isDenial(refused)) return refused
  await settled(ctx, user_id)
  return { erase_after, erased: days === 0 }
}

/** Ends what the account had. What proves its person stays: with that they may come back. */
const endAll = async (ctx: Ctx, tx: Tx, { user_id, now }: { user_id: string; now: Date }): Promise<void> => {
  await endEverywhere(ctx, tx, { user_id, now, because: 'account to be deleted' })
  await endConsents(tx, user_id)
  await forgetDevices(tx, user_id)
  await endSignIns(tx, user_id)
  const all = Object.keys(lifeSeconds) as Purpose[]
  await voidOfUser(
    tx,
    user_id,
    all.filter((purpose) => !forTheRobbed.includes(purpose)),
  )
}

/** Links of warnings outlive it: it may be a thief who asks for the deletion, at an address of their own (security rule EM-2). */
const forTheRobbed: readonly Purpose[] = ['not_me', 'undo_email']

/** A letter with a link that calls it off goes to an address that was proved, and to no other. */
const tell = async (
  ctx: Ctx,
  tx: Tx,
  { request, subject, erase_after }: { request: HttpRequest; subject: Subject; erase_after: Date },
): Promise<undefined> => {
  const { id: user_id, email, email_verified, locale: user_locale } = subject
  if (email === null || !email_verified) return undefined
  const { now } = request
  const life_seconds = (erase_after.getTime() - now.getTime()) / 1000
  const one_time = await openOneTime(tx, { purpose: 'cancel_erasure', user_id, life_seconds, now })
  const facts = { one_time, erase_after: erase_after.toISOString() }
  const locale = letterLanguageOf(ctx, request, { user_locale })
  await queueLetter(ctx, tx, { kind: 'erasure_requested', to: email, user_id, locale, facts, now })
  return undefined
}

const settled = async (ctx: Ctx, user_id: string): Promise<void> => {
  ctx.subjects.forget(user_id)
  ctx.sessions.clear()
  ctx.outbox.nudge()
  await ctx.feed.announce()
}

/** Calls a deletion off, in a transaction in which its person was proved. False when nobody is leaving there any more. */
export const stay = async (ctx: Ctx, tx: Tx, request: HttpRequest, user_id: string): Promise<boolean> => {
  const { now } = request
  if (!(await markStaying(tx, user_id, now))) return false
  await voidOfUser(tx, user_id, ['cancel_erasure'])
  await record(tx, { type: 'user.erasure_cancelled', now, user_id, ...callerOf(request) })
  ctx.subjects.forget(user_id)
  return true
}

/** A link with which a deletion can be called off now, and when that ends; undefined for any other. Uses nothing. */
export const peekStay = async (ctx: Ctx, token: string, now: Date): Promise<{ erase_after: Date } | undefined> => {
  const link = await peekLink(ctx.db, 'cancel_erasure', token, now)
  const erase_after = link?.user_id == null ? null : await findEraseAfter(ctx.db, link.user_id)
  return erase_after === null ? undefined : { erase_after }
}

/** Calls a deletion off with the link of the letter, once. Refuses with `dead_link`. Nobody is signed in by it. */
export const stayByLink = async (ctx: Ctx, request: HttpRequest, token: string): Promise<Denial | undefined> => {
  const { now } = request
  const link = await peekLink(ctx.db, 'cancel_erasure', token, now)
  const user_id = link?.user_id ?? null
  if (user_id === null) return deadStayLink
  const stays = await transact(ctx.db, async (tx) => {
    // The account first: whoever erases it takes them in this order.
    await lockAccount(tx, user_id)
    const spent = await spendLink(tx, 'cancel_erasure', token, now)
    return spent !== undefined && (await stay(ctx, tx, request, user_id))
  })
  ctx.subjects.forget(user_id)
  return stays ? undefined : deadStayLink
}

/** When an account is to be erased; undefined while nobody is leaving. */
export const eraseAfter = async (query: Query, user_id: string): Promise<Date | undefined> =>
  (await findEraseAfter(query, user_id)) ?? undefined

const lastAdministrator: Denial = deny(
  'last_administrator',
  'You are the only administrator. Make somebody else one first.',
  {
    rule: 'somebody can always administer',
    expected: 'another active administrator',
    got: 'none',
    remedy: 'Give somebody else the role admin first.',
  },
  { status: 409 },
)

const gone: Denial = deny('not_found', 'There is no such account.', {
  rule: 'the account is active',
  expected: 'an active account',
  got: 'none any more',
})

/** Of a link that keeps no account. */
export const deadStayLink: Denial = deny('dead_link', 'This link was used already, has expired, or is not complete.', {
  rule: 'a link calls one deletion off, once, before it happens (GD-1)',
  expected: 'the link of the newest letter, unused',
  got: 'another one',
  remedy: 'Sign in: as long as the account is there, it can be kept.',
})
