/** Owns the check that the accounts a client names are there, and of the right kind, whoever names them. */
import type { Query } from '../db/connect.ts'
import type { Denial } from '../protocol/errors.ts'
import { isPerson, isServiceAccount } from './owner-store.ts'
import { invalid } from './registration-checks.ts'

type Ties = { owner_id: string | null; service_account_id: string | null }

/** Looks at what is new. Refuses with `invalid_client_metadata`. */
export const checkTies = async (tx: Query, before: Ties | undefined, after: Ties): Promise<Denial | undefined> => {
  const { owner_id, service_account_id } = after
  if (owner_id !== null && owner_id !== before?.owner_id && !(await isPerson(tx, owner_id)))
    return invalid('an owner that is a person', owner_id)
  const isNew = service_account_id !== null && service_account_id !== before?.service_account_id
  return isNew && !(await isServiceAccount(tx, service_account_id))
    ? invalid('the id of a service account', service_account_id)
    : undefined
}
