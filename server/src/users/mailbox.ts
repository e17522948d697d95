/**
 * Owns the tie between an account and its mailbox: whose an address is, where a letter for somebody goes, and what follows
 * when somebody proves an address (security rule SO-2). Start reading at `proveAddress`.
 */
import type { Ctx } from '../ctx.ts'
import { endConsents } from '../authorize/forget.ts'
import { isUniqueViolation, type Query, type Tx } from '../db/connect.ts'
import { type Happening, record } from '../events/record.ts'
import { disownFactors } from '../factors/reset.ts'
import { endSignIns } from '../login/forget.ts'
import { credentialOf } from './credentials.ts'
import { endAll } from './end-all.ts'
import { isNobody } from './identifier.ts'
import {
  deletePassword,
  findMailbox,
  lockAccount,
  type MailboxRow,
  removeAction,
  updateUser,
  upsertPassword,
} from './store.ts'

/** An account as its mailbox knows it. `credential` names its password (credentials.ts). */
export type MailAccount = Omit<MailboxRow, 'changed_at'> & { credential: string }

/** The account that has an address, of whatever status, proved or not. */
export const accountAt = async (query: Query, email_canonical: string): Promise<MailAccount | undefined> =>
  accountOf(await findMailbox(query, { email_canonical }))

/** The account of this id, kept as it is until the transaction ends: others who would change it wait. */
export const lockMailAccount = async (tx: Tx, user_id: string): Promise<MailAccount | undefined> => {
  await lockAccount(tx, user_id)
  return accountOf(await findMailbox(tx, { id: user_id }))
}

const accountOf = (row: MailboxRow | undefined): MailAccount | undefined => {
  if (row === undefined) return undefined
  const { changed_at, ...rest } = row
  return { ...rest, credential: credentialOf(changed_at) }
}

/**
 * Where a letter goes for whoever signs in with this canonical name. Where there is no such account, or it has no address,
 * it is one that nobody has, always the same: letters to it are counted like others and never sent. An address is asked of
 * nobody, a user name costs one query in either case (security rule LI-1).
 */
export const letterAddress = async (ctx: Ctx, login: string): Promise<string> => {
  if (login.includes('@') && !isNobody(login)) return login
  const found = await findMailbox(ctx.db, { username: login })
  return (
    found?.email_canonical ??
    `${ctx.secrets.mac('outbox', 'nobody', login).toString('hex').slice(0, 40)}@nobody.invalid`
  )
}

/**
 * What follows when somebody has proved the address of an account, which is locked: where it had never been proved, whatever
 * the account has was put there by somebody who may be anybody. Password, second steps, passkeys, sessions, sign-ins under way,
 * links and consents go; the account is the prover's (security rule SO-2). Roles stay: only administrators give them.
 */
export const proveAddress = async (
  ctx: Ctx,
  tx: Tx,
  { account, now, by = {} }: { account: MailAccount; now: Date; by?: Partial<Happening> },
): Promise<void> => {
  if (account.email_verified) return
  const user_id = account.id
  await endAll(ctx, tx, { user_id, now, because: 'the address was proved by its owner', proved: true })
  await endSignIns(tx, user_id)
  await endConsents(tx, user_id)
  await disownFactors(tx, user_id, { now })
  await deletePassword(tx, user_id)
  await removeAction(tx, user_id, 'verify_email')
  await updateUser(tx, user_id, { email_verified: true }, now)
  await record(tx, {
    type: 'user.address_proved',
    now,
    user_id,
    data: { had_password: account.credential !== '' },
    ...by,
  })
}

/** Gives an account an address that was proved to be its person's. Throws where another account has it. */
export const restoreAddress = async (
  tx: Tx,
  { user_id, address, now }: { user_id: string; address: string; now: Date },
): Promise<void> => {
  await updateUser(tx, user_id, { email: address, email_canonical: address, email_verified: true }, now)
}

/** Takes the password of an account away: until another one is set, nobody signs in with one. */
export const takePassword = async (tx: Tx, user_id: string): Promise<void> => await deletePassword(tx, user_id)

/** What whoever has proved an address has chosen for the account. */
export type Chosen = {
  registration: { name?: string | undefined }
  username: string | null
  password_hash: string | undefined
}

/**
 * Gives an account whose address nobody had proved to whoever has proved it now, with what they chose. False when the user
 * name is another's: then the caller rolls everything back.
 */
export const takeOver = async (
  ctx: Ctx,
  tx: Tx,
  { account, chosen, now, by }: { account: MailAccount; chosen: Chosen; now: Date; by: Partial<Happening> },
): Promise<boolean> => {
  const held = await lockMailAccount(tx, account.id)
  if (held !== undefined) await proveAddress(ctx, tx, { account: held, now, by })
  if (chosen.password_hash !== undefined) await upsertPassword(tx, account.id, chosen.password_hash, now)
  const { username } = chosen
  const { name } = chosen.registration
  const change = { ...(name !== undefined && { name }), ...(username !== null && { username }) }
  try {
    await tx.savepoint(async (inner) => await updateUser(inner, account.id, change, now))
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}
