/** Owns the writing of many accounts at once, for imports; and their reading, for exports. */
import type { Query } from '../db/connect.ts'
import type { UsersRow } from '../db/tables.gen.ts'
import type { NewUser } from './store.ts'

/** Writes accounts whose id, address and user name are free, and returns the ids of those that were. The id of an erased account is never free. */
export const insertMany = async (tx: Query, users: readonly NewUser[]): Promise<Set<string>> => {
  const erased = await tx<{ user_id: string }[]>`
    select user_id from erasures where user_id = any(${users.map(({ id }) => id)})`
  const gone = new Set(erased.map(({ user_id }) => user_id))
  const free = users.filter(({ id }) => !gone.has(id))
  if (free.length === 0) return new Set()
  const rows = await tx<{ id: string }[]>`
    insert into users ${tx(free as never)} on conflict do nothing returning id`
  return new Set(rows.map(({ id }) => id))
}

export const insertPasswords = async (
  tx: Query,
  passwords: readonly { user_id: string; password_hash: string; changed_at: Date }[],
): Promise<void> => {
  if (passwords.length > 0) await tx`insert into password_credentials ${tx(passwords as never)}`
}

export type Exported = UsersRow & { roles: string[]; password_hash: string | null }

/** People with their roles and hashes, by id, after one of them. */
export const exportPage = async (tx: Query, after: string, limit: number): Promise<Exported[]> =>
  await tx<Exported[]>`
    select u.*, roles_of(u.id) as roles, p.password_hash
    from users u left join password_credentials p on p.user_id = u.id
    where u.id > ${after} and u.status <> 'pending_erasure' and u.kind = 'person' order by u.id limit ${limit}`
