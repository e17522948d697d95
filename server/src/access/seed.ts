/**
 * Owns what every deployment starts with: the permissions of this server and a few roles, each written once. What somebody has
 * taken away since stays away; only permissions that are new with a release go to the role admin. Safe to repeat.
 */
import type { Tx } from '../db/connect.ts'
import { permissions, seededRoles } from './permissions.ts'
import { holdAccess } from './roles.ts'
import { adoptPermissions, insertSeedRole, markSeeded, seededNames } from './seed-store.ts'

/** Writes what this release has and no earlier seed has written. */
export const seedAccess = async (tx: Tx): Promise<void> => {
  const before = await seededNames(tx)
  const isNew = (name: string): boolean => !before.has(name)
  const newPermissions = permissions.filter(([resource, action]) => isNew(`permission ${resource}:${action}`))
  const newRoles = seededRoles.filter(({ name }) => isNew(`role ${name}`))
  if (newPermissions.length + newRoles.length === 0) return
  // Several nodes may start at once: those that waited look again.
  await holdAccess(tx)
  if ((await seededNames(tx)).size !== before.size) return await seedAccess(tx)
  await adoptPermissions(tx, newPermissions)
  for (const role of newRoles) await insertSeedRole(tx, role)
  await markSeeded(tx, [
    ...newPermissions.map(([resource, action]) => `permission ${resource}:${action}`),
    ...newRoles.map(({ name }) => `role ${name}`),
  ])
}
