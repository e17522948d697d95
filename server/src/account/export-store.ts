/** Owns the table exports: copies of people's own data, sealed, each downloaded once. */
import type { Query } from '../db/connect.ts'
import type { ExportsRow } from '../db/tables.gen.ts'

/** A copy without what is in it. */
export type ExportState = Omit<ExportsRow, 'content_sealed'>

const state = (tx: Query) => tx`id, user_id, requested_at, ready_at, expires_at, downloaded_at`

/** The newest copy that somebody has asked for. */
export const findNewest = async (tx: Query, user_id: string): Promise<ExportState | undefined> => {
  const rows = await tx<ExportState[]>`
    select ${state(tx)} from exports where user_id = ${user_id} order by requested_at desc limit 1`
  return rows[0]
}

export const insertExport = async (
  tx: Query,
  row: Omit<ExportsRow, 'ready_at' | 'downloaded_at' | 'content_sealed'>,
) => {
  await tx`insert into exports ${tx(row)}`
}

/** The copy that has waited longest to be made, apart from these. */
export const findWaiting = async (
  tx: Query,
  now: Date,
  except: readonly string[],
): Promise<ExportState | undefined> => {
  const rows = await tx<ExportState[]>`
    select ${state(tx)} from exports where ready_at is null and expires_at > ${now} and id <> all (${[...except]}::uuid[]) order by requested_at limit 1`
  return rows[0]
}

/** Puts what was made into its row. False when another node was faster, or the account is gone. */
export const finishExport = async (
  tx: Query,
  id: string,
  facts: { ready_at: Date; expires_at: Date; content_sealed: string },
): Promise<boolean> =>
  (await tx`update exports set ${tx(facts)} where id = ${id} and ready_at is null returning id`).length === 1

/** Takes a copy out, once (security rule G-2): what is handed out does not lie here any more. */
export const takeExport = async (
  tx: Query,
  { id, user_id, now }: { id: string; user_id: string; now: Date },
): Promise<{ content_sealed: string } | undefined> => {
  const rows = await tx<{ content_sealed: string }[]>`
    update exports e set downloaded_at = ${now}, content_sealed = null
    from (select id, content_sealed from exports where id = ${id} and user_id = ${user_id} for update) held
    where e.id = held.id and e.downloaded_at is null and e.ready_at is not null and e.expires_at > ${now}
      and held.content_sealed is not null
    returning held.content_sealed`
  return rows[0]
}

/** Removes copies whose end lies before an instant. At most `limit`; returns how many. */
export const removeExports = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from exports where ctid = any (array(select ctid from exports where expires_at < ${before} limit ${limit}))`
  return count
}
