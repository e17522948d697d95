/** Owns the table one_time_tokens: each row has a purpose, and is worth nothing for another (security rule G-5). */
import type postgres from 'postgres'
import type { Query } from '../db/connect.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'

export type Purpose =
  | 'setup'
  | 'verify_email'
  | 'reset_password'
  | 'undo_email'
  | 'not_me'
  | 'sign_in'
  | 'factor'
  | 'change_email'
  | 'change_phone'
  | 'invite'
  | 'cancel_erasure'
  | 'export'

/** A one-time link or code as the database has it, without its secrets. */
export type OneTime = {
  id: string | null
  purpose: Purpose
  user_id: string | null
  address: string | null
  credential: string
  data: Record<string, postgres.JSONValue>
  created_at: Date
  expires_at: Date
}

export type NewOneTime = OneTime & { token_hash: TokenHash; bound_to: Buffer | null; code_expires_at: Date | null }

const facts = ['id', 'purpose', 'user_id', 'address', 'credential', 'data', 'created_at', 'expires_at'] as const

export const insertOneTime = async (tx: Query, row: NewOneTime): Promise<void> => {
  await tx`insert into one_time_tokens ${tx(row as never)}`
}

/** Gives a row new secrets: those it had are worth nothing from here on. Its tries go on. False when it was used or is gone. */
export const armOneTime = async (
  tx: Query,
  id: string,
  secrets: {
    user_id: string | null
    credential: string
    token_hash: TokenHash
    code_mac: Buffer | null
  },
  now: Date,
): Promise<boolean> =>
  (
    await tx`
      update one_time_tokens set ${tx(secrets)}
      where id = ${id} and used_at is null and expires_at > ${now} returning id`
  ).length === 1

/** Whose code, for what, and where it may be typed. */
export type Bound = { user_id: string; purpose: Purpose; bound_to: Buffer }

/** The newest code of a person and purpose that may be typed in one place, unused and alive. */
export const findBound = async (
  tx: Query,
  { user_id, purpose, bound_to }: Bound,
  now: Date,
): Promise<OneTime | undefined> => {
  const rows = await tx<OneTime[]>`
    select ${tx(facts)} from one_time_tokens
    where user_id = ${user_id} and purpose = ${purpose} and bound_to = ${bound_to} and used_at is null and expires_at > ${now}
    order by created_at desc, id desc limit 1`
  return rows[0]
}

/** Voids the other codes of the same purpose and place: a new code makes the old ones worthless (security rule MF-3). */
export const voidBound = async (tx: Query, { user_id, purpose, bound_to }: Bound, except: string): Promise<void> => {
  await tx`
    delete from one_time_tokens
    where user_id = ${user_id} and purpose = ${purpose} and bound_to = ${bound_to} and used_at is null and id <> ${except}`
}

/** Takes back one that was opened, unused. */
export const dropOneTime = async (tx: Query, id: string): Promise<void> => {
  await tx`delete from one_time_tokens where id = ${id} and used_at is null`
}

/** A live link, without using it: what a page shows before somebody presses its button (security rule RC-1). */
export const findLink = async (
  tx: Query,
  token_hash: TokenHash,
  purpose: Purpose,
  now: Date,
): Promise<OneTime | undefined> => {
  const rows = await tx<OneTime[]>`
    select ${tx(facts)} from one_time_tokens
    where token_hash = ${token_hash} and purpose = ${purpose} and used_at is null and expires_at > ${now}`
  return rows[0]
}

/** A link of this purpose, whatever became of it: for a page that says so. */
export const findLinkEver = async (
  tx: Query,
  token_hash: TokenHash,
  purpose: Purpose,
): Promise<OneTime | undefined> => {
  const rows = await tx<OneTime[]>`
    select ${tx(facts)} from one_time_tokens where token_hash = ${token_hash} and purpose = ${purpose}`
  return rows[0]
}

/** What was opened in a browser, alive and unused. */
export const findOpened = async (
  tx: Query,
  { id, purpose, bound_to, now }: { id: string; purpose: Purpose; bound_to: Buffer; now: Date },
): Promise<OneTime | undefined> => {
  const rows = await tx<OneTime[]>`
    select ${tx(facts)} from one_time_tokens
    where id = ${id} and purpose = ${purpose} and bound_to = ${bound_to} and used_at is null and expires_at > ${now}`
  return rows[0]
}

/** Uses a link, once (security rule G-2). */
export const useLink = async (
  tx: Query,
  token_hash: TokenHash,
  purpose: Purpose,
  now: Date,
): Promise<OneTime | undefined> => {
  const rows = await tx<OneTime[]>`
    update one_time_tokens set used_at = ${now}
    where token_hash = ${token_hash} and purpose = ${purpose} and used_at is null and expires_at > ${now}
    returning ${tx(facts)}`
  return rows[0]
}

/** Counts one try at a code before it is compared (security rule RL-1). Nothing when there is no try left. */
export const reserveTry = async (
  tx: Query,
  { id, purpose, bound_to, now, tries }: { id: string; purpose: Purpose; bound_to: Buffer; now: Date; tries: number },
): Promise<{ code_mac: Buffer | null; tries: number } | undefined> => {
  const rows = await tx<{ code_mac: Buffer | null; tries: number }[]>`
    update one_time_tokens set tries = tries + 1
    where id = ${id} and purpose = ${purpose} and bound_to = ${bound_to} and used_at is null and expires_at > ${now}
      and (code_expires_at is null or code_expires_at > ${now}) and tries < ${tries}
    returning code_mac, tries`
  return rows[0]
}

/** Uses a code that was found right, once. `code_mac` is the one it was compared with: a newer code voids it. */
export const useCode = async (tx: Query, id: string, code_mac: Buffer, now: Date): Promise<OneTime | undefined> => {
  const rows = await tx<OneTime[]>`
    update one_time_tokens set used_at = ${now}
    where id = ${id} and code_mac = ${code_mac} and used_at is null returning ${tx(facts)}`
  return rows[0]
}

/** Voids what is still live of some purposes of a person. */
export const voidOfUser = async (tx: Query, user_id: string, purposes: readonly Purpose[]): Promise<void> => {
  await tx`delete from one_time_tokens where user_id = ${user_id} and used_at is null and purpose = any(${[...purposes]})`
}

/** Voids what a person's account got of a purpose after an instant. */
export const voidOfUserSince = async (tx: Query, user_id: string, purpose: Purpose, since: Date): Promise<void> => {
  await tx`
    delete from one_time_tokens
    where user_id = ${user_id} and used_at is null and purpose = ${purpose} and created_at > ${since}`
}

/** What one browser asked for before, for the same address: the newest that is alive and unused. */
export const findOfBrowser = async (
  tx: Query,
  { purpose, address, bound_to, now }: { purpose: Purpose; address: string; bound_to: Buffer; now: Date },
): Promise<string | undefined> => {
  const rows = await tx<{ id: string }[]>`
    select id from one_time_tokens
    where purpose = ${purpose} and address = ${address} and bound_to = ${bound_to} and used_at is null and expires_at > ${now}
    order by created_at desc, id desc limit 1`
  return rows[0]?.id
}

/** Voids what one browser asked for before, for the same address: a new code makes the old one worthless (security rule MF-3). */
export const voidOfBrowser = async (
  tx: Query,
  { purpose, address, bound_to, except }: { purpose: Purpose; address: string; bound_to: Buffer; except: string },
): Promise<void> => {
  await tx`
    delete from one_time_tokens
    where purpose = ${purpose} and address = ${address} and bound_to = ${bound_to} and used_at is null and id <> ${except}`
}

/** Voids whatever was opened for an address and a purpose, by whomever. */
export const voidOfAddress = async (tx: Query, purpose: Purpose, address: string): Promise<void> => {
  await tx`delete from one_time_tokens where purpose = ${purpose} and address = ${address} and used_at is null`
}

/** Voids every token of a purpose. Servers that start at once take turns here. */
export const voidPurpose = async (tx: Query, purpose: Purpose): Promise<void> => {
  await tx`select pg_advisory_xact_lock(27513)`
  await tx`delete from one_time_tokens where purpose = ${purpose}`
}

/** Removes tokens that expired before an instant. At most `limit`; returns how many. */
export const removeOneTime = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from one_time_tokens where ctid = any (array(select ctid from one_time_tokens where expires_at < ${before} limit ${limit}))`
  return count
}
