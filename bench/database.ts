/**
 * Owns the bench's way to an embedded PostgreSQL: one of its own for the peer, a question to the one of Keywright.
 * Both are Keywright's own db/embedded.ts, so both databases have the same settings. Start reading at `openDatabase`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../server/src/db/connect.ts'
import { type Embedded, type EmbeddedAddress, openEmbedded } from '../server/src/db/embedded.ts'

/** A running PostgreSQL. `pid` is its parent process, `settings` one line for the reader. */
export type Database = { address: EmbeddedAddress; pid: number; settings: string; close: () => Promise<void> }

const open = new Set<Embedded>()

/**
 * Opens the cluster in this data folder: starts it when nobody has, else joins as a guest. `close` stops what it
 * started and leaves alone what it joined. Throws when PostgreSQL does not answer.
 */
export async function openDatabase(dataDir: string): Promise<Database> {
  const embedded = await openEmbedded({ dataDir, log: () => {} })
  open.add(embedded)
  const address = forOthers(embedded.address())
  // The first line of postmaster.pid is the process id of PostgreSQL's parent process.
  const pid = Number(readFileSync(join(embedded.folder, 'postmaster.pid'), 'utf8').split('\n')[0])
  return { address, pid, settings: await askSettings(address), close: async () => await close(embedded) }
}

/** Closes every database that is still open, for the way out. */
export async function closeDatabases(): Promise<void> {
  await Promise.all([...open].map(close))
}

async function close(embedded: Embedded): Promise<void> {
  open.delete(embedded)
  await embedded.stop()
}

/** The address of a long folder goes through a handle of this process, which lives as long as the peer does. */
function forOthers(address: EmbeddedAddress): EmbeddedAddress {
  if (!('path' in address)) return address
  return { ...address, path: address.path.replace(/^\/proc\/self\//, `/proc/${process.pid}/`) }
}

async function askSettings(address: EmbeddedAddress): Promise<string> {
  const db = connect(address, { database_pool: 2, database_prepare: false })
  try {
    const [row] = await db<{ version: string; commit: string; fsync: string }[]>`
      select current_setting('server_version') as version, current_setting('synchronous_commit') as commit,
        current_setting('fsync') as fsync`
    return `embedded PostgreSQL ${row?.version}, synchronous_commit=${row?.commit}, fsync=${row?.fsync}`
  } finally {
    await db.end()
  }
}
