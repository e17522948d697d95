/** Owns the start of the server process, kept small so that the compile cache is on before anything large is imported. */
import { cacheFolder, sizeThreadPool } from './config/early.ts'
import { enableCompileCache, flushCompileCache } from 'node:module'

sizeThreadPool()
enableCompileCache(cacheFolder())
const { boot } = await import('./boot.ts')
await boot()
flushCompileCache()
