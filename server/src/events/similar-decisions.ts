/** Owns the search for the decision record that somebody probably meant: an id copied by hand loses case and letters. */
import type { Db } from '../db/connect.ts'

/** A record, as far as a person needs it to recognise theirs. */
export type DecisionHint = {
  error_id: string
  at: Date
  error: string
  route: string
}

/** The host that `keywright doctor` asks for, to be refused: that refusal is nobody's trouble. */
export const doctorHost = 'doctor.invalid'

/** Records whose id is the same but for case or a missing end: `near`. Without any, the newest ones. `limit` at most. */
export const similarDecisions = async (
  db: Db,
  error_id: string,
  limit: number,
): Promise<{ near: boolean; records: DecisionHint[] }> => {
  const text = error_id.trim().toLowerCase()
  const similar = await db<DecisionHint[]>`
    select error_id, at, error, route from decisions
    where lower(error_id) = ${text} or (${text.length} >= 8 and starts_with(lower(error_id), ${text}))
    order by at desc limit ${limit}`
  if (similar.length > 0) return { near: true, records: similar }
  const newest = await db<DecisionHint[]>`
    select error_id, at, error, route from decisions
    where error <> 'misdirected_request' or got is distinct from ${doctorHost}
    order by at desc limit ${limit}`
  return { near: false, records: newest }
}
