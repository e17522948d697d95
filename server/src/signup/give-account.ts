/**
 * Owns the one place where an account is made for somebody who has proved an address, or an account whose address nobody had
 * proved becomes theirs. Never proves anything itself.
 */
import { assignKnownRoles } from '../access/roles.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { callerOf } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { accountAt, type MailAccount, takeOver } from '../users/mailbox.ts'
import { voidOfAddress } from '../users/one-time.ts'
import { createUser, type Prepared } from '../users/register.ts'
import { acceptInvitations } from './invitation-store.ts'
import { type Given, rolesGiven } from './invited-roles.ts'
import { dropRegistrations } from './store.ts'

/** What was proved and chosen; `invited`: the invitation that is accepted by it, beside those that are open for the address. */
export type Proved = { chosen: Prepared; address: string; request: HttpRequest; invited?: readonly Given[] }

/**
 * Gives the account and its roles, and ends every other wish for the address. Refusals,
 * which are to roll everything back: `have_account`, `username_taken` (409).
 */
export const giveAccount = async (ctx: Ctx, tx: Tx, proved: Proved): Promise<MailAccount | Denial> => {
  const { address, request, invited = [] } = proved
  const refused = await settle(ctx, tx, proved)
  if (refused) return refused
  const account = await accountAt(tx, address)
  if (account === undefined) return haveAccount
  const given: string[] = ['user']
  for (const one of [...invited, ...(await acceptInvitations(tx, address, request.now))])
    given.push(...(await rolesGiven(tx, one)))
  await assignKnownRoles(tx, account.id, given)
  await dropRegistrations(tx, address)
  await voidOfAddress(tx, 'verify_email', address)
  return account
}

/** Makes the account, or hands over the one that had the address without anybody's proof. */
const settle = async (ctx: Ctx, tx: Tx, { chosen, address, request }: Proved): Promise<Denial | undefined> => {
  const { now } = request
  const by = callerOf(request)
  const there = await accountAt(tx, address)
  if (there === undefined) {
    const made = await createUser(tx, chosen, now, by)
    if (!isDenial(made)) return undefined
    // Somebody else may have proved the same address a moment ago; else it is the user name.
    return made.error === 'already_exists' && (await accountAt(tx, address)) === undefined ? usernameTaken : haveAccount
  }
  if (there.email_verified || there.status !== 'active') return haveAccount
  return (await takeOver(ctx, tx, { account: there, chosen, now, by })) ? undefined : usernameTaken
}

/** Told to nobody but whoever has proved the address. */
export const haveAccount: Denial = deny(
  'have_account',
  'This address has an account already.',
  { rule: 'an address has one account', expected: 'an address without an account', got: 'one that has one' },
  { status: 409 },
)

const usernameTaken: Denial = deny(
  'username_taken',
  'This user name is taken.',
  { rule: 'user names are unique', expected: 'a free user name', got: 'one of another account' },
  { status: 409 },
)
