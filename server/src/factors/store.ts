/** Owns the tables totp_factors and factor_throttles. */
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
