/** Owns who asks for a change of a client, and what has to hold for it. */
import type { Tx } from '../db/connect.ts'
import type { By } from '../events/record.ts'
import { type Denial, deny } from '../protocol/errors.ts'
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

/** Of a client_id that is nobody's, or somebody else's: who asks is not told which. */
export const noSuchClient = (client_id: string): Denial =>
  deny(
    'not_found',
    `There is no client ${client_id}.`,
    { rule: 'the client exists', expected: 'a client_id of this deployment', got: client_id },
    { status: 404 },
  )
