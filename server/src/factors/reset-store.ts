/** Owns the removal of everything that is a second step or a passkey of somebody. */
import type { Query } from '../db/connect.ts'

export const deleteFactors = async (tx: Query, user_id: string): Promise<void> => {
  await Promise.all([
    tx`delete from totp_factors where user_id = ${user_id}`,
    tx`delete from code_factors where user_id = ${user_id}`,
    tx`delete from backup_codes where user_id = ${user_id}`,
    tx`delete from passkeys where user_id = ${user_id}`,
    tx`delete from factor_throttles where user_id = ${user_id}`,
    tx`update devices set trusted_until = null where user_id = ${user_id}`,
  ])
}

/** Authenticators that somebody was setting up. */
export const deletePending = async (tx: Query, user_id: string): Promise<void> => {
  await tx`delete from totp_factors where user_id = ${user_id} and confirmed_at is null`
}

/** As `deleteFactors`, for what was added at an instant or after it. */
export const deleteFactorsSince = async (tx: Query, user_id: string, since: Date): Promise<void> => {
  await Promise.all([
    tx`delete from totp_factors where user_id = ${user_id} and coalesce(confirmed_at, created_at) >= ${since}`,
    tx`delete from code_factors where user_id = ${user_id} and confirmed_at >= ${since}`,
    tx`delete from backup_codes where user_id = ${user_id} and created_at >= ${since}`,
    tx`delete from passkeys where user_id = ${user_id} and created_at >= ${since}`,
  ])
}
