/**
 * Owns how rights are changed: one after the other, with facts read in the transaction of the change, within what whoever acts
 * holds at that moment (security rule AD-2); somebody can always administer; what is lost is dead everywhere within two
 * seconds. Start reading at `changeAccess`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { wholly } from '../db/wholly.ts'
import { actedBy, type By, callerOf, type Happening, record } from '../events/record.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { clientsOfServiceAccount } from '../clients/service-accounts.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { endImpersonations, endImpersonationsOf } from '../sessions/impersonation.ts'
import { type Act, type Actor, can } from './can.ts'
import { findHolder } from './holder-store.ts'
import { permissionKey } from '../sessions/revocation.ts'
import { holdAccess, somebodyAdministers } from './roles.ts'

/** Who acts. Without `actor_id` it is the operator at the command line, who may do all. `holds` is what an API key leaves of it. */
export type Doer = { by: By; holds?: readonly string[] | undefined }

/** The caller of a request as the one who acts. */
export const doerOf = (request: HttpRequest, { subject }: PersonPrincipal): Doer => ({
  by: { actor_id: subject.id, ...callerOf(request) },
  holds: subject.permissions,
})

/** The operator at the command line. */
export const operator: Doer = { by: {} }

/** A change that is under way. */
export type Change = {
  ctx: Ctx
  tx: Tx
  now: Date
  /** Refuses what whoever acts may not do. */
  may: (act: Act) => Denial | undefined
  /** Writes down what was done, and who did it. */
  tell: (happening: Omit<Happening, 'now'>) => Promise<void>
  /** Of one person: they hold more. */
  gained: (user_id: string) => Promise<void>
  /** Of one person: they hold less, and tokens that say otherwise die. */
  lost: (user_id: string) => Promise<void>
  /** Of everybody with one of these roles: they hold less by it, and tokens that name one of the roles or permissions die. */
  lostBy: (lost: { roles: readonly string[]; permissions: readonly string[] }) => Promise<void>
}

/**
 * Changes rights in a transaction of its own; a refusal undoes it. Refusals: what `work` refuses, `permission_denied`,
 * `beyond_ceiling` (403), and `last_administrator` (409) for what would leave nobody.
 */
export const changeAccess = async <T>(
  ctx: Ctx,
  doer: Doer,
  work: (change: Change) => Promise<T | Denial>,
): Promise<T | Denial> => {
  const result = await wholly(ctx.db, async (tx) => {
    await holdAccess(tx)
    const actor = await actorOf(tx, doer)
    if (isDenial(actor)) return actor
    // The operator can make another one.
    const had = actor !== undefined && (await somebodyAdministers(tx))
    const made = await work(changeOf(ctx, tx, { doer, actor }))
    if (isDenial(made)) return made
    return had && !(await somebodyAdministers(tx)) ? lastAdministrator : made
  })
  if (isDenial(result)) return result
  // This node's copies are old; the others' are a second old at most.
  ctx.subjects.clear()
  await ctx.feed.announce()
  return result
}

/** Whoever acts, as they are now: between the check of a call and its act they may have lost rights. */
const actorOf = async (tx: Tx, { by, holds }: Doer): Promise<Actor | undefined | Denial> => {
  if (by.actor_id === undefined) return undefined
  const actor = await findHolder(tx, by.actor_id)
  if (actor?.status !== 'active') return notAnyMore
  return { id: actor.id, permissions: actor.permissions.filter((one) => holds?.includes(one) ?? true) }
}

/** Refuses whoever lacks a permission at this moment. The operator may do all. */
export const requireActor = async (tx: Tx, doer: Doer, permission: string): Promise<Denial | undefined> => {
  const actor = await actorOf(tx, doer)
  if (actor === undefined || isDenial(actor)) return actor
  return can(actor, { do: 'use a permission', permission })
}

/** Requests under way may have read the old rights already and stamp their tokens a moment later. */
const underWayMs = 500

const changeOf = (ctx: Ctx, tx: Tx, { doer, actor }: { doer: Doer; actor: Actor | undefined }): Change => {
  const now = ctx.now()
  const until = new Date(now.getTime() + underWayMs)
  return {
    ctx,
    tx,
    now,
    may: (act) => actor && can(actor, act),
    tell: async ({ data = {}, ...happening }) => await record(tx, { ...happening, now, ...actedBy(doer.by, data) }),
    gained: async (user_id) => await endImpersonationsOf(ctx, tx, user_id, now),
    lost: async (user_id) => {
      const clients = await clientsOfServiceAccount(tx, user_id)
      const keys = clients.map((key) => ({ kind: 'client' as const, key }))
      await ctx.feed.write(tx, [{ kind: 'user', key: user_id }, ...keys], until)
      await endImpersonations(ctx, tx, user_id, now)
    },
    lostBy: async ({ roles, permissions }) => {
      // A token may carry a permission without naming the role that it came by: an API can want that, and a key is given some.
      const keys = [...new Set(roles), ...[...new Set(permissions)].map(permissionKey)]
      await ctx.feed.write(
        tx,
        keys.map((key) => ({ kind: 'role' as const, key })),
        until,
      )
    },
  }
}

const notAnyMore: Denial = deny(
  'permission_denied',
  'Your roles do not allow this any more.',
  {
    rule: 'who acts may do so when it is done (AD-2)',
    expected: 'an active account',
    got: 'one that is not active any more',
  },
  { status: 403 },
)

/** Of what would leave nobody who can administer. */
export const lastAdministrator: Denial = deny(
  'last_administrator',
  'This is the last administrator.',
  {
    rule: 'somebody can always administer',
    expected: 'another active administrator',
    got: 'none',
    remedy: 'Give somebody else the role admin first.',
  },
  { status: 409 },
)
