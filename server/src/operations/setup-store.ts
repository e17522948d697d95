/** Owns the table one_time_tokens: each has a purpose, and is worth nothing for another (security rule G-5). */
import type { Query } from '../db/connect.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'

export const insertToken = async (
  tx: Query,
  token: { token_hash: TokenHash; purpose: 'setup'; created_at: Date; expires_at: Date },
): Promise<void> => {
  await tx`insert into one_time_tokens ${tx(token)}`
}

/** Voids every token of a purpose: only the newest setup link works. Servers that start at once take turns here. */
export const voidTokens = async (tx: Query, purpose: 'setup'): Promise<void> => {
  await tx`select pg_advisory_xact_lock(27513)`
  await tx`delete from one_time_tokens where purpose = ${purpose}`
}

export const tokenIsLive = async (tx: Query, token_hash: TokenHash, purpose: 'setup', now: Date): Promise<boolean> =>
  (
    await tx`select 1 from one_time_tokens where token_hash = ${token_hash} and purpose = ${purpose} and used_at is null and expires_at > ${now}`
  ).length === 1

/** Uses a token, once (security rule G-2). */
export const consumeToken = async (tx: Query, token_hash: TokenHash, purpose: 'setup', now: Date): Promise<boolean> =>
  (
    await tx`
    update one_time_tokens set used_at = ${now}
    where token_hash = ${token_hash} and purpose = ${purpose} and used_at is null and expires_at > ${now} returning purpose`
  ).length === 1

/** Removes tokens that expired before an instant. At most `limit`; returns how many. */
export const removeTokens = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from one_time_tokens where ctid = any (array(select ctid from one_time_tokens where expires_at < ${before} limit ${limit}))`
  return count
}
