/**
 * Owns the proof of a password. Every refusal costs the same hashes, so that time tells nobody whether an account exists
 * (security rule LI-1). Never counts attempts (login/throttle.ts does).
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { deviceKey } from '../devices/remember.ts'
import { mayAct, maySignIn } from '../protocol/subject.ts'
import { findLogin, lockAccount, type LoginRow, shareAccount, type Standing, upgradePassword } from './store.ts'

export type { Standing } from './store.ts'
import { tooLongToTry } from './password-policy.ts'

/** Who it is, and the credential as it was when it was proved: the proof stands as long as that is the account's. */
export type Proof = { user_id: string; status: string; credential: string }

/**
 * `name` is what attempts are counted under; `credential` names the password as it is now: another one after each change,
 * the same after a mere rehash. `device_id` is the browser that asks, where it is known for this account.
 */
export type Account = {
  name: string
  credential: string
  device_id: string | undefined
  /** What a password is compared with; undefined where there is no account. */
  login: LoginRow | undefined
}

/**
 * The account that a canonical login names, or the login itself where there is none, so that the address and the user
 * name of one person share one count (security rule LI-5). `device` is the browser's device cookie. One query in every case.
 */
export const accountOf = async (ctx: Ctx, login: string, device: string | undefined): Promise<Account> => {
  const found = await findLogin(ctx.db, login, deviceKey(device))
  if (found === undefined) return { name: `login|${login}`, credential: '', device_id: undefined, login: undefined }
  const { id, changed_at, device_id } = found
  return { name: `user|${id}`, credential: credentialOf(changed_at), device_id: device_id ?? undefined, login: found }
}

/**
 * Compares a password with an account as it was found. Outcome: who it is (of whatever status: the gate decides later), or
 * undefined for a wrong password and an unknown account alike. Throws Unavailable when the queue is full. What changed
 * meanwhile shows when the proof is held (`holdProof`).
 */
export const provePassword = async (
  ctx: Ctx,
  { login: found }: Pick<Account, 'login'>,
  password: string,
): Promise<Proof | undefined> => {
  if (tooLongToTry(password)) return undefined
  const { password_hash } = found ?? { password_hash: null }
  const isActive = found !== undefined && maySignIn(found, 'wrong_credentials') === undefined
  const account = { stored: password_hash ?? undefined, mayTell: isActive }
  const isRight = await ctx.hashing.compare(password, account)
  if (found === undefined || password_hash === null || !isRight) return undefined
  const { id: user_id, status } = found
  const proof = { user_id, status, credential: credentialOf(found.changed_at) }
  if (!isActive || !ctx.hashing.isOutdated(password_hash)) return proof
  const upgraded = await ctx.hashing.hash(password)
  await upgradePassword(ctx.db, user_id, { from: password_hash, to: upgraded })
  return proof
}

/** Names the password that an account has: another one after each change, the same after a mere rehash, '' without one. */
export const credentialOf = (changed_at: Date | null): string => changed_at?.toISOString() ?? ''

/**
 * How the account of a proof stands, within the transaction that acts on it: undefined when nobody may sign in to it any more, or it
 * has another password than the one that was there when something was proved. Whoever changes either waits until this
 * transaction ends, and then sees what it did.
 */
export const holdProof = async (
  tx: Tx,
  { user_id, credential }: { user_id: string; credential: string },
): Promise<Standing | undefined> => {
  const standing = await holdSigner(tx, user_id)
  if (standing === undefined) return undefined
  return credentialOf(standing.password_changed_at) === credential ? standing : undefined
}

/** How an active account stands, held until the transaction ends. Undefined for every other one. */
export const holdAccount = async (tx: Tx, user_id: string): Promise<Standing | undefined> => {
  const standing = await shareAccount(tx, user_id)
  return standing && isPerson(standing) && mayAct({ user: standing }, 'wrong_credentials') === undefined
    ? standing
    : undefined
}

/** How the account of somebody who signs in stands: that of a person who is leaving, too. */
export const holdSigner = async (tx: Tx, user_id: string): Promise<Standing | undefined> => {
  const standing = await shareAccount(tx, user_id)
  return standing && isPerson(standing) && maySignIn(standing, 'wrong_credentials') === undefined ? standing : undefined
}

/** Nobody signs in as a service account, and it has no credentials to look after. */
const isPerson = ({ kind }: Standing): boolean => kind === 'person'

/** The same for whoever changes what the account is proved with: alone until the transaction ends. */
export const changeAccount = async (tx: Tx, user_id: string): Promise<Standing | undefined> => {
  await lockAccount(tx, user_id)
  return await holdAccount(tx, user_id)
}
