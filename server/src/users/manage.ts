/**
 * Owns what an operator does with an account as a whole: creating it, finding it, changing what it says. Never ends
 * sessions itself (status.ts does). Start reading at `registerUser`.
 */
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation, type Tx } from '../db/connect.ts'
import type { UsersRow } from '../db/tables.gen.ts'
import { transact } from '../db/transact.ts'
import { wholly } from '../db/wholly.ts'
import { actedBy, type By, record } from '../events/record.ts'
import { endSignIns } from '../login/forget.ts'
import { queueLetter } from '../outbox/queue.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { canonicalEmail, canonicalLogin, canonicalUsername, shownEmail } from './identifier.ts'
import { isPerson, notForServices } from './kind.ts'
import { checkNewPassword, passwordSentence } from './new-password.ts'
import { boundToCredentials, voidOfUser } from './one-time.ts'
import { createUser, prepareUser, type Registration } from './register.ts'
import { changePassword } from './status.ts'
import { noSuchUser, refuseNow } from './still-may.ts'
import { findLogin, findUser, listUsers, loadCreatedAt, loadKind, loadSubject, updateUser } from './store.ts'

/**
 * Creates an account, or nothing at all: an unknown role leaves no account behind. Refusals as in register.ts.
 */
export const registerUser = async (
  ctx: Ctx,
  registration: Registration,
  by: By = {},
): Promise<{ user_id: string } | Denial> => {
  const now = ctx.now()
  const prepared = await prepareUser(ctx, registration, now)
  if (isDenial(prepared)) return prepared
  return await wholly(ctx.db, async (tx) => await createUser(tx, prepared, now, by))
}

/** Finds an account by its id, its address or its user name, with its roles and permissions. */
export const findAccount = async (ctx: Ctx, key: string): Promise<Subject | undefined> => {
  // The id first: nobody can take over a command by choosing somebody else's id as a user name.
  const found = await loadSubject(ctx.db, key)
  if (found) return found
  const named = await findUser(ctx.db, canonicalLogin(key))
  return named && (await loadSubject(ctx.db, named.id))
}

/** Finds an account by its canonical address alone, with its roles and permissions. */
export const findByEmail = async (ctx: Ctx, email_canonical: string): Promise<Subject | undefined> => {
  const named = await findLogin(ctx.db, email_canonical)
  return named && (await loadSubject(ctx.db, named.id))
}

/** When an account was made; tokens never say it, so a subject does not hold it. */
export const createdAt = async (ctx: Ctx, { id }: Subject): Promise<Date | undefined> => await loadCreatedAt(ctx.db, id)

/** Accounts, oldest first, `limit` at most, after the one of this id. */
export const listAccounts = async (ctx: Ctx, page: { limit: number; after?: Subject }): Promise<UsersRow[]> => {
  const { limit, after } = page
  const last = after && (await findUser(ctx.db, after.id))
  return await listUsers(ctx.db, { limit, ...(last && { after: { created_at: last.created_at, id: last.id } }) })
}

/** What can be changed of an account; what is left out stays. A new address counts as unproved unless it is said otherwise. */
export type AccountChange = {
  email?: string | undefined
  username?: string | undefined
  name?: string | undefined
  email_verified?: boolean | undefined
  claims?: Record<string, unknown> | undefined
}

/**
 * Changes what an account says of its person. Another address voids the links and codes that were on their way (security rule
 * RC-1). Refusals: `invalid_email`, `invalid_username`, `already_exists`, and those of still-may.ts.
 */
export const changeAccount = async (
  ctx: Ctx,
  { id: user_id }: Pick<Subject, 'id'>,
  { by = {}, ...change }: AccountChange & { by?: By },
): Promise<Denial | undefined> => {
  try {
    return await transact(ctx.db, async (tx) => {
      const refused = await refuseNow(tx, { actor_id: by.actor_id, user_id })
      const account = await loadSubject(tx, user_id)
      return refused ?? (account === undefined ? noSuchUser : await apply(ctx, tx, { account, change, by }))
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    return deny('already_exists', 'Another account has this address or name.', {
      rule: 'addresses and user names are unique',
      expected: 'an address and a name that are free',
      got: shown(change.email ?? change.username),
    })
  } finally {
    ctx.subjects.forget(user_id)
    ctx.outbox.nudge()
  }
}

type Apply = { account: Subject; change: AccountChange; by: By }

const apply = async (ctx: Ctx, tx: Tx, { account, change, by }: Apply): Promise<Denial | undefined> => {
  const values = decideChange(account, change)
  if (isDenial(values)) return values
  if (values.email !== undefined && (await loadKind(tx, account.id)) === 'service') return notForServices
  const now = ctx.now()
  await updateUser(tx, account.id, values, now)
  if (values.email_canonical !== undefined) {
    await voidOfUser(tx, account.id, boundToCredentials)
    await endSignIns(tx, account.id)
    await tellOldAddress(ctx, tx, { account, address: values.email_canonical, now })
  }
  const told = actedBy(by, { changed: Object.keys(values) })
  await record(tx, { type: 'user.updated', now, user_id: account.id, ...told })
  return undefined
}

/**
 * Whoever reads the old address is told (security rules LI-4, EM-2), if it was proved. There is no way back in the letter: an
 * address is changed for somebody because its mailbox is lost, and perhaps to somebody else.
 */
const tellOldAddress = async (
  ctx: Ctx,
  tx: Tx,
  { account, address, now }: { account: Subject; address: string | null; now: Date },
): Promise<void> => {
  const { id: user_id, email: to, email_verified, locale } = account
  if (to === null || !email_verified || canonicalEmail(to) === address) return
  const kind = 'email_changed_by_admin'
  await queueLetter(ctx, tx, { kind, to, user_id, locale: locale ?? undefined, now })
}

type Values = Partial<Omit<UsersRow, 'id'>>

const decideChange = (account: Subject, change: AccountChange): Values | Denial => {
  const { email, username, name, email_verified, claims } = change
  const email_canonical = email === undefined ? undefined : canonicalEmail(email)
  if (email !== undefined && email_canonical === undefined)
    return refuse('invalid_email', 'The email address is not valid.', email)
  const canonical = username === undefined ? undefined : canonicalUsername(username)
  if (username !== undefined && canonical === undefined)
    return refuse('invalid_username', 'The user name is not valid.', username)
  const isSame = account.email !== null && email_canonical === canonicalEmail(account.email)
  const proved = email === undefined ? email_verified : (email_verified ?? (isSame && account.email_verified))
  return {
    ...(email !== undefined && email_canonical !== undefined && { email: shownEmail(email), email_canonical }),
    ...(proved !== undefined && { email_verified: proved }),
    ...(canonical !== undefined && { username: canonical }),
    ...(name !== undefined && { name: name === '' ? null : name }),
    ...(claims !== undefined && { claims }),
  }
}

/** Sets a password by the policy and ends everything that was proved with the old one. Refusals: `weak_password`, `service_account`. */
export const setPassword = async (ctx: Ctx, account: Subject, password: string): Promise<Denial | undefined> => {
  if (!(await isPerson(ctx.db, account.id))) return notForServices
  const weak = await checkNewPassword(ctx, password, [account.email, account.username, account.name])
  if (weak) return refuse('weak_password', passwordSentence(weak), weak.code)
  await changePassword(ctx, account.id, await ctx.hashing.hash(password))
  return undefined
}

const refuse = (error: string, sentence: string, got: string): Denial =>
  deny(error, sentence, { rule: 'an account can be changed so', got: shown(got) }, { status: 422 })
