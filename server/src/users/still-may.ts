/**
 * Owns the question whether an administrator may act on an account at the moment when it is done: roles and states change
 * between the check of a call and its act, and calls come in parallel (security rule AD-2). Start reading at `refuseNow`.
 */
import { can } from '../access/can.ts'
import { holdAccess, isLastAdmin } from '../access/roles.ts'
import type { Tx } from '../db/connect.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { loadKind, loadSubject, lockAccount } from './store.ts'

export type Acting = {
  /** The administrator; the operator at the command line may do all. */
  actor_id: string | undefined
  user_id: string
  /** It may leave nobody who can administer. */
  shutsOut?: boolean
}

/**
 * Holds the account, and refuses what its administrator may not do to it any more: `not_found`, `permission_denied`,
 * `beyond_ceiling`, `last_administrator`. Call it first in the transaction of the act.
 */
export const refuseNow = async (
  tx: Tx,
  { actor_id, user_id, shutsOut = false }: Acting,
): Promise<Denial | undefined> => {
  // In the order of those who leave (leave.ts), or they would wait for each other.
  if (shutsOut) await holdAccess(tx)
  // A sign-in that was proved before this change either has its session already, or will find that its proof is gone.
  await lockAccount(tx, user_id)
  if (actor_id === undefined) return undefined
  const [actor, target] = [await loadSubject(tx, actor_id), await loadSubject(tx, user_id)]
  if (target === undefined) return noSuchUser
  const permission = (await loadKind(tx, user_id)) === 'service' ? 'service-accounts:write' : 'users:write'
  if (actor?.status !== 'active' || !actor.permissions.includes(permission)) return notAnyMore
  const beyond = can(actor, { do: 'act on somebody', permission, whom: target })
  if (beyond) return beyond
  return shutsOut && (await isLastAdmin(tx, user_id)) ? lastAdmin : undefined
}

export const noSuchUser: Denial = deny('not_found', 'There is no such account.', {
  rule: 'the account exists',
  expected: 'the id of an account',
  got: 'another one',
})

const notAnyMore: Denial = deny(
  'permission_denied',
  'Your roles do not allow this any more.',
  {
    rule: 'who acts may do so when it is done (AD-2)',
    expected: 'an active account with the permission',
    got: 'one that has lost it meanwhile',
  },
  { status: 403 },
)

const lastAdmin: Denial = deny(
  'last_administrator',
  'This is the last administrator.',
  {
    rule: 'somebody can always administer',
    expected: 'another active administrator',
    got: 'none',
    remedy: 'Give somebody else the role admin first.',
  },
  { status: 409 },
)
