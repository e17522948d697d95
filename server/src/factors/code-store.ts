/** Owns the table code_factors: codes by mail or text message as a second step, once their owner has chosen them. */
import type { Query } from '../db/connect.ts'
import type { CodeFactorsRow } from '../db/tables.gen.ts'

export const listCodeFactors = async (tx: Query, user_id: string): Promise<CodeFactorsRow[]> =>
  await tx<CodeFactorsRow[]>`select * from code_factors where user_id = ${user_id} order by confirmed_at limit 2`

/** Where the codes of a channel go; undefined when its owner has not chosen it. */
export const findCodeFactor = async (
  tx: Query,
  user_id: string,
  channel: 'email' | 'sms',
): Promise<CodeFactorsRow | undefined> => {
  const rows = await tx<CodeFactorsRow[]>`
    select * from code_factors where user_id = ${user_id} and channel = ${channel}`
  return rows[0]
}

/** Chooses a channel, or another number for it. */
export const upsertCodeFactor = async (
  tx: Query,
  row: Pick<CodeFactorsRow, 'id' | 'user_id' | 'channel' | 'destination' | 'confirmed_at'>,
): Promise<string> => {
  const rows = await tx<{ id: string }[]>`
    insert into code_factors ${tx(row)} on conflict (user_id, channel) do update
      set destination = excluded.destination, confirmed_at = excluded.confirmed_at
    returning id`
  return rows[0]?.id ?? row.id
}

/** Remembers that a code of this channel was right. False when its owner has switched it off, or has another number. */
export const touchCodeFactor = async (
  tx: Query,
  facts: { user_id: string; channel: 'email' | 'sms'; address: string | null; now: Date },
): Promise<boolean> =>
  (
    await tx`
      update code_factors set last_used_at = ${facts.now}
      where user_id = ${facts.user_id} and channel = ${facts.channel} and (channel = 'email' or destination = ${facts.address})
      returning id`
  ).length === 1

export const deleteCodeFactor = async (tx: Query, user_id: string, channel: 'email' | 'sms'): Promise<boolean> =>
  (await tx`delete from code_factors where user_id = ${user_id} and channel = ${channel} returning id`).length === 1
