/** Owns the names of the groups that somebody is in, those above theirs included: what custom claims may read. */
import type { Query } from '../db/connect.ts'

/** By name, at most a thousand. */
export const groupNamesOf = async (tx: Query, user_id: string): Promise<string[]> => {
  const rows = await tx<{ name: string }[]>`
    select distinct over.name from group_members m join groups own on own.id = m.group_id
      join groups over on over.id = any (own.ancestors)
    where m.user_id = ${user_id} order by over.name limit 1000`
  return rows.map(({ name }) => name)
}
