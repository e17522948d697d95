/** Owns the table registrations: wishes to have an account. They take nothing from anybody before their address is proved. */
import type { Query } from '../db/connect.ts'
import type { RegistrationsRow } from '../db/tables.gen.ts'
import { isUuid } from '../io/ids.ts'

export type { RegistrationsRow } from '../db/tables.gen.ts'

export const insertRegistration = async (
  tx: Query,
  row: Omit<RegistrationsRow, 'completed_at' | 'invite_id' | 'zoneinfo'>,
): Promise<void> => {
  await tx`insert into registrations ${tx(row)}`
}

/** Lets those who prove one address at the same time go one after the other, until the transaction ends. */
export const lockAddress = async (tx: Query, email_canonical: string): Promise<void> => {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`registration|${email_canonical}`}, 0))`
}

/** A registration that is open. */
export const findRegistration = async (tx: Query, id: string, now: Date): Promise<RegistrationsRow | undefined> => {
  if (!isUuid(id)) return undefined
  const rows = await tx<RegistrationsRow[]>`
    select * from registrations where id = ${id} and completed_at is null and expires_at > ${now}`
  return rows[0]
}

/** Takes a registration, once (security rule G-2). */
export const completeRegistration = async (tx: Query, id: string, now: Date): Promise<RegistrationsRow | undefined> => {
  const rows = await tx<RegistrationsRow[]>`
    update registrations set completed_at = ${now}
    where id = ${id} and completed_at is null and expires_at > ${now} returning *`
  return rows[0]
}

/** Ends every other wish for an address: it is somebody's now. */
export const dropRegistrations = async (tx: Query, email_canonical: string): Promise<void> => {
  await tx`delete from registrations where email_canonical = ${email_canonical} and completed_at is null`
}

/** Removes registrations that ended before an instant. At most `limit`; returns how many. */
export const removeRegistrations = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from registrations where ctid = any (array(select ctid from registrations where expires_at < ${before} limit ${limit}))`
  return count
}

/** Deletes every wish for an address, completed or not. */
export const deleteRegistrationsOf = async (tx: Query, email_canonical: string): Promise<void> => {
  await tx`delete from registrations where email_canonical = ${email_canonical}`
}
