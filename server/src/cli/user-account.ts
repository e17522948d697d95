/** Owns how commands about people find the account that they are about. */
import { StartError } from '../config/start-error.ts'
import type { Ctx } from '../ctx.ts'
import type { Subject } from '../protocol/claims.ts'
import { load } from './load.ts'

export const loadUsers = async () =>
  await load(async () => ({
    ...(await import('../access/assign.ts')),
    ...(await import('../users/manage.ts')),
    ...(await import('../users/search.ts')),
    ...(await import('../users/status.ts')),
  }))

type Users = Awaited<ReturnType<typeof loadUsers>>

/** The account that `key` names: its id, address or user name. */
export const requireAccount = async (ctx: Ctx, key: string): Promise<Subject> => {
  const { findAccount } = await import('../users/manage.ts')
  const account = await findAccount(ctx, key)
  if (account === undefined) throw new StartError(`There is no account ${key}.`)
  return account
}

/** Runs work on the account that `key` names: its id, address or user name. */
export const withAccount = async <T>(
  key: string,
  work: (ctx: Ctx, account: Subject, users: Users) => Promise<T>,
): Promise<T> => {
  const users = await loadUsers()
  return await users.withCtx(async (ctx) => {
    return await work(ctx, await requireAccount(ctx, key), users)
  })
}

export const userArgument = 'an id, an address or a user name'
