// Owns what has to be decided before the first TypeScript is loaded: where compiled code is cached, and how many threads
// there are for hashing. Code that comes from the cache needs no type stripper: 20 MB of memory less, and a faster start.
// config/load.ts reads the same names again, with checks. Plain JavaScript; needs the Node that runs TypeScript.
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'

/**
 * For the server, which makes its data folder, and for commands, which never make one. A shared temporary folder could be
 * poisoned by another account: the cache lies below the data folder, and only one of our own is used.
 * @param {'server' | 'command'} program
 */
export function prepare(program) {
  const folder = resolve(process.env['KEYWRIGHT_DATA_DIR'] || fromFile() || './data')
  if (program === 'server') {
    // Two hashes at a time for each core (security design 3.6), unless somebody said otherwise; only before the first use.
    process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(4, 2 * availableParallelism()))
    make(folder)
  }
  if (isOurs(folder)) enableCompileCache(join(folder, 'cache'))
}

/** @param {string} folder */
function make(folder) {
  try {
    // PostgreSQL's own account has to pass through, and nobody has to read.
    mkdirSync(folder, { recursive: true, mode: 0o711 })
  } catch {
    // What is wrong with the folder is said in words when it is opened.
  }
}

/**
 * @param {string} folder
 * @returns {boolean}
 */
function isOurs(folder) {
  try {
    return process.getuid === undefined || statSync(folder).uid === process.getuid()
  } catch {
    return false
  }
}

/** @returns {string | undefined} */
function fromFile() {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))['KEYWRIGHT_DATA_DIR']
  } catch {
    return undefined
  }
}
