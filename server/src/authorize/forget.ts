/** Owns the end of what a person has allowed, and the forgetting of its traces once their account is erased. */
import type { Tx } from '../db/connect.ts'
import { deleteCodesOf } from './code-store.ts'
import { deleteConsentsOf, deleteInteractionsOf } from './store.ts'

/** Takes back everything that a person has allowed; families and tokens are ended by whoever calls. */
export const endConsents = async (tx: Tx, user_id: string): Promise<number> => await deleteConsentsOf(tx, user_id)

/** Forgets codes and requests under way. Consents go with the account. */
export const forgetRequests = async (tx: Tx, person: { user_id: string; address: string | null }): Promise<void> => {
  await deleteCodesOf(tx, person.user_id)
  await deleteInteractionsOf(tx, person)
}
