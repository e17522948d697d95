/**
 * Owns the proof of a password. Every outcome costs one hash, so that time tells nobody whether an account exists
 * (security rule LI-1). Never counts attempts (login/throttle.ts does).
 */
import type { Ctx } from '../ctx.ts'
import { findLogin, upgradePassword } from './store.ts'
import { tooLongToTry } from './password-policy.ts'

export type Proof = { user_id: string; status: string }

/**
 * The account that a canonical login names, or the login itself where there is none: what attempts are counted under, so
 * that the address and the user name of one person share one count (security rule LI-5). One query in either case.
 */
export const accountOf = async (ctx: Ctx, login: string): Promise<string> => {
  const found = await findLogin(ctx.db, login)
  return found === undefined ? `login|${login}` : `user|${found.id}`
}

/**
 * Compares a password with the account of a canonical login. Outcome: who it is (of whatever status: the gate decides
 * later), or undefined for a wrong password and an unknown account alike. Throws Unavailable when the queue is full.
 */
export const provePassword = async (ctx: Ctx, login: string, password: string): Promise<Proof | undefined> => {
  if (tooLongToTry(password)) return undefined
  const found = await findLogin(ctx.db, login)
  if (found?.password_hash == null) {
    await ctx.hashing.verifyNobody(password)
    return undefined
  }
  if (!(await ctx.hashing.verify(found.password_hash, password))) return undefined
  if (ctx.hashing.isOutdated(found.password_hash)) {
    await upgradePassword(ctx.db, found.id, found.password_hash, await ctx.hashing.hash(password))
  }
  return { user_id: found.id, status: found.status }
}
