/** Owns what `keywright doctor` asks the database about itself. Changes nothing, not even the schema. */
import type { Db } from '../db/connect.ts'
import { migrations, pending } from '../db/migrate.ts'

export type DatabaseFacts = {
  /** PostgreSQL's version, such as 18.4. */
  version: string
  /** A standby, or a database that refuses to write. */
  read_only: boolean
  /** Names of the migrations of this release that were not applied. */
  pending: string[]
}

/**
 * Looks at a database.
 * @throws StartError when it was made by a newer release or holds other migrations than this one
 */
export const inspectDatabase = async (db: Db): Promise<DatabaseFacts> => {
  const [row] = await db<{ version: string; read_only: boolean; migrated: boolean }[]>`
    select split_part(current_setting('server_version'), ' ', 1) as version,
      pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as read_only,
      to_regclass('migrations') is not null as migrated`
  const applied = row?.migrated
    ? await db<
        { number: number; checksum: string }[]
      >`select number, checksum from migrations order by number limit 10000`
    : []
  const missing = pending(migrations(), new Map(applied.map(({ number, checksum }) => [number, checksum])))
  return {
    version: row?.version ?? 'unknown',
    read_only: row?.read_only ?? false,
    pending: missing.map((migration) => migration.name),
  }
}
