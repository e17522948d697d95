/**
 * Owns what an erased account leaves of itself in the records: that something happened, when, and to which id; nothing that
 * says who it was (security rule GD-2; docs/adr/0014-erasure.md).
 */
import type { Tx } from '../db/connect.ts'

/**
 * Takes addresses, browsers and details out of every event of a person, and their address and browser out of what they did to
 * others as an administrator. The id stays, and is nobody's any more. First where events wait for their place, then where they
 * have it: one that moves meanwhile is met there.
 */
export const blankEventsOf = async (tx: Tx, user_id: string): Promise<void> => {
  await tx`
    update events set ip = null, user_agent = null,
      data = case when data ? 'by' then jsonb_build_object('by', data -> 'by') else '{}' end
    where user_id = ${user_id}`
  await tx`update events set ip = null, user_agent = null where data ? 'by' and data ->> 'by' = ${user_id}`
  while ((await blankDetails(tx, user_id)) === batch);
  while ((await blankOrigins(tx, user_id)) === batch);
}

/** A statement may take five seconds; somebody who was busy for years has many events. */
const batch = 5000

const blankDetails = async (tx: Tx, user_id: string): Promise<number> => {
  const { count } = await tx`
    update audit_events set ip = null, user_agent = null, origin_salt = null, data = '{}', data_salt = null
    where (seq, sequenced_at) in (
      select seq, sequenced_at from audit_events
      where user_id = ${user_id} and (origin_salt is not null or data_salt is not null) limit ${batch})`
  return count
}

const blankOrigins = async (tx: Tx, actor_id: string): Promise<number> => {
  const { count } = await tx`
    update audit_events set ip = null, user_agent = null, origin_salt = null
    where (seq, sequenced_at) in (
      select seq, sequenced_at from audit_events
      where actor_id = ${actor_id} and origin_salt is not null limit ${batch})`
  return count
}

/** Takes an address or a name out of the reasons of refusals, where somebody had sent it. */
export const blankDecisions = async (tx: Tx, word: string): Promise<void> => {
  await tx`update decisions set got = null where strpos(lower(got), ${word.toLowerCase()}) > 0`
}
