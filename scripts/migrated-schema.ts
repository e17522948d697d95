/**
 * Owns making a database that has every migration and nothing else, for what is generated from the schema.
 * Leaves no folder and no process behind. Start reading at `renderMigratedSchema`.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../server/src/db/connect.ts'
import { type EmbeddedAddress, openEmbedded } from '../server/src/db/embedded.ts'
import { migrate } from '../server/src/db/migrate.ts'
import { loadColumns, renderRowTypes } from './row-types.ts'

/** The content of tables.gen.ts, from a freshly migrated database. */
export async function renderMigratedSchema(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kw-schema-'))
  try {
    // PostgreSQL's own user must be able to pass through, as through any data folder.
    await chmod(dataDir, 0o711)
    const embedded = await openEmbedded({ dataDir, log: (line) => console.error(line) })
    try {
      return await readSchema(embedded.address())
    } finally {
      await embedded.stop()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

async function readSchema(address: EmbeddedAddress): Promise<string> {
  const db = connect(address, { database_pool: 1, database_prepare: false })
  try {
    await migrate(db)
    return renderRowTypes(await loadColumns(db))
  } finally {
    await db.end()
  }
}
