/** Owns the table sign_ins: sign-ins of which the first step is proved and others are due. */
import type { Query } from '../db/connect.ts'
import type { SignInsRow } from '../db/tables.gen.ts'

export type SignInRow = SignInsRow

export const insertSignIn = async (tx: Query, row: SignInRow): Promise<void> => {
  await tx`insert into sign_ins ${tx(row)}`
}

/** A sign-in that is under way, checked at use (security rule G-4). */
export const findSignIn = async (tx: Query, id: string, now: Date): Promise<SignInRow | undefined> => {
  const rows = await tx<SignInRow[]>`
    select * from sign_ins where id = ${id} and completed_at is null and expires_at > ${now}`
  return rows[0]
}

/** The same, held until the transaction ends: two answers at once take turns. */
export const holdSignIn = async (tx: Query, id: string, now: Date): Promise<SignInRow | undefined> => {
  const rows = await tx<SignInRow[]>`
    select * from sign_ins where id = ${id} and completed_at is null and expires_at > ${now} for update`
  return rows[0]
}

/** Writes down what was proved. What a browser sends never reaches these columns (security rule AZ-12). */
export const updateSignIn = async (
  tx: Query,
  id: string,
  proved: Partial<
    Pick<SignInRow, 'amr' | 'factor_at' | 'mailed_at' | 'trust_device' | 'completed_at' | 'credential' | 'passkey_id'>
  >,
): Promise<void> => {
  await tx`update sign_ins set ${tx(proved)} where id = ${id}`
}

/** Removes sign-ins that expired before an instant. At most `limit`; returns how many. */
export const removeSignIns = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from sign_ins where ctid = any (array(select ctid from sign_ins where expires_at < ${before} limit ${limit}))`
  return count
}

/** Counts a try before it is made. False when there is none left (security rule MF-2). */
export const countFailure = async (tx: Query, id: string, most: number): Promise<boolean> =>
  (await tx`update sign_ins set failures = failures + 1 where id = ${id} and failures < ${most} returning id`)
    .length === 1

/** Ends every sign-in of a person that is under way. */
export const deleteSignInsOf = async (tx: Query, user_id: string): Promise<void> => {
  await tx`delete from sign_ins where user_id = ${user_id} and completed_at is null`
}
