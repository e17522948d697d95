/** Owns who asks for a change of a client, and what has to hold for it. */
import type { Tx } from '../db/connect.ts'
import type { By } from '../events/record.ts'
import type { Denial } from '../protocol/errors.ts'
import type { Client, ClientValues } from './store.ts'

/** The client as it is, locked, and the values it is to have. Undefined for one that is made or deleted. */
export type Change = { before: Client | undefined; after: ClientValues | undefined }

/**
 * Nothing of this for the operator at the command line. `guard` is asked within the transaction of the change, before anything
 * is written; what it refuses is refused.
 */
export type Asking = {
  by?: By
  guard?: (tx: Tx, change: Change) => Promise<Denial | undefined>
}
