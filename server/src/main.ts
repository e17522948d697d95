/** Owns the start of the server process, kept small so that the compile cache is on before anything large is imported. */
import { cacheFolder } from './config/early.ts'
import { enableCompileCache, flushCompileCache } from 'node:module'

enableCompileCache(cacheFolder())
const { boot } = await import('./boot.ts')
await boot()
flushCompileCache()
