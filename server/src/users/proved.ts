/**
 * Owns what an account gains when its person, who is signing in or signed in, proves something more: the address, a number, or
 * that what an administrator asked for is done. Within the transaction of the proof; forget the copy of the subject after the commit.
 */
import type { Query } from '../db/connect.ts'
import { dropPhone, removeAction, setPhone, verifyAddress } from './store.ts'

/** A second step was set up, as was required before the next sign-in is complete. */
export const factorSetUp = async (tx: Query, user_id: string): Promise<void> =>
  await removeAction(tx, user_id, 'enrol_factor')

/**
 * The address is that of whoever has just proved the password of the account, so nothing else of it has to go (compare
 * mailbox.ts). False when the account has another address meanwhile.
 */
export const ownAddressProved = async (
  tx: Query,
  user_id: string,
  { email_canonical, now }: { email_canonical: string; now: Date },
): Promise<boolean> => {
  if (!(await verifyAddress(tx, user_id, { email_canonical, now }))) return false
  await removeAction(tx, user_id, 'verify_email')
  return true
}

/** The number is the person's; it replaces the one that the account had. */
export const phoneProved = async (
  tx: Query,
  user_id: string,
  { phone_number, now }: { phone_number: string; now: Date },
): Promise<void> => await setPhone(tx, user_id, { phone_number, now })

/** The opposite, of a number that somebody else may have proved. */
export const phoneDisowned = async (
  tx: Query,
  user_id: string,
  disowned: { numbers: readonly string[]; now: Date },
): Promise<void> => await dropPhone(tx, user_id, disowned)
