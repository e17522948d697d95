/** Owns how commands about people find the account that they are about. */
import { StartError } from '../config/start-error.ts'
import type { Ctx } from '../ctx.ts'
import type { Subject } from '../protocol/claims.ts'
import { load } from './load.ts'

export const loadUsers = async () =>
  await load(async () => ({
    ...(await import('../users/manage.ts')),
    ...(await import('../users/search.ts')),
    ...(await import('../users/status.ts')),
  }))

type Users = Awaited<ReturnType<typeof loadUsers>>

/** Runs work on the account that `key` names: its id, address or user name. */
export const withAccount = async <T>(
  key: string,
  work: (ctx: Ctx, account: Subject, users: Users) => Promise<T>,
): Promise<T> => {
  const users = await loadUsers()
  return await users.withCtx(async (ctx) => {
    const account = await users.findAccount(ctx, key)
    if (account === undefined) throw new StartError(`There is no account ${key}.`)
    return await work(ctx, account, users)
  })
}

export const userArgument = 'an id, an address or a user name'
