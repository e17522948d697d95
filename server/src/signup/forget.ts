/** Owns the forgetting of how an address came to its account, once that is erased. */
import type { Tx } from '../db/connect.ts'
import { deleteInvitationsOf } from './invitation-store.ts'
import { deleteRegistrationsOf } from './store.ts'

/** Forgets registrations and invitations of a canonical address. */
export const forgetSignups = async (tx: Tx, email_canonical: string): Promise<void> => {
  await deleteRegistrationsOf(tx, email_canonical)
  await deleteInvitationsOf(tx, email_canonical)
}
