/** Owns the one setting that is needed before the schema is loaded: where compiled code is cached. load.ts reads it again, with checks. */
import { resolve } from 'node:path'

/** The folder of the compile cache, below the data folder: a shared temporary folder could be poisoned by another account. */
export const cacheFolder = (): string => resolve(process.env['KEYWRIGHT_DATA_DIR'] || './data', 'cache')
