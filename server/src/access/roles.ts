/** Owns the giving and taking of roles. Who may give which is decided by the caller's surface; there is none but the operator yet. */
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { record } from '../events/record.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { permissions, seededRoles } from './permissions.ts'
import {
  allRoles,
  deleteUserRoles,
  ensurePermission,
  ensureRole,
  findRoles,
  insertUserRoles,
  otherHolderExists,
  permissionsOfRoles,
  type RoleRow,
  roleIsHeld,
  updateRoleAcr,
} from './store.ts'

/** Gives roles by name. Refuses with `unknown_role`, giving none. */
export const assignRoles = async (tx: Tx, user_id: string, names: readonly string[]): Promise<Denial | undefined> => {
  const refused = await findUnknownRole(tx, names)
  if (refused === undefined) await assignKnownRoles(tx, user_id, names)
  return refused
}

/** Refuses with `unknown_role` when one of these names is no role. */
export const findUnknownRole = async (tx: Tx, names: readonly string[]): Promise<Denial | undefined> => {
  if (names.length === 0) return undefined
  const known = new Set((await findRoles(tx, names)).map((role) => role.name.toLowerCase()))
  const unknown = names.find((name) => !known.has(name.toLowerCase()))
  return unknown === undefined ? undefined : unknownRole(unknown)
}

const unknownRole = (name: string): Denial =>
  deny(
    'unknown_role',
    `There is no role ${name}.`,
    { rule: 'roles exist', expected: 'a role of this deployment', got: name, remedy: 'Create the role first.' },
    { status: 422 },
  )

/** Gives the roles of these names that exist. */
export const assignKnownRoles = async (tx: Tx, user_id: string, names: readonly string[]): Promise<void> => {
  if (names.length === 0) return
  const found = await findRoles(tx, names)
  await insertUserRoles(
    tx,
    user_id,
    found.map((role) => role.id),
  )
}

/** Takes roles by name; what is not held is passed over. */
export const removeRoles = async (tx: Tx, user_id: string, names: readonly string[]): Promise<void> => {
  if (names.length === 0) return
  const found = await findRoles(tx, names)
  await deleteUserRoles(
    tx,
    user_id,
    found.map((role) => role.id),
  )
}

/** Tells whether anybody can administer this deployment. */
export const adminExists = async (tx: Query): Promise<boolean> => await roleIsHeld(tx, 'admin')

/** Writes the permissions and roles every deployment starts with. Safe to repeat. */
export const seedRoles = async (tx: Tx): Promise<void> => {
  for (const [resource, action, description] of permissions) await ensurePermission(tx, resource, action, description)
  for (const role of seededRoles) await ensureRole(tx, role)
}

/** Which of some names are roles, in lower case. */
export const findRoleNames = async (tx: Query, names: readonly string[]): Promise<Set<string>> =>
  names.length === 0 ? new Set() : new Set((await findRoles(tx, names)).map(({ name }) => name.toLowerCase()))

/** Every role, by name. */
export const listRoles = async (tx: Query): Promise<RoleRow[]> => await allRoles(tx)

/**
 * Sets the level of assurance that a role demands of sign-ins; null demands nothing. Sessions that proved less are asked for
 * more at the next authorization request. Refuses with `unknown_role`.
 */
export const demandAcr = async (ctx: Ctx, name: string, acr: string | null): Promise<Denial | undefined> =>
  await transact(ctx.db, async (tx) => {
    if (!(await updateRoleAcr(tx, name, acr))) return unknownRole(name)
    await record(tx, { type: 'role.updated', now: ctx.now(), data: { role: name, acr } })
    return undefined
  })

/** What roles hold together, by their names. */
export const permissionsOf = async (tx: Query, names: readonly string[]): Promise<string[]> =>
  await permissionsOfRoles(tx, names)

/** Lets those who might be the last administrators go one after the other, until the transaction ends. */
export const holdAdmins = async (tx: Tx): Promise<void> => {
  await tx`select pg_advisory_xact_lock(27515)`
}

/** Tells whether somebody is the only active administrator. */
export const isLastAdmin = async (tx: Query, user_id: string): Promise<boolean> =>
  !(await otherHolderExists(tx, 'admin', user_id))
