/** Owns the files that commands write. */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { StartError } from '../config/start-error.ts'

/** Opens a new file, readable by its owner alone: it holds what people are called, and hashes perhaps. Throws StartError. */
export const openNew = async (file: string): Promise<Writable> => {
  const out = createWriteStream(file, { flags: 'wx', mode: 0o600 })
  await once(out, 'open').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new StartError(
      code === 'EEXIST' ? `The file ${file} exists already.` : `${file} cannot be written (${code}).`,
    )
  })
  return out
}

/** Ends it, and waits until everything is written. */
export const closed = async (out: Writable): Promise<void> => {
  out.end()
  await once(out, 'close')
}
