/**
 * Owns the loading of the server's modules for the commands that need them, from the compile cache where there is one:
 * it halves the time of a command. Never makes a folder.
 */
import { statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/** Loads open.ts and the slice that a command works with. Throws StartError when the settings are wrong. */
export const load = async <T>(slice: () => Promise<T>): Promise<typeof import('./open.ts') & T> => {
  const { loadConfig } = await import('../config/load.ts')
  const { data_dir } = loadConfig().config
  if (isOurs(data_dir)) enableCompileCache(join(data_dir, 'cache'))
  const [open, loaded] = await Promise.all([import('./open.ts'), slice()])
  return { ...open, ...loaded }
}

/** A data folder that is there and this user's own: no code is run that somebody else could have put there. */
const isOurs = (folder: string): boolean => {
  const found = statSync(folder, { throwIfNoEntry: false })
  return found !== undefined && (process.getuid === undefined || found.uid === process.getuid())
}
