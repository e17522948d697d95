/** Owns the loading of the server's modules for the commands that need them. Never makes a folder. */

/** Loads open.ts and the slice that a command works with. Throws StartError when the settings are wrong. */
export const load = async <T>(slice: () => Promise<T>): Promise<typeof import('./open.ts') & T> => {
  const { loadConfig } = await import('../config/load.ts')
  loadConfig()
  const [open, loaded] = await Promise.all([import('./open.ts'), slice()])
  return { ...open, ...loaded }
}
