/** Owns the finding of the applications that somebody looks after, as owner or beside the owner. */
import type { Query } from '../db/connect.ts'

export const idsLookedAfter = async (tx: Query, user_id: string): Promise<string[]> => {
  const rows = await tx<{ client_id: string }[]>`
    select client_id from clients where owner_id = ${user_id}
    union select client_id from client_owners where user_id = ${user_id}
    limit 1000`
  return rows.map(({ client_id }) => client_id)
}
