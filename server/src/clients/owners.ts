/** Owns who looks after an application: one owner, who may give it away, and others beside them. */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { actedBy, type Happening, record } from '../events/record.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { tooMany } from './application-access.ts'
import { type Asking, noSuchClient } from './asking.ts'
import {
  canOwn,
  countCoOwners,
  countOwned,
  deleteCoOwner,
  insertCoOwner,
  isCoOwner,
  lockOwner,
  updateOwner,
} from './owner-store.ts'
import { type Client, lockClient } from './store.ts'

type Whom = { client_id: string; user_id: string }

const coOwnersAtMost = 50

/** Lets somebody look after it. Refusals: `not_found`, `already_owner`, `too_many_owners`. */
export const addOwner = async (ctx: Ctx, whom: Whom, asking: Asking): Promise<Denial | undefined> =>
  await change(ctx, whom, asking, async (tx, client) => {
    if (client.owner_id === whom.user_id) return alreadyOwner
    if (!(await canOwn(tx, whom.user_id))) return nobody
    if ((await countCoOwners(tx, whom.client_id)) >= coOwnersAtMost) return tooManyOwners
    return (await insertCoOwner(tx, whom.client_id, whom.user_id, ctx.now())) ? 'client.owner_added' : undefined
  })

/** Lets somebody no longer look after it. Its owner gives it to another one instead. */
export const removeOwner = async (ctx: Ctx, whom: Whom, asking: Asking): Promise<Denial | undefined> =>
  await change(ctx, whom, asking, async (tx) =>
    (await deleteCoOwner(tx, whom.client_id, whom.user_id)) ? 'client.owner_removed' : nobody,
  )

/**
 * Gives it to somebody else. An owner gives it only to one who looks after it already, so that nobody is given what they never
 * agreed to; the former owner looks after it no more.
 */
export const transfer = async (
  ctx: Ctx,
  { toAnybody, ...whom }: Whom & { toAnybody: boolean },
  asking: Asking,
): Promise<Denial | undefined> =>
  await change(ctx, whom, asking, async (tx, client) => {
    if (client.owner_id === whom.user_id) return undefined
    if (!(await canOwn(tx, whom.user_id))) return nobody
    if (!toAnybody && !(await isCoOwner(tx, whom.client_id, whom.user_id))) return nobody
    await lockOwner(tx, whom.user_id)
    const most = ctx.config.applications_per_person
    if (!toAnybody && (await countOwned(tx, whom.user_id)) >= most) return tooMany(most)
    await deleteCoOwner(tx, whom.client_id, whom.user_id)
    await updateOwner(tx, whom.client_id, whom.user_id, ctx.now())
    return 'client.transferred'
  })

/** What was done, for the event; undefined when nothing had to be. */
type Work = (tx: Tx, client: Client) => Promise<Denial | Happening['type'] | undefined>

const change = async (
  ctx: Ctx,
  { client_id, user_id }: Whom,
  asking: Asking,
  work: Work,
): Promise<Denial | undefined> => {
  const refused = await transact(ctx.db, async (tx) => {
    const client = await lockClient(tx, client_id)
    if (client === undefined) return noSuchClient(client_id)
    const denial = await asking.guard?.(tx, { before: client, after: client })
    if (denial) return denial
    const done = await work(tx, client)
    if (typeof done !== 'string') return done
    await record(tx, { type: done, now: ctx.now(), client_id, user_id, ...actedBy(asking.by ?? {}) })
    return undefined
  })
  ctx.clients.forget(client_id)
  return refused
}

const nobody: Denial = deny(
  'not_found',
  'There is no such person here.',
  { rule: 'owners are people whose account is active', expected: 'the id of a person', got: 'something else' },
  { status: 404 },
)

const alreadyOwner: Denial = deny(
  'already_owner',
  'This person owns the application.',
  { rule: 'an owner is not added beside themselves', expected: 'somebody else', got: 'its owner' },
  { status: 409 },
)

const tooManyOwners: Denial = deny(
  'too_many_owners',
  'There are too many people who look after this application.',
  { rule: 'the list of owners is bounded', expected: `at most ${coOwnersAtMost}`, got: 'as many' },
  { status: 409 },
)
