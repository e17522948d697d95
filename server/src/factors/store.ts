/** Owns the tables totp_factors and factor_throttles. Codes by mail and text message are code-store.ts's, backup codes backup-store.ts's. */
import type { Query } from '../db/connect.ts'
import type { TotpFactorsRow } from '../db/tables.gen.ts'

export const insertTotp = async (
  tx: Query,
  row: Pick<TotpFactorsRow, 'id' | 'user_id' | 'name' | 'secret_sealed' | 'confirmed_at' | 'created_at'> &
    Partial<TotpFactorsRow>,
): Promise<void> => {
  await tx`insert into totp_factors ${tx(row)}`
}

/** The authenticators of a person that prove something: those whose first code was right. */
export const listTotp = async (tx: Query, user_id: string): Promise<TotpFactorsRow[]> =>
  await tx<TotpFactorsRow[]>`
    select * from totp_factors where user_id = ${user_id} and confirmed_at is not null order by created_at limit 20`

/** An authenticator that somebody is about to set up: made after an instant, its first code still to come. */
export const findPendingTotp = async (
  tx: Query,
  { user_id, id, since }: { user_id: string; id?: string | undefined; since: Date },
): Promise<TotpFactorsRow | undefined> => {
  const rows = await tx<TotpFactorsRow[]>`
    select * from totp_factors where user_id = ${user_id} and confirmed_at is null and created_at > ${since}
      ${id === undefined ? tx`` : tx`and id = ${id}`} order by created_at desc limit 1`
  return rows[0]
}

/** Its first code was right, once: from here on it proves something. False when it was confirmed before, or is too old. */
export const confirmTotpRow = async (
  tx: Query,
  facts: { user_id: string; id: string; name: string; step: number; since: Date; now: Date },
): Promise<boolean> => {
  const { user_id, id, name, step, since, now } = facts
  const rows = await tx`
    update totp_factors set confirmed_at = ${now}, name = ${name}, last_step = ${step}, last_used_at = ${now}
    where id = ${id} and user_id = ${user_id} and confirmed_at is null and created_at > ${since} returning id`
  return rows.length === 1
}

export const renameTotp = async (
  tx: Query,
  user_id: string,
  { id, name }: { id: string; name: string },
): Promise<boolean> =>
  (
    await tx`
      update totp_factors set name = ${name} where id = ${id} and user_id = ${user_id} and confirmed_at is not null returning id`
  ).length === 1

export const deleteTotp = async (tx: Query, user_id: string, id: string): Promise<boolean> =>
  (
    await tx`delete from totp_factors where id = ${id} and user_id = ${user_id} and confirmed_at is not null returning id`
  ).length === 1

/** Removes authenticators that were never confirmed and are older than an instant. At most `limit`; returns how many. */
export const removePendingTotp = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from totp_factors where ctid = any (
      array(select ctid from totp_factors where confirmed_at is null and created_at < ${before} limit ${limit}))`
  return count
}

/** RFC 6238 §5.2: accepts a step once, and no older one after it. False when it was used before. */
export const useStep = async (tx: Query, id: string, step: number, now: Date): Promise<boolean> =>
  (
    await tx`
      update totp_factors set last_step = ${step}, last_used_at = ${now} where id = ${id} and last_step < ${step} returning id`
  ).length === 1

type Throttle = { user_id: string; kind: string; now: Date; hardCap: number }

/**
 * Counts an attempt before it is made (security rules RL-1, MF-2). False when too many were wrong in a row: then it must
 * not be made.
 */
export const reserveFactor = async (tx: Query, { user_id, kind, now, hardCap }: Throttle): Promise<boolean> =>
  (
    await tx`
      insert into factor_throttles as t (user_id, kind, consecutive, failures, blocked_until, updated_at)
      values (${user_id}, ${kind}, 1, 1, 'epoch', ${now})
      on conflict (user_id, kind) do update set consecutive = t.consecutive + 1, failures = t.failures + 1, updated_at = ${now}
        where t.consecutive < ${hardCap}
      returning consecutive`
  ).length === 1

/** After a right one nothing stands against the person any more. */
export const clearFactor = async (tx: Query, user_id: string, kind: string): Promise<void> => {
  await tx`delete from factor_throttles where user_id = ${user_id} and kind = ${kind}`
}
