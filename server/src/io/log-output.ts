/**
 * Owns where log lines go: standard output, or a file that is rotated. Lines are gathered and written many at a time, so
 * that no request waits for them; what is still held when the process ends is written then.
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, unlinkSync, write, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Takes whole lines, in order. `flush` tells when everything taken so far was written, or cannot be. */
export type LogOutput = { write: (line: string) => void; flush: (done: (error?: Error) => void) => void }

/** Where the bytes go. `descriptor` is asked before each write, of `bytes`; `written` is told how many went. */
type Target = { descriptor: (bytes: number) => number; written: (bytes: number) => void }

const maxBytes = 10 * 1024 * 1024
const kept = 5
/** Characters that are written at once, and how long fewer of them wait. */
const gathered = 64 * 1024
const patienceMs = 200
/** Characters that are held while nobody takes them; lines beyond are lost, the service goes on. */
const held = 32 * 1024 * 1024

/** Standard output. */
export const standardOutput = (): LogOutput => gather({ descriptor: () => 1, written: () => {} })

/**
 * A file for its owner only, turned over at 10 MB; five old ones are kept. Losing it never stops the service.
 * @throws when it cannot be opened at the start.
 */
export const rotatingFile = (path: string): LogOutput => {
  mkdirSync(dirname(path), { recursive: true })
  let open = openSync(path, 'a', 0o600)
  let size = statSync(path).size
  const turnOver = (): void => {
    makeRoom(path)
    const next = openSync(path, 'a', 0o600)
    // Closed only now: after a failure in between, the number could belong to a socket by the time of the next write.
    closeSync(open)
    open = next
    size = 0
  }
  const descriptor = (bytes: number): number => {
    try {
      if (size > 0 && size + bytes > maxBytes) turnOver()
    } catch {
      // The folder is gone or read-only: go on with the open file, or lose lines, but keep serving.
    }
    return open
  }
  return gather({
    descriptor,
    written: (bytes) => {
      size += bytes
    },
  })
}

const gather = (target: Target): LogOutput => {
  let lines: string[] = []
  let length = 0
  /** What a write is at work on. */
  let chunk: Buffer | undefined
  let timer: NodeJS.Timeout | undefined
  let waiting: (() => void)[] = []

  const take = (): Buffer => {
    const taken = Buffer.from(lines.join(''))
    lines = []
    length = 0
    return taken
  }
  const start = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (chunk !== undefined) return
    if (length > 0) return put(take())
    for (const done of waiting.splice(0)) done()
  }
  const put = (bytes: Buffer): void => {
    chunk = bytes
    write(target.descriptor(bytes.length), bytes, (error, count) => {
      // A pipe that is full for the moment; somebody reads it soon, or `held` bounds the wait.
      if (error?.code === 'EAGAIN') return void setTimeout(() => put(bytes), 50)
      if (!error) target.written(count)
      if (!error && count < bytes.length) return put(bytes.subarray(count))
      chunk = undefined
      if (length >= gathered || waiting.length > 0) start()
      else if (length > 0) timer ??= setTimeout(start, patienceMs).unref()
    })
  }
  const atExit = (): void => {
    try {
      if (length > 0) writeSync(target.descriptor(length), take())
    } catch {
      // Nobody reads any more.
    }
  }
  let used = false
  return {
    write: (line) => {
      if (!used) process.once('exit', atExit)
      used = true
      if (length + line.length > held) return
      lines.push(line)
      length += line.length
      if (length >= gathered) start()
      else timer ??= setTimeout(start, patienceMs).unref()
    },
    flush: (done) => {
      waiting.push(done)
      start()
    },
  }
}

/** Moves each file on by one number, the current one to 1; the oldest goes. */
const makeRoom = (path: string): void => {
  if (existsSync(`${path}.${kept}`)) unlinkSync(`${path}.${kept}`)
  for (let n = kept - 1; n >= 1; n -= 1) if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`)
  renameSync(path, `${path}.1`)
}
