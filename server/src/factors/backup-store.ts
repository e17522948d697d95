/** Owns the table backup_codes. A code's first characters find its row; the rest lies there as a password hash only. */
import type { Query } from '../db/connect.ts'
import type { BackupCodesRow } from '../db/tables.gen.ts'

/** Replaces all codes of a person, used ones too (security rule MF-4). */
export const replaceBackupCodes = async (
  tx: Query,
  user_id: string,
  rows: readonly Omit<BackupCodesRow, 'used_at'>[],
): Promise<void> => {
  // Two at once take turns, and the second voids what the first one made.
  await tx`select pg_advisory_xact_lock(hashtextextended(${`backup_codes|${user_id}`}, 0))`
  await tx`delete from backup_codes where user_id = ${user_id}`
  if (rows.length > 0) await tx`insert into backup_codes ${tx([...rows])}`
}

/** The unused code that a lookup part names. */
export const findBackupCode = async (
  tx: Query,
  user_id: string,
  lookup: string,
): Promise<Pick<BackupCodesRow, 'id' | 'code_hash'> | undefined> => {
  const rows = await tx<Pick<BackupCodesRow, 'id' | 'code_hash'>[]>`
    select id, code_hash from backup_codes where user_id = ${user_id} and lookup = ${lookup} and used_at is null`
  return rows[0]
}

/** Uses a code, once (security rule G-2). False when it was used, or replaced, meanwhile. */
export const useBackupCode = async (tx: Query, id: string, now: Date): Promise<boolean> =>
  (await tx`update backup_codes set used_at = ${now} where id = ${id} and used_at is null returning id`).length === 1

/** How many are left, and when they were made; undefined when none were. */
export const countBackupCodes = async (
  tx: Query,
  user_id: string,
): Promise<{ left: number; created_at: Date; last_used_at: Date | null } | undefined> => {
  const [row] = await tx<{ left: number; created_at: Date | null; last_used_at: Date | null }[]>`
    select (count(*) filter (where used_at is null))::int as left, max(created_at) as created_at, max(used_at) as last_used_at
    from backup_codes where user_id = ${user_id}`
  return row === undefined || row.created_at === null ? undefined : { ...row, created_at: row.created_at }
}
