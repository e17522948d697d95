/**
 * Owns being a process of its own that opens the embedded PostgreSQL: what the tests kill, race and run as other users.
 * Arguments: the file to import, the data folder, a platform to pretend to be, a file for the log, patience. Orders come over Node's channel.
 */
import { appendFileSync } from 'node:fs'
import postgres from 'postgres'
import type { Embedded } from '../../src/db/embedded.ts'
import type { Opened, Order, Result } from './support.ts'

const [file = '', dataDir = '', platform = process.platform, logFile = '', patience = ''] = process.argv.slice(2)
Object.defineProperty(process, 'platform', { value: platform })
const { openEmbedded } = (await import(file)) as typeof import('../../src/db/embedded.ts')
const send = (message: Opened | Result): boolean | undefined => process.send?.(message)
const log = (line: string): void => {
  if (logFile !== '') appendFileSync(logFile, `${line}\n`)
}

// A terminal's Ctrl-C reaches us too; what it does to the database is the question.
process.on('SIGINT', () => {})

const before = performance.now()
try {
  const embedded = await openEmbedded({ dataDir, log, ...(patience === '' ? {} : { patienceMs: Number(patience) }) })
  const { firstStart, folder } = embedded
  process.on('message', (order: Order) => void answer(embedded, order))
  send({ ok: true, ms: performance.now() - before, owner: embedded.owner(), firstStart, folder })
} catch (error) {
  const { name, message } = error as Error
  send({ ok: false, name, message })
  process.disconnect()
}

async function answer(embedded: Embedded, { id, call, text }: Order): Promise<void> {
  try {
    send({ id, value: await perform(embedded, call, text) })
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    send({ id, error: message, code })
  }
  // Nothing else may keep a process that was stopped: no timer, no handle of a dead server.
  if (call === 'stop') process.disconnect()
}

async function perform(embedded: Embedded, call: Order['call'], text: string): Promise<unknown> {
  if (call === 'owner') return embedded.owner()
  if (call === 'address') return embedded.address()
  if (call !== 'sql') return await embedded[call]()
  const db = postgres({ ...embedded.address(), max: 1, fetch_types: false, onnotice: () => {} })
  try {
    return await db.unsafe(text)
  } finally {
    await db.end({ timeout: 0 })
  }
}
