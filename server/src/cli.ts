/**
 * Owns the start of a command, kept small so that the compile cache is on before anything large is imported (it halves
 * the time of most commands). The table of contents is cli/program.ts.
 */
import { statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname } from 'node:path'
import { cacheFolder } from './config/early.ts'

/** Only in a data folder that is there and ours: a command makes none, and runs no code that somebody else put there. */
const mayCache = (): boolean => {
  const found = statSync(dirname(cacheFolder()), { throwIfNoEntry: false })
  return found !== undefined && (process.getuid === undefined || found.uid === process.getuid())
}

if (mayCache()) enableCompileCache(cacheFolder())
const { run } = await import('./cli/program.ts')
await run()
