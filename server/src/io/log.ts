/**
 * Owns the log: JSON lines, written asynchronously, to standard output or to a file that is rotated. Secrets are
 * redacted here as the last line of defence; nobody logs them in the first place.
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, unlinkSync, write } from 'node:fs'
import { dirname } from 'node:path'
import { pino } from 'pino'

export type Log = pino.Logger

const maxBytes = 10 * 1024 * 1024
const kept = 5
const redacted = [
  'password',
  'client_secret',
  'code',
  'code_verifier',
  'refresh_token',
  'access_token',
  'id_token',
  'token',
  'cookie',
  'authorization',
  'set-cookie',
]

/** The log, and the log of requests: the same stream, but its lines hold chosen fields only and need no redaction. */
export type Logs = { log: Log; accessLog: Log }

/**
 * Opens the log. Lines are gathered for a fifth of a second, so that a request never waits for them. `file` is rotated at
 * 10 MB and five old ones are kept; losing the file never stops the service.
 */
export const createLog = (options: { level: string; file?: string | undefined }): Logs => {
  const stream =
    options.file === undefined
      ? pino.destination({ dest: 1, sync: false, minLength: 8192, periodicFlush: 200 })
      : rotatingFile(options.file)
  const common = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const redact = { paths: redacted.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' }
  return { log: pino({ ...common, redact }, stream), accessLog: pino(common, stream) }
}

/** A minimal stream for pino: appends in order, turns the file over when it is full, drops lines when the disk is full. */
const rotatingFile = (path: string) => {
  mkdirSync(dirname(path), { recursive: true })
  let descriptor = openSync(path, 'a', 0o600)
  let size = statSync(path).size
  let pending: string[] = []
  let busy = false

  const turnOver = (): void => {
    makeRoom(path)
    const next = openSync(path, 'a', 0o600)
    // Closed only now: after a failure in between, the number could belong to a socket by the time of the next write.
    closeSync(descriptor)
    descriptor = next
    size = 0
  }
  const flush = (): void => {
    if (busy || pending.length === 0) return
    const chunk = Buffer.from(pending.join(''))
    pending = []
    busy = true
    try {
      if (size > 0 && size + chunk.length > maxBytes) turnOver()
    } catch {
      // The folder is gone or read-only: go on with the open file, or lose lines, but keep serving.
    }
    write(descriptor, chunk, (error) => {
      if (!error) size += chunk.length
      busy = false
      flush()
    })
  }
  return {
    write: (line: string): void => {
      if (pending.length < 100_000) pending.push(line)
      flush()
    },
  }
}

/** Moves each file on by one number, the current one to 1; the oldest goes. */
const makeRoom = (path: string): void => {
  if (existsSync(`${path}.${kept}`)) unlinkSync(`${path}.${kept}`)
  for (let n = kept - 1; n >= 1; n -= 1) if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`)
  renameSync(path, `${path}.1`)
}
