/** Owns the table idempotent_calls. */
import type { Query } from '../db/connect.ts'
import type { IdempotentCallsRow } from '../db/tables.gen.ts'

type NewCall = Omit<IdempotentCallsRow, 'answer_sealed'>

/** Takes the key for one call: of many at once exactly one gets it. A key whose time is over is free again. */
export const claimCall = async (tx: Query, call: NewCall): Promise<boolean> => {
  const rows = await tx`
    insert into idempotent_calls ${tx(call as never)}
    on conflict (key_hash) do update set request_hash = excluded.request_hash, answer_sealed = null,
      created_at = excluded.created_at, expires_at = excluded.expires_at
      where idempotent_calls.expires_at <= excluded.created_at
    returning key_hash`
  return rows.length === 1
}

export const findCall = async (
  tx: Query,
  key_hash: Buffer,
): Promise<Pick<IdempotentCallsRow, 'request_hash' | 'answer_sealed'> | undefined> => {
  const rows = await tx<Pick<IdempotentCallsRow, 'request_hash' | 'answer_sealed'>[]>`
    select request_hash, answer_sealed from idempotent_calls where key_hash = ${key_hash}`
  return rows[0]
}

export const keepAnswer = async (tx: Query, key_hash: Buffer, answer_sealed: string): Promise<void> => {
  await tx`update idempotent_calls set answer_sealed = ${answer_sealed} where key_hash = ${key_hash}`
}

/** Nothing was made: the same key may be used for the corrected call. */
export const dropCall = async (tx: Query, key_hash: Buffer): Promise<void> => {
  await tx`delete from idempotent_calls where key_hash = ${key_hash}`
}

/** Removes calls whose time is over. At most `limit`; returns how many. */
export const removeCalls = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from idempotent_calls where ctid = any (array(select ctid from idempotent_calls where expires_at < ${before} limit ${limit}))`
  return count
}
