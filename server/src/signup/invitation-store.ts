/** Owns the table invitations. */
import type { Query } from '../db/connect.ts'
import type { InvitationsRow } from '../db/tables.gen.ts'
import { isUuid } from '../io/ids.ts'

export type { InvitationsRow } from '../db/tables.gen.ts'

export const insertInvitation = async (
  tx: Query,
  row: Omit<InvitationsRow, 'accepted_at' | 'withdrawn_at'>,
): Promise<void> => {
  await tx`insert into invitations ${tx(row)}`
}

/** One invitation, whatever became of it. */
export const findInvitation = async (tx: Query, id: string): Promise<InvitationsRow | undefined> => {
  if (!isUuid(id)) return undefined
  const rows = await tx<InvitationsRow[]>`select * from invitations where id = ${id}`
  return rows[0]
}

/** Invitations, newest first, after the one at `after`. */
export const listInvitations = async (
  tx: Query,
  { limit, after }: { limit: number; after?: { created_at: Date; id: string } | undefined },
): Promise<InvitationsRow[]> =>
  after === undefined
    ? await tx<InvitationsRow[]>`select * from invitations order by created_at desc, id desc limit ${limit}`
    : await tx<InvitationsRow[]>`
        select * from invitations where (created_at, id) < (${after.created_at}, ${after.id})
        order by created_at desc, id desc limit ${limit}`

/** Withdraws an invitation that is open. False for every other one. */
export const withdrawOpen = async (tx: Query, id: string, now: Date): Promise<boolean> =>
  (
    await tx`
      update invitations set withdrawn_at = ${now}
      where id = ${id} and accepted_at is null and withdrawn_at is null and expires_at > ${now} returning id`
  ).length === 1

/** Accepts an invitation that is open, once (security rule G-2). */
export const acceptOne = async (tx: Query, id: string, now: Date): Promise<boolean> =>
  (
    await tx`
      update invitations set accepted_at = ${now}
      where id = ${id} and accepted_at is null and withdrawn_at is null and expires_at > ${now} returning id`
  ).length === 1

/** Withdraws what is open for an address: a newer invitation takes its place. */
export const withdrawOfAddress = async (tx: Query, email_canonical: string, now: Date): Promise<void> => {
  await tx`
    update invitations set withdrawn_at = ${now}
    where email_canonical = ${email_canonical} and accepted_at is null and withdrawn_at is null`
}

/** Ends what is open for an address whose person has an account now; returns what they were invited to, and by whom. */
export const acceptInvitations = async (
  tx: Query,
  email_canonical: string,
  now: Date,
): Promise<Pick<InvitationsRow, 'roles' | 'invited_by'>[]> =>
  await tx`
    update invitations set accepted_at = ${now}
    where email_canonical = ${email_canonical} and accepted_at is null and withdrawn_at is null and expires_at > ${now}
    returning roles, invited_by`

/** Takes the roles out of what somebody has invited to and nobody has accepted yet. */
export const dropRolesGivenBy = async (tx: Query, invited_by: string): Promise<void> => {
  await tx`
    update invitations set roles = '{}'
    where invited_by = ${invited_by} and accepted_at is null and withdrawn_at is null`
}

/** Removes invitations that ended before an instant. At most `limit`; returns how many. */
export const removeInvitations = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from invitations where ctid = any (array(select ctid from invitations where expires_at < ${before} limit ${limit}))`
  return count
}

/** Deletes every invitation of an address, whatever became of it. */
export const deleteInvitationsOf = async (tx: Query, email_canonical: string): Promise<void> => {
  await tx`delete from invitations where email_canonical = ${email_canonical}`
}
