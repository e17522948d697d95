/**
 * Owns who holds which role and who is in which group, person by person; service accounts are holders like any other. Each is one
 * change of rights (change.ts): what is gained counts at the next token, what is lost is dead within two seconds. Start reading
 * at `assignRole`.
 */
import type { Ctx } from '../ctx.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { type Change, changeAccess, type Doer, operator } from './change.ts'
import { groupWithRights, heldBy, holdHolder, notHeld, roleOf } from './facts.ts'
import type { HolderRow } from './holder-store.ts'
import { deleteMember, deleteUserRole, insertMember, insertUserRole } from './member-store.ts'
import { findRoles } from './store.ts'
import { findUnknownRole } from './roles.ts'

export { listHeldRoles, listMembers, listMemberships } from './member-store.ts'
export { holderOf } from './facts.ts'

/** Gives somebody a role, or takes it. Refusals: `not_found`, `last_administrator` (409), and those of change.ts. */
export const assignRole = async (
  ctx: Ctx,
  { user_id, role_id, gives }: { user_id: string; role_id: string; gives: boolean },
  doer: Doer,
): Promise<Denial | undefined> => {
  const done = await changeAccess(ctx, doer, async (change) => {
    const holder = await holdHolder(change.tx, user_id)
    if (isDenial(holder)) return holder
    const [added, removed] = gives ? [[role_id], []] : [[], [role_id]]
    return await apply(change, holder, { added, removed })
  })
  return isDenial(done) ? done : undefined
}

/** Gives and takes roles by their names, in one change. Refusals: `unknown_role` (422), and as for one role. */
export const changeRoles = async (
  ctx: Ctx,
  user_id: string,
  { add, remove }: { add: readonly string[]; remove: readonly string[] },
  doer: Doer = operator,
): Promise<Denial | undefined> => {
  const done = await changeAccess(ctx, doer, async (change) => {
    const { tx } = change
    const holder = await holdHolder(tx, user_id)
    if (isDenial(holder)) return holder
    const unknown = await findUnknownRole(tx, [...add, ...remove])
    if (unknown) return unknown
    const ids = async (names: readonly string[]) => (await findRoles(tx, names)).map(({ id }) => id)
    return await apply(change, holder, { added: await ids(add), removed: await ids(remove) })
  })
  return isDenial(done) ? done : undefined
}

type Roles = { added: readonly string[]; removed: readonly string[] }

const apply = async (change: Change, holder: HolderRow, roles: Roles): Promise<Denial | undefined> => {
  const added = await each(roles.added, async (role_id) => await give(change, holder, role_id))
  if (isDenial(added)) return added
  const removed = await each(roles.removed, async (role_id) => await take(change, holder, role_id))
  if (isDenial(removed)) return removed
  if (added.length + removed.length === 0) return undefined
  await change.tell({ type: 'user.roles_changed', user_id: holder.id, data: { added, removed } })
  if (added.length > 0) await change.gained(holder.id)
  if (removed.length > 0) await change.lost(holder.id)
  return undefined
}

/** The names of those that were changed, until one is refused. */
const each = async (
  ids: readonly string[],
  work: (role_id: string) => Promise<string | undefined | Denial>,
): Promise<string[] | Denial> => {
  const names: string[] = []
  for (const id of ids) {
    const done = await work(id)
    if (isDenial(done)) return done
    if (done !== undefined) names.push(done)
  }
  return names
}

const give = async (
  { tx, now, may }: Change,
  holder: HolderRow,
  role_id: string,
): Promise<string | undefined | Denial> => {
  const role = await roleOf(tx, role_id)
  if (isDenial(role)) return role
  const refused = may({ do: 'give a role', role: heldBy(role), to: holder })
  return refused ?? ((await insertUserRole(tx, holder.id, role_id, now)) ? role.name : undefined)
}

const take = async ({ tx, may }: Change, holder: HolderRow, role_id: string): Promise<string | Denial> => {
  const role = await roleOf(tx, role_id)
  if (isDenial(role)) return role
  const refused = may({ do: 'take a role', role: heldBy(role), from: holder })
  const isDone = refused === undefined && (await deleteUserRole(tx, holder.id, role_id))
  return refused ?? (isDone ? role.name : notHeld('The role was not given to this account itself.'))
}

/** Puts somebody into a group, or takes them out. Refusals: `not_found`, `last_administrator` (409), and those of change.ts. */
export const changeMembership = async (
  ctx: Ctx,
  { user_id, group_id, joins }: { user_id: string; group_id: string; joins: boolean },
  doer: Doer,
): Promise<Denial | undefined> => {
  const done = await changeAccess(ctx, doer, async ({ tx, now, may, tell, gained, lost }) => {
    const found = await groupWithRights(tx, group_id)
    if (isDenial(found)) return found
    const member = await holdHolder(tx, user_id)
    if (isDenial(member)) return member
    const refused = may({ do: joins ? 'join a group' : 'leave a group', group: found.rights, member })
    if (refused) return refused
    const isDone = joins ? await insertMember(tx, group_id, user_id, now) : await deleteMember(tx, group_id, user_id)
    if (!isDone) return joins ? undefined : notHeld('The account is not in this group.')
    const type = joins ? 'group.member_added' : 'group.member_removed'
    await tell({ type, user_id, data: { group: group_id, name: found.group.name } })
    await (joins ? gained : lost)(user_id)
    return undefined
  })
  return isDenial(done) ? done : undefined
}
