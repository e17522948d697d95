/**
 * Owns a road between a server and its database that can be cut and mended: for tests of what a server says while the
 * database is away. The test's own pool goes another way. Start reading at `cuttable`.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket, connect } from 'node:net'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, inject } from 'vitest'
import { temporaryFolder } from './child.ts'
import { type TestDatabase, testDatabase } from './database.ts'

export type Cuttable = {
  /** For `startServer({ database })`: the test file's database, reached by this road. */
  database: TestDatabase
  /** Ends every connection and refuses new ones. */
  cut: () => Promise<void>
  mend: () => Promise<void>
}

const roads: Server[] = []
const open = new Set<Socket>()
afterAll(() => {
  for (const socket of open) socket.destroy()
  for (const road of roads.splice(0)) road.close()
})

/** Builds the road to the test file's database. */
export const cuttable = async (): Promise<Cuttable> => {
  const direct = await testDatabase()
  const { address } = inject('postgres')
  const isSocket = 'path' in address
  const road = createServer((near) => {
    const far = isSocket ? connect(address.path) : connect(address.port, address.host)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  roads.push(road)
  const folder = await temporaryFolder()
  const path = join(folder, '.s.PGSQL.5432')
  const listen = async (port = 0): Promise<number> => {
    road.listen(isSocket ? { path } : { host: '127.0.0.1', port })
    await once(road, 'listening')
    const place = road.address()
    return typeof place === 'object' && place !== null ? place.port : 0
  }
  const port = await listen()
  const database = {
    ...direct,
    env: isSocket
      ? { ...direct.env, PGHOST: folder }
      : { DATABASE_URL: detour(direct.env['DATABASE_URL'] ?? '', port) },
  }
  return {
    database,
    cut: async () => {
      const closed = once(road, 'close')
      road.close()
      for (const socket of open) socket.destroy()
      await closed
      if (isSocket) await rm(path, { force: true })
    },
    mend: async () => {
      await listen(port)
    },
  }
}

const detour = (url: string, port: number): string => {
  const changed = new URL(url)
  changed.host = `127.0.0.1:${port}`
  return changed.href
}
