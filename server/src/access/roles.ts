/**
 * Owns the roles of accounts that are being made, and what others ask about roles. Who may give which is decided by the
 * caller's surface; roles of accounts that are there change by assign.ts.
 */
import type { Query, Tx } from '../db/connect.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { addressesOfHolders, findHolder, personHolds } from './holder-store.ts'
import { findRoles, insertUserRoles, permissionsOfRoles } from './store.ts'

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

/** Where active administrators are told of what they should look at: fifty of them at most. */
export const administratorsToTell = async (tx: Query) => await addressesOfHolders(tx, 'admin', 50)

/** Tells whether anybody is administrator, of whatever state. */
export const adminExists = async (tx: Query): Promise<boolean> => await personHolds(tx, 'admin', { active: false })

/** Which of some names are roles, in lower case. */
export const findRoleNames = async (tx: Query, names: readonly string[]): Promise<Set<string>> =>
  names.length === 0 ? new Set() : new Set((await findRoles(tx, names)).map(({ name }) => name.toLowerCase()))

/** What roles hold together, by their names. */
export const permissionsOf = async (tx: Query, names: readonly string[]): Promise<string[]> =>
  await permissionsOfRoles(tx, names)

/**
 * Lets changes of rights go one after the other, until the transaction ends: whoever asks what others hold, and changes what
 * somebody holds by the answer, takes it first. So do those who might be the last administrators.
 */
export const holdAccess = async (tx: Tx): Promise<void> => {
  await tx`select pg_advisory_xact_lock(27515)`
}

/** Tells whether somebody is the only active administrator. */
export const isLastAdmin = async (tx: Query, user_id: string): Promise<boolean> =>
  (await findHolder(tx, user_id))?.roles.includes('admin') === true &&
  !(await personHolds(tx, 'admin', { active: true, except: user_id }))

/** Tells whether there is an administrator who can sign in. */
export const somebodyAdministers = async (tx: Query): Promise<boolean> =>
  await personHolds(tx, 'admin', { active: true })
