/** Owns the forgetting of how an address came to its account, and of what its person invited others to, once that is erased. */
import type { Tx } from '../db/connect.ts'
import { deleteInvitationsOf, dropRolesGivenBy } from './invitation-store.ts'
import { deleteRegistrationsOf } from './store.ts'

/** Forgets registrations and invitations of a canonical address. */
export const forgetSignups = async (tx: Tx, email_canonical: string): Promise<void> => {
  await deleteRegistrationsOf(tx, email_canonical)
  await deleteInvitationsOf(tx, email_canonical)
}

/**
 * What an erased person invited others to gives no roles any more: whoever is not there holds none. With their id it would look
 * like an invitation of the operator, who may give all (security rule AD-2; invited-roles.ts).
 */
export const forgetInviter = async (tx: Tx, user_id: string): Promise<void> => await dropRolesGivenBy(tx, user_id)
