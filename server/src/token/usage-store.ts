/** Owns the tables client_days, client_day_users and client_large_tokens. */
import type { Query } from '../db/connect.ts'

export type LargeToken = {
  client_id: string
  resource: string
  bytes: number
  budget_bytes: number
  claim: string
  at: Date
}

/** Keeps the last one for each client and audience. A client that is gone meanwhile keeps none. */
export const upsertLargeToken = async (tx: Query, row: LargeToken): Promise<void> => {
  await tx`
    insert into client_large_tokens (client_id, resource, bytes, budget_bytes, claim, at)
    select client_id, ${row.resource}, ${row.bytes}::integer, ${row.budget_bytes}::integer, ${row.claim}, ${row.at}::timestamptz
    from clients where client_id = ${row.client_id}
    on conflict (client_id, resource) do update
      set bytes = excluded.bytes, budget_bytes = excluded.budget_bytes, claim = excluded.claim, at = excluded.at`
}
