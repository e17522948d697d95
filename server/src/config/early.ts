/**
 * Owns what has to be decided before anything large is loaded: where compiled code is cached, and how many threads there
 * are for hashing. load.ts reads the same names again, with checks.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'

/** The folder of the compile cache, below the data folder: a shared temporary folder could be poisoned by another account. */
export const cacheFolder = (): string => {
  const folder = resolve(process.env['KEYWRIGHT_DATA_DIR'] || fromFile() || './data')
  try {
    // PostgreSQL's own account has to pass through, and nobody has to read.
    mkdirSync(folder, { recursive: true, mode: 0o711 })
  } catch {
    // What is wrong with the folder is said in words when it is opened.
  }
  return resolve(folder, 'cache')
}

const fromFile = (): string | undefined => {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))['KEYWRIGHT_DATA_DIR']
  } catch {
    return undefined
  }
}

/** Two hashes at a time for each core (security design 3.6), unless somebody said otherwise; only before the first use. */
export const sizeThreadPool = (): void => {
  process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(4, 2 * availableParallelism()))
}
