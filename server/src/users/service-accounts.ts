/**
 * Owns service accounts: accounts that no person has. They hold roles, groups and API keys, applications act with their rights,
 * and nobody ever signs in as one. Start reading at `createService`.
 */
import { can } from '../access/can.ts'
import { type Doer, requireActor } from '../access/change.ts'
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { actedBy, record } from '../events/record.ts'
import { uuidv7 } from '../io/ids.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { canonicalUsername } from './identifier.ts'
import { findService, type ServiceAccount } from './service-account-store.ts'
import { changeStatus, removeUser } from './status.ts'
import { noSuchUser, refuseNow } from './still-may.ts'
import { insertUser, updateUser } from './store.ts'

export { listServices, type ServiceAccount } from './service-account-store.ts'

/** What is said of a service account. */
export type ServiceWish = {
  username?: string | undefined
  name?: string | null | undefined
  description?: string | null | undefined
}

/** Refuses what was meant for another state of it (etag.ts). */
type Check = (found: ServiceAccount) => Denial | undefined

/** A service account by its id. Refuses with `not_found` for people, too. */
export const serviceOf = async (ctx: Pick<Ctx, 'db'>, id: string): Promise<ServiceAccount | Denial> =>
  (await findService(ctx.db, id)) ?? noSuchService

/** The same for whoever changes it: it holds no more than they (security rule AD-2), or than their API key does. */
const touchable = async (ctx: Ctx, id: string, { by, holds }: Doer): Promise<ServiceAccount | Denial> => {
  const whom = await serviceOf(ctx, id)
  if (isDenial(whom) || by.actor_id === undefined || holds === undefined) return whom
  const actor = { id: by.actor_id, permissions: holds }
  return can(actor, { do: 'act on somebody', permission: 'service-accounts:write', whom }) ?? whom
}

/** Makes one. Refusals: `invalid_username` (422), `already_exists` (409), `permission_denied`. */
export const createService = async (
  ctx: Ctx,
  wish: ServiceWish & { username: string },
  { by, holds }: Doer,
): Promise<ServiceAccount | Denial> => {
  const username = canonicalUsername(wish.username)
  if (username === undefined) return invalidUsername(wish.username)
  const { name = null, description = null } = wish
  const now = ctx.now()
  const id = uuidv7(now)
  return await unique(
    username,
    async () =>
      await transact(ctx.db, async (tx) => {
        const refused = await requireActor(tx, { by, holds }, 'service-accounts:write')
        if (refused) return refused
        await insertUser(tx, { id, kind: 'service', username, name, description, created_at: now, updated_at: now })
        await record(tx, { type: 'service_account.created', now, user_id: id, ...actedBy(by, { username }) })
        return (await findService(tx, id)) ?? noSuchService
      }),
  )
}

/** Changes what is named of one. Refusals: as for a new one, `not_found`, and those of still-may.ts. */
export const changeService = async (
  ctx: Ctx,
  { id, wish, check }: { id: string; wish: ServiceWish; check?: Check },
  doer: Doer,
): Promise<ServiceAccount | Denial> => {
  const { by } = doer
  const before = await touchable(ctx, id, doer)
  if (isDenial(before)) return before
  const username = wish.username === undefined ? undefined : canonicalUsername(wish.username)
  if (wish.username !== undefined && username === undefined) return invalidUsername(wish.username)
  const now = ctx.now()
  const result = await unique(
    username ?? '',
    async () =>
      await transact(ctx.db, async (tx) => {
        const refused = await refuseNow(tx, { actor_id: by.actor_id, user_id: id })
        if (refused) return refused
        const found = await findService(tx, id)
        if (found === undefined) return noSuchService
        const meant = check?.(found)
        if (meant) return meant
        const values = {
          ...(username !== undefined && { username }),
          ...(wish.name !== undefined && { name: wish.name }),
          ...(wish.description !== undefined && { description: wish.description }),
        }
        await updateUser(tx, id, values, now)
        const told = actedBy(by, { changed: Object.keys(values) })
        await record(tx, { type: 'service_account.updated', now, user_id: id, ...told })
        return (await findService(tx, id)) ?? noSuchService
      }),
  )
  ctx.subjects.forget(id)
  return result
}

/** Switches one on or off: off, its keys and the tokens of its applications are dead within two seconds. */
export const setServiceStatus = async (
  ctx: Ctx,
  { id, status }: { id: string; status: 'active' | 'disabled' },
  doer: Doer,
): Promise<ServiceAccount | Denial> => {
  const found = await touchable(ctx, id, doer)
  if (isDenial(found)) return found
  return (await changeStatus(ctx, id, status, doer.by)) ?? (await serviceOf(ctx, id))
}

/** Deletes one with its keys; applications that acted with its rights have none any more. */
export const removeService = async (ctx: Ctx, id: string, doer: Doer): Promise<Denial | undefined> => {
  const found = await touchable(ctx, id, doer)
  return isDenial(found) ? found : await removeUser(ctx, id, doer.by)
}

const noSuchService: Denial = { ...noSuchUser, error_description: 'There is no such service account.' }

const invalidUsername = (got: string): Denial =>
  deny(
    'invalid_username',
    'The user name is not valid.',
    {
      rule: 'service accounts have user names',
      expected: 'letters, digits, dot, dash, underscore; no @',
      got: shown(got),
    },
    { status: 422 },
  )

const unique = async <T>(username: string, work: () => Promise<T | Denial>): Promise<T | Denial> => {
  try {
    return await work()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    return deny(
      'already_exists',
      'There is an account of this name already.',
      { rule: 'user names are unique', expected: 'a name that is free', got: username },
      { status: 409 },
    )
  }
}
