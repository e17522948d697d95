/** Owns the removal of everything that is a second step or a passkey of somebody. */
import type { Query } from '../db/connect.ts'

/** Deletes all of it. Returns the numbers to which codes went. */
export const deleteFactors = async (tx: Query, user_id: string): Promise<string[]> => {
  const [numbers] = await Promise.all([
    tx<Destination[]>`delete from code_factors where user_id = ${user_id} returning channel, destination`,
    tx`delete from totp_factors where user_id = ${user_id}`,
    tx`delete from backup_codes where user_id = ${user_id}`,
    tx`delete from passkeys where user_id = ${user_id}`,
    tx`delete from factor_throttles where user_id = ${user_id}`,
    tx`update devices set trusted_until = null where user_id = ${user_id}`,
  ])
  return numbersOf(numbers)
}

/** Authenticators that somebody was setting up. */
export const deletePending = async (tx: Query, user_id: string): Promise<void> => {
  await tx`delete from totp_factors where user_id = ${user_id} and confirmed_at is null`
}

type Destination = { channel: string; destination: string }

const numbersOf = (rows: readonly Destination[]): string[] =>
  rows.filter(({ channel }) => channel === 'sms').map(({ destination }) => destination)

/** As `deleteFactors`, for what was added at an instant or after it. */
export const deleteFactorsSince = async (tx: Query, user_id: string, since: Date): Promise<string[]> => {
  const [numbers] = await Promise.all([
    tx<Destination[]>`
      delete from code_factors where user_id = ${user_id} and confirmed_at >= ${since} returning channel, destination`,
    tx`delete from totp_factors where user_id = ${user_id} and coalesce(confirmed_at, created_at) >= ${since}`,
    tx`delete from backup_codes where user_id = ${user_id} and created_at >= ${since}`,
    tx`delete from passkeys where user_id = ${user_id} and created_at >= ${since}`,
  ])
  return numbersOf(numbers)
}
