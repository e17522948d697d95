/**
 * Owns what an erased account leaves of itself in the records: that something happened, when, and to which id; nothing that
 * says who it was (security rule GD-2; docs/adr/0014-erasure.md).
 */
import type { Tx } from '../db/connect.ts'

/**
 * Takes addresses, browsers and details out of every event of a person, and their address and browser out of what they did to
 * others as an administrator. The id stays, and is nobody's any more.
 */
export const blankEventsOf = async (tx: Tx, user_id: string): Promise<void> => {
  await tx`update events set ip = null, user_agent = null, data = '{}' where user_id = ${user_id}`
  await tx`update events set ip = null, user_agent = null where data ? 'by' and data ->> 'by' = ${user_id}`
}

/** Takes an address or a name out of the reasons of refusals, where somebody had sent it. */
export const blankDecisions = async (tx: Tx, word: string): Promise<void> => {
  await tx`update decisions set got = null where strpos(lower(got), ${word.toLowerCase()}) > 0`
}
