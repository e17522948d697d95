/**
 * Owns the log: JSON lines. Secrets are redacted here as the last line of defence; nobody logs them in the first place.
 * Where the lines go is log-output.ts's affair.
 */
import { pino } from 'pino'
import { type LogOutput, rotatingFile, standardOutput } from './log-output.ts'

export type Log = pino.Logger

/** Writes the line of a request. */
export type AccessLog = (level: 'info' | 'error', fields: Record<string, unknown>) => void

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

/** The log, and the log of requests: the same output, but its lines hold chosen fields only and need no redaction. */
export type Logs = { log: Log; accessLog: AccessLog }

/**
 * Opens the log, to standard output where `file` is absent.
 * @throws when the file cannot be opened.
 */
export const createLog = (options: { level: string; file?: string | undefined }): Logs => {
  const output = options.file === undefined ? standardOutput() : rotatingFile(options.file)
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
      redact: { paths: redacted.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    output,
  )
  return { log, accessLog: createAccessLog(log, output) }
}

/** Not through pino: a line per request would be a quarter of what an answer costs that needs no database. */
const createAccessLog = (log: Log, output: LogOutput): AccessLog => {
  const enabled = { info: log.isLevelEnabled('info'), error: log.isLevelEnabled('error') }
  let ms = 0
  let time = ''
  return (level, fields) => {
    if (!enabled[level]) return
    const now = Date.now()
    if (now !== ms) {
      ms = now
      time = new Date(now).toISOString()
    }
    output.write(`${JSON.stringify({ level, time, ...fields, msg: 'request' })}\n`)
  }
}
