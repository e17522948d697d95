/** Owns the table erasures, and what the table users says of those who are leaving. */
import type { Query } from '../db/connect.ts'

/** Marks an account whose person leaves. False when it is not active. */
export const markLeaving = async (tx: Query, user_id: string, now: Date, erase_after: Date): Promise<boolean> =>
  (
    await tx`
      update users set status = 'pending_erasure', erase_after = ${erase_after}, updated_at = ${now}
      where id = ${user_id} and status = 'active' returning id`
  ).length === 1

/** Takes that back. False when nobody is leaving there. */
export const markStaying = async (tx: Query, user_id: string, now: Date): Promise<boolean> =>
  (
    await tx`
      update users set status = 'active', erase_after = null, updated_at = ${now}
      where id = ${user_id} and status = 'pending_erasure' returning id`
  ).length === 1

/** Accounts whose time is up, those that have waited longest first. */
export const listDue = async (tx: Query, now: Date, limit: number): Promise<string[]> =>
  (
    await tx<{ id: string }[]>`select id from users where erase_after <= ${now} order by erase_after limit ${limit}`
  ).map(({ id }) => id)

/** Whether the time of an account is up still, held until the transaction ends. */
export const holdDue = async (tx: Query, user_id: string, now: Date): Promise<boolean> =>
  (await tx`select 1 from users where id = ${user_id} and erase_after <= ${now} for update`).length === 1

/** When an account is to be erased; null while nobody is leaving. */
export const findEraseAfter = async (tx: Query, user_id: string): Promise<Date | null> =>
  (await tx<{ erase_after: Date | null }[]>`select erase_after from users where id = ${user_id}`)[0]?.erase_after ??
  null

export type Erasure = { user_id: string; erased_at: Date }

const rows = 1000

/** Writes down whose data is gone. Those that are known already stay as they are. */
export const insertErasures = async (tx: Query, erasures: readonly Erasure[]): Promise<void> => {
  for (let at = 0; at < erasures.length; at += rows)
    await tx`insert into erasures ${tx(erasures.slice(at, at + rows))} on conflict do nothing`
}

/** Who was erased at an instant or later. */
export const listErasures = async (tx: Query, since: Date): Promise<Erasure[]> =>
  await tx<Erasure[]>`
    select user_id, erased_at from erasures where erased_at >= ${since} order by erased_at, user_id`

/** Whether an account of this id was erased: then the id is nobody's for ever. */
export const wasErased = async (tx: Query, user_id: string): Promise<boolean> =>
  (await tx`select 1 from erasures where user_id = ${user_id}`).length === 1

/** Erased accounts that are there again, as after the restore of a backup. */
export const listReturned = async (tx: Query): Promise<string[]> =>
  (await tx<{ id: string }[]>`select u.id from erasures e join users u on u.id = e.user_id`).map(({ id }) => id)
