/**
 * Owns the way back of somebody whose account is used by another: everything that thief has opened or added goes, and the
 * password with it, on the word of whoever got a letter of warning (security rules LI-4, EM-2). Start reading at `takeBack`.
 */
import { endConsents } from '../authorize/forget.ts'
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation, type Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import { disownFactors } from '../factors/reset.ts'
import type { HttpRequest } from '../http/request.ts'
import { endSignIns } from '../login/forget.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { endAll } from '../users/end-all.ts'
import { stay } from '../users/leave.ts'
import { accountAt, lockMailAccount, type MailAccount, restoreAddress, takePassword } from '../users/mailbox.ts'
import { deadLink, type OneTime, peekLink, spendLink, voidOfUserSince } from '../users/one-time.ts'
import { resetLink } from './reset.ts'

/** `not_me`: a warning, to the address that the account has. `undo_email`: to the one it had. */
export type TakeBackKind = 'not_me' | 'undo_email'

/** RC-1: a link with which a password is set lives for an hour at most, so an older warning leads to a fresh letter. */
const youngMs = 3_600_000

/** A link that may be used now. Refuses with `dead_link`; uses nothing. */
export const openTakeBack = async (ctx: Ctx, kind: TakeBackKind, facts: Facts): Promise<OneTime | Denial> => {
  const oneTime = await peekLink(ctx.db, kind, facts.token, facts.now)
  if (oneTime?.address == null || oneTime.user_id === null) return deadLink
  if (kind === 'undo_email') return oneTime
  const account = await accountAt(ctx.db, oneTime.address)
  return account?.id === oneTime.user_id ? oneTime : movedOn
}

type Facts = { token: string; now: Date }

/** What was added on the day before the warning goes too: a thief adds a way in first, and changes the address then. */
const dayMs = 86_400_000

/** What is left to do: a password is set with this link, or a letter is to be asked for at this address. */
export type TakenBack = { address: string; reset_token: string | undefined }

/** Uses the link. Refusals: `dead_link`, `already_exists` when the former address is another account's by now. */
export const takeBack = async (
  ctx: Ctx,
  request: HttpRequest,
  { kind, token }: { kind: TakeBackKind; token: string },
): Promise<TakenBack | Denial> => {
  const { now } = request
  const opened = await openTakeBack(ctx, kind, { token, now })
  if (isDenial(opened)) return opened
  const done = await transact(ctx.db, async (tx) => {
    const account = await lockMailAccount(tx, opened.user_id ?? '')
    const oneTime = await spendLink(tx, kind, token, now)
    if (oneTime?.address == null || account === undefined) return deadLink
    if (kind === 'not_me' && account.email_canonical !== oneTime.address) return movedOn
    return await apply(ctx, tx, { kind, account, oneTime, address: oneTime.address, request })
  }).catch((error: unknown) => {
    if (isUniqueViolation(error)) return addressTaken
    throw error
  })
  if (isDenial(done)) return done
  ctx.subjects.forget(opened.user_id ?? '')
  ctx.sessions.clear()
  await ctx.feed.announce()
  return done
}

type Apply = { kind: TakeBackKind; account: MailAccount; oneTime: OneTime; address: string; request: HttpRequest }

const apply = async (ctx: Ctx, tx: Tx, facts: Apply): Promise<TakenBack> => {
  const { kind, account, oneTime, address, request } = facts
  const { now } = request
  const user_id = account.id
  const because = kind === 'not_me' ? 'disowned by its person' : 'address taken back'
  if (kind === 'undo_email') {
    await restoreAddress(tx, { user_id, address, now })
    // A thief who changed the address twice got a letter too; who had it first has the last word.
    await voidOfUserSince(tx, user_id, 'undo_email', oneTime.created_at)
  }
  await endAll(ctx, tx, { user_id, now, because, proved: true })
  await endSignIns(tx, user_id)
  // What a thief has allowed an application would be a way in that needs no password.
  await endConsents(tx, user_id)
  await disownFactors(tx, user_id, { since: new Date(oneTime.created_at.getTime() - dayMs), now })
  await takePassword(tx, user_id)
  // A deletion that is under way was the thief's wish.
  const stays = await stay(ctx, tx, request, user_id)
  const type = kind === 'not_me' ? 'user.disowned' : 'user.email_restored'
  await record(tx, { type, now, user_id, data: { warned_at: oneTime.created_at.toISOString() }, ...callerOf(request) })
  const isYoung = now.getTime() - oneTime.created_at.getTime() <= youngMs
  const bare = { ...account, email_canonical: address, credential: '' }
  const reset_token = isYoung && (stays || account.status === 'active') ? await resetLink(tx, bare, now) : undefined
  return { address, reset_token }
}

const movedOn: Denial = deny('dead_link', 'The account has another address since this letter was sent.', {
  rule: 'a warning is answered by whoever has the address of the account (RC-1)',
  expected: 'the address of the account',
  got: 'one that it had',
  remedy: 'Use the link of the letter that told of the new address.',
})

const addressTaken: Denial = deny(
  'already_exists',
  'Another account has this address by now.',
  {
    rule: 'addresses are unique',
    expected: 'an address that is free',
    got: 'one of another account',
    remedy: 'Give one of the two accounts another address.',
  },
  { status: 409 },
)
