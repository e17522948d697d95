/**
 * Owns who may do what to the rights of others: one decision for every way in which somebody gains or loses a right (security
 * rule AD-2). Nobody gives, by any path, what they do not hold; nobody acts on somebody, on a role or on a group that holds
 * more than they do. Pure; facts are read in the transaction of the act. Start reading at `can`.
 */
import { type Denial, deny } from '../protocol/errors.ts'
import { type Holder, mayActAs, mayActOn, mayGive } from './ceiling.ts'

export type { Holder } from './ceiling.ts'

/** Whoever acts, or is acted as. */
export type Actor = Holder & { id: string }

/**
 * What somebody is about to do. `role` holds the permissions in it; `group` what its members get by it, its parents included;
 * for a move also what groups below it give. `to`, `from`, `member`, `whom`: somebody with all that they hold.
 */
export type Act =
  | { do: 'use a permission'; permission: string }
  | { do: 'act on somebody'; permission: string; whom: Holder }
  | { do: 'give a role'; role: Holder; to: Holder }
  | { do: 'take a role'; role: Holder; from: Holder }
  | { do: 'create a role'; role: Holder }
  | { do: 'change a role'; role: Holder }
  | { do: 'delete a role'; role: Holder }
  | { do: 'add permissions'; role: Holder; permissions: readonly string[] }
  | { do: 'remove permissions'; role: Holder; permissions: readonly string[] }
  | { do: 'create a group'; under: Holder }
  | { do: 'change a group'; group: Holder }
  | { do: 'delete a group'; group: Holder }
  | { do: 'move a group'; group: Holder; under: Holder }
  | { do: 'join a group'; group: Holder; member: Holder }
  | { do: 'leave a group'; group: Holder; member: Holder }
  | { do: 'give a group a role'; group: Holder; role: Holder }
  | { do: 'take a role from a group'; group: Holder; role: Holder }
  | { do: 'create a permission' }
  | { do: 'change a permission'; permission: string }
  | { do: 'delete a permission'; permission: string }
  | { do: 'tie a client'; service: Holder }
  | { do: 'change a client'; service: Holder }
  | { do: 'make an API key'; owner: Actor; permissions: readonly string[] }
  | { do: 'impersonate'; target: Actor }

/** What an act demands: permissions of the act itself, what it gives, and whose rights must lie within the actor's. */
type Demand = { needs?: string | undefined; gives?: readonly string[]; touches?: readonly Holder[]; what?: Touched }
type Touched = 'person' | 'role' | 'group'

type Demands = { [D in Act['do']]: (act: Extract<Act, { do: D }>, actor: Actor) => Demand }

const demands: Demands = {
  'use a permission': ({ permission }) => ({ needs: permission }),
  'act on somebody': ({ permission, whom }) => ({ needs: permission, touches: [whom] }),
  'give a role': ({ role, to }) => ({ needs: 'roles:assign', gives: role.permissions, touches: [to] }),
  'take a role': ({ role, from }) => ({ needs: 'roles:assign', touches: [from, role] }),
  'create a role': ({ role }) => ({ needs: 'roles:write', gives: role.permissions }),
  'change a role': ({ role }) => ({ needs: 'roles:write', touches: [role], what: 'role' }),
  'delete a role': ({ role }) => ({ needs: 'roles:write', touches: [role], what: 'role' }),
  'add permissions': ({ role, permissions }) => ({
    needs: 'roles:write',
    gives: permissions,
    touches: [role],
    what: 'role',
  }),
  'remove permissions': ({ role, permissions }) => ({
    needs: 'roles:write',
    touches: [role, { permissions }],
    what: 'role',
  }),
  'create a group': ({ under }) => ({ needs: 'groups:write', touches: [under], what: 'group' }),
  'change a group': ({ group }) => ({ needs: 'groups:write', touches: [group], what: 'group' }),
  'delete a group': ({ group }) => ({ needs: 'groups:write', touches: [group], what: 'group' }),
  'move a group': ({ group, under }) => ({ needs: 'groups:write', touches: [group, under], what: 'group' }),
  'join a group': ({ group, member }) => ({ needs: 'roles:assign', gives: group.permissions, touches: [member] }),
  'leave a group': ({ group, member }) => ({ needs: 'roles:assign', touches: [member, group] }),
  'give a group a role': ({ group, role }) => ({
    needs: 'roles:assign',
    gives: role.permissions,
    touches: [group],
    what: 'group',
  }),
  'take a role from a group': ({ group, role }) => ({ needs: 'roles:assign', touches: [group, role], what: 'group' }),
  'create a permission': () => ({ needs: 'permissions:write' }),
  'change a permission': ({ permission }) => ({ needs: 'permissions:write', gives: [permission] }),
  'delete a permission': ({ permission }) => ({ needs: 'permissions:write', gives: [permission] }),
  'tie a client': ({ service }) => ({ needs: 'service-accounts:write', touches: [service] }),
  // Whoever changes an application can get its tokens: its secrets, or where they are sent.
  'change a client': ({ service }) => ({ touches: [service] }),
  // Which permission it needs depends on whose key it is: the route says it.
  'make an API key': ({ owner, permissions }, { id }) => ({
    gives: permissions,
    touches: owner.id === id ? [] : [owner],
  }),
  impersonate: () => ({ needs: 'users:impersonate' }),
}

/**
 * Whether an actor may do this. Refusals, all 403: `permission_denied` without the permission of the act, `beyond_ceiling`
 * beyond what the actor holds.
 */
export const can = (actor: Actor, act: Act): Denial | undefined => {
  const demandOf = demands[act.do] as (act: Act, actor: Actor) => Demand
  const { needs, gives = [], touches = [], what = 'person' } = demandOf(act, actor)
  if (needs !== undefined && !actor.permissions.includes(needs)) return lacking(needs, actor.permissions)
  return (
    mayGive(actor, gives) ??
    touches.map((whom) => mayActOn(actor, whom, sentences[what])).find((denial) => denial !== undefined) ??
    beyondOthers(actor, act)
  )
}

/** What is bound by the rights of somebody else than the actor, too. */
const beyondOthers = (actor: Actor, act: Act): Denial | undefined => {
  // AK-1: a key holds no more than its owner, whoever makes it.
  if (act.do === 'make an API key') return mayGive(act.owner, act.permissions)
  return act.do === 'impersonate' ? mayActAs(actor, act.target) : undefined
}

const sentences: Record<Touched, string> = {
  person: 'This person has rights that you do not have.',
  role: 'This role holds rights that you do not have.',
  group: 'This group holds rights that you do not have.',
}

/** Of a caller who lacks the permission that a route or an act needs. */
export const lacking = (permission: string, held: readonly string[]): Denial =>
  deny(
    'permission_denied',
    'Your roles do not allow this.',
    {
      rule: 'whoever acts holds the permission that it needs (AD-1)',
      expected: permission,
      got: held.join(' ') || 'no permission',
      remedy: 'Ask for a role that has it.',
    },
    { status: 403 },
  )
