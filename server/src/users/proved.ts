/**
 * Owns what an account gains when its person proves something else than its address (mailbox.ts): a number, or that what an
 * administrator asked for is done. Within the transaction of the proof; forget the copy of the subject after the commit.
 */
import type { Query } from '../db/connect.ts'
import { removeAction, setPhone } from './store.ts'

/** A second step was set up, as was required before the next sign-in is complete. */
export const factorSetUp = async (tx: Query, user_id: string): Promise<void> =>
  await removeAction(tx, user_id, 'enrol_factor')

/** The number is the person's; it replaces the one that the account had. */
export const phoneProved = async (
  tx: Query,
  user_id: string,
  { phone_number, now }: { phone_number: string; now: Date },
): Promise<void> => await setPhone(tx, user_id, { phone_number, now })
