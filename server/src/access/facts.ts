/** Owns the way from ids to what they name, within a change of rights, and the refusals for those that name nothing. */
import type { Query } from '../db/connect.ts'
import { isUuid } from '../io/ids.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { findGroup, type Group, rightsOfGroup } from './group-store.ts'
import { findHolder, type HolderRow } from './holder-store.ts'
import { lockHolder } from './member-store.ts'
import { findPermission, type Permission } from './permission-store.ts'
import { findRole, type Role } from './role-store.ts'

/** A role with the names of its permissions. */
export const roleOf = async (tx: Query, id: string): Promise<Role | Denial> =>
  (isUuid(id) ? await findRole(tx, id) : undefined) ?? noSuch('role')

export const permissionOf = async (tx: Query, id: string): Promise<Permission | Denial> =>
  (isUuid(id) ? await findPermission(tx, id) : undefined) ?? noSuch('permission')

export const groupOf = async (tx: Query, id: string): Promise<Group | Denial> =>
  (isUuid(id) ? await findGroup(tx, id) : undefined) ?? noSuch('group')

/** A group, and what its members get by it. */
export const groupWithRights = async (
  tx: Query,
  id: string,
): Promise<{ group: Group; rights: { roles: string[]; permissions: string[] } } | Denial> => {
  const group = await groupOf(tx, id)
  return 'denied' in group ? group : { group, rights: await rightsOfGroup(tx, id) }
}

/** An account with all that it holds. */
export const holderOf = async (tx: Query, user_id: string): Promise<HolderRow | Denial> =>
  (await findHolder(tx, user_id)) ?? noSuch('account')

/** The same for whoever changes what it holds: nobody signs in to it meanwhile. */
export const holdHolder = async (tx: Query, user_id: string): Promise<HolderRow | Denial> => {
  await lockHolder(tx, user_id)
  return await holderOf(tx, user_id)
}

/** A role as the ceiling sees it. */
export const heldBy = ({ permissions }: Pick<Role, 'permissions'>): { permissions: string[] } => ({
  permissions: permissions.map(({ name }) => name),
})

type Thing = 'role' | 'permission' | 'group' | 'account'

export const noSuch = (thing: Thing): Denial =>
  deny('not_found', `There is no such ${thing}.`, {
    rule: `the ${thing} exists`,
    expected: `the id of ${thing === 'account' ? 'an' : 'a'} ${thing}`,
    got: 'another one',
  })

/** Of what was to be taken away and is not there. */
export const notHeld = (sentence: string): Denial =>
  deny('not_found', sentence, { rule: 'what is taken away is there', expected: 'one that is there', got: 'none' })

/** Of a name that is in use. */
export const nameTaken = (sentence: string, got: string): Denial =>
  deny('already_exists', sentence, { rule: 'names are unique', expected: 'a name that is free', got }, { status: 409 })

/** Of what this server itself stands on. */
export const builtIn = (sentence: string): Denial =>
  deny(
    'built_in',
    sentence,
    { rule: 'what this server stands on stays', expected: 'another one', got: 'a built-in one' },
    { status: 409 },
  )
