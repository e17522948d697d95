/**
 * Owns a PgBouncer in transaction mode between a server and the PostgreSQL of the run: the system's own program, as a
 * person runs it. Start reading at `startPgBouncer`.
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findTool, pgbouncer } from '../../../scripts/ensure-tools.ts'
import { connect } from '../../src/db/connect.ts'
import { startChild, temporaryFolder } from './child.ts'
import { until } from './looks.ts'
import { freePort } from './port.ts'

/**
 * Starts one in front of the database that an address names, with `size` connections to PostgreSQL. Returns the address
 * for clients; it is stopped after the test file.
 */
export const startPgBouncer = async (databaseUrl: string, size: number): Promise<string> => {
  const program = findTool(pgbouncer)
  if (program === undefined) throw new Error('no PgBouncer: install it, or run "npm test" as root on Debian')
  const port = await freePort()
  const file = join(await temporaryFolder(), 'pgbouncer.ini')
  writeFileSync(file, settingsOf(new URL(databaseUrl), { port, size }))
  chmodSync(file, 0o644)
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = startChild([program, ...user, file], { cwd: '/', env: process.env })
  const url = `postgres://anybody@127.0.0.1:${port}/pooled`
  await until(async () => {
    if (child.process.exitCode !== null) throw new Error(`PgBouncer ended:\n${child.output()}`)
    const db = connect(url, { database_pool: 1, database_prepare: false })
    const answer = await db`select 1`.catch(() => [])
    await db.end({ timeout: 1 })
    return answer.length === 1
  })
  return url
}

const settingsOf = (database: URL, { port, size }: { port: number; size: number }): string => {
  const password = database.password === '' ? '' : ` password=${decodeURIComponent(database.password)}`
  return `[databases]
pooled = host=${database.hostname} port=${database.port} dbname=${database.pathname.slice(1)} user=${database.username}${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${size}
`
}
