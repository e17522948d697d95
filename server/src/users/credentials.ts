/**
 * Owns the proof of a password. Every outcome costs one hash, so that time tells nobody whether an account exists
 * (security rule LI-1). Never counts attempts (login/throttle.ts does).
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { findLogin, shareAccount, upgradePassword } from './store.ts'
import { tooLongToTry } from './password-policy.ts'

/** Who it is, and the hash that was compared: the proof stands as long as that is the account's. */
export type Proof = { user_id: string; status: string; password_hash: string }

/**
 * `name` is what attempts are counted under; `credential` names the password as it is now: another one after each change,
 * the same after a mere rehash.
 */
export type Account = { name: string; credential: string }

/**
 * The account that a canonical login names, or the login itself where there is none, so that the address and the user
 * name of one person share one count (security rule LI-5). One query in either case.
 */
export const accountOf = async (ctx: Ctx, login: string): Promise<Account> => {
  const found = await findLogin(ctx.db, login)
  if (found === undefined) return { name: `login|${login}`, credential: '' }
  return { name: `user|${found.id}`, credential: found.changed_at?.toISOString() ?? '' }
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
  const { id: user_id, status, password_hash } = found
  const outdated = ctx.hashing.isOutdated(password_hash)
  if (!(await ctx.hashing.verify(password_hash, password))) {
    // An old hash is of another cost: the difference would tell that the account exists (LI-1).
    if (outdated) await ctx.hashing.verifyNobody(password)
    return undefined
  }
  if (!outdated) return { user_id, status, password_hash }
  const upgraded = await ctx.hashing.hash(password)
  await upgradePassword(ctx.db, user_id, { from: password_hash, to: upgraded })
  return { user_id, status, password_hash: upgraded }
}

/**
 * Tells, within the transaction that acts on it, whether a proof still stands: the account is active and has the password
 * that was compared. Whoever changes either waits until this transaction ends, and then sees what it did.
 */
export const proofStands = async (tx: Tx, proof: Proof): Promise<boolean> =>
  await shareAccount(tx, proof.user_id, proof.password_hash)
