/** Owns the start of the server process; bin/early.js has turned the compile cache on. What was compiled is kept for the next start. */
import { flushCompileCache } from 'node:module'
import { boot } from './boot.ts'

await boot()
flushCompileCache()
