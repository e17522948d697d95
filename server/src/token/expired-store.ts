/** Owns the removal of rows that store.ts wrote and that have ended. */
import type { Query } from '../db/connect.ts'

/** Removes families whose last end lies before an instant. At most `limit`; returns how many. */
export const removeFamilies = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from refresh_families where ctid = any (array(select ctid from refresh_families where expires_at < ${before} limit ${limit}))`
  return count
}

/** Removes opaque access tokens that expired before an instant. At most `limit`; returns how many. */
export const removeAccessTokens = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from access_tokens where ctid = any (array(select ctid from access_tokens where expires_at < ${before} limit ${limit}))`
  return count
}
