/** Owns the tables passkeys and passkey_challenges. */
import type { Query } from '../db/connect.ts'
import type { PasskeyChallengesRow, PasskeysRow } from '../db/tables.gen.ts'

export type PasskeyRow = PasskeysRow
/** What a challenge is for. */
export type Ceremony = 'register' | 'sign_in' | 'factor'

export const insertChallenge = async (tx: Query, row: Omit<PasskeyChallengesRow, 'used_at'>): Promise<void> => {
  await tx`insert into passkey_challenges ${tx(row)}`
}

type Spending = Pick<PasskeyChallengesRow, 'challenge_hash' | 'purpose' | 'browser_hash' | 'user_id'> & { now: Date }

/**
 * Security rule PK-1: spends a challenge, once, within its time, by the browser and for the ceremony it was made for, and tells
 * whose passkey it asked for: nobody's in particular, or that of this person.
 */
export const spendChallenge = async (
  tx: Query,
  spending: Spending,
): Promise<{ user_id: string | null } | undefined> => {
  const { challenge_hash, purpose, browser_hash, user_id, now } = spending
  const [spent] = await tx<{ user_id: string | null }[]>`
    update passkey_challenges set used_at = ${now}
    where challenge_hash = ${challenge_hash} and purpose = ${purpose} and browser_hash = ${browser_hash}
      and (user_id is null or user_id = ${user_id}) and used_at is null and expires_at > ${now}
    returning user_id`
  return spent
}

/** Removes challenges that expired before an instant. At most `limit`; returns how many. */
export const removeChallenges = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from passkey_challenges
    where ctid = any (array(select ctid from passkey_challenges where expires_at < ${before} limit ${limit}))`
  return count
}

/** False when the credential is somebody's already (security rule PK-2). */
export const insertPasskey = async (tx: Query, row: PasskeyRow): Promise<boolean> =>
  (await tx`insert into passkeys ${tx(row)} on conflict (credential_id) do nothing returning id`).length === 1

export const findPasskey = async (tx: Query, credential_id: Buffer): Promise<PasskeyRow | undefined> => {
  const rows = await tx<PasskeyRow[]>`select * from passkeys where credential_id = ${credential_id}`
  return rows[0]
}

/** The passkeys of a person, oldest first. */
export const listPasskeys = async (tx: Query, user_id: string): Promise<PasskeyRow[]> =>
  await tx<PasskeyRow[]>`select * from passkeys where user_id = ${user_id} order by created_at, id limit 100`

export const hasPasskey = async (tx: Query, id: string): Promise<boolean> =>
  (await tx`select 1 from passkeys where id = ${id}`).length === 1

type Use = Pick<PasskeyRow, 'id' | 'backed_up' | 'user_verified'> & { sign_count: number; now: Date }

/**
 * Notes a use, and tells what the counter was before. It only grows, so that a copy that counts behind is noticed each time.
 * Undefined when the passkey was removed meanwhile.
 */
export const usePasskey = async (tx: Query, use: Use): Promise<{ before: number } | undefined> => {
  const [held] = await tx<{ before: number }[]>`
    with held as (select id, sign_count from passkeys where id = ${use.id} for update)
    update passkeys p set sign_count = greatest(p.sign_count, ${use.sign_count}), backed_up = ${use.backed_up},
      user_verified = p.user_verified or ${use.user_verified}, last_used_at = ${use.now}
    from held where p.id = held.id returning held.sign_count::float8 as before`
  return held
}

export const renamePasskey = async (
  tx: Query,
  { id, user_id, name }: Pick<PasskeyRow, 'id' | 'user_id' | 'name'>,
): Promise<boolean> =>
  (await tx`update passkeys set name = ${name} where id = ${id} and user_id = ${user_id} returning id`).length === 1

export const deletePasskey = async (tx: Query, id: string, user_id: string): Promise<boolean> =>
  (await tx`delete from passkeys where id = ${id} and user_id = ${user_id} returning id`).length === 1
