/**
 * Owns which roles an invitation gives on the day it is accepted: three days are long enough for its giver to have lost rights,
 * and nobody gives what they do not hold (security rule AD-2).
 */
import { can } from '../access/can.ts'
import { permissionsOf } from '../access/roles.ts'
import type { Query } from '../db/connect.ts'
import { loadSubject } from '../users/subject.ts'

/** What an invitation says of roles; `invited_by` is an administrator's id, or null for the operator, who may give all. */
export type Given = { roles: readonly string[]; invited_by: string | null }

/** The roles which the giver may give now: all of them, some, or none when that account may not act any more. */
export const rolesGiven = async (tx: Query, { roles, invited_by }: Given): Promise<readonly string[]> => {
  if (invited_by === null || roles.length === 0) return roles
  const giver = await loadSubject(tx, invited_by)
  if (giver?.status !== 'active') return []
  const given: string[] = []
  for (const role of roles) {
    const gives = { permissions: await permissionsOf(tx, [role]) }
    if (can(giver, { do: 'give a role', role: gives, to: { permissions: [] } }) === undefined) given.push(role)
  }
  return given
}
