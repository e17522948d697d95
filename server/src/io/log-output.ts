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

type State = {
  target: Target
  lines: string[]
  /** Characters in `lines`. */
  length: number
  /** A write is at work, or about to be tried again. */
  busy: boolean
  /** What is to be tried again. What a write is at work on still goes out when the process ends. */
  refused: Buffer | undefined
  timer: NodeJS.Timeout | undefined
  flushed: (() => void)[]
}

const gather = (target: Target): LogOutput => {
  const state: State = { target, lines: [], length: 0, busy: false, refused: undefined, timer: undefined, flushed: [] }
  return {
    write: (line) => {
      remember(state)
      if (state.length + line.length > held) return
      state.lines.push(line)
      state.length += line.length
      schedule(state)
    },
    flush: (done) => {
      state.flushed.push(done)
      start(state)
    },
  }
}

const schedule = (state: State): void => {
  if (state.length >= gathered) start(state)
  else state.timer ??= setTimeout(() => start(state), patienceMs).unref()
}

const start = (state: State): void => {
  clearTimeout(state.timer)
  state.timer = undefined
  if (state.busy) return
  if (state.length > 0) return put(state, take(state))
  for (const done of state.flushed.splice(0)) done()
}

const take = (state: State): Buffer => {
  const taken = Buffer.from(state.lines.join(''))
  state.lines = []
  state.length = 0
  return taken
}

const put = (state: State, bytes: Buffer): void => {
  state.busy = true
  state.refused = undefined
  write(state.target.descriptor(bytes.length), bytes, (error, count) => {
    if (error?.code === 'EAGAIN') {
      // A pipe that is full for the moment: somebody reads it soon, or `held` bounds what waits.
      state.refused = bytes
      setTimeout(() => put(state, bytes), 50)
      return
    }
    if (!error) state.target.written(count)
    if (!error && count < bytes.length) return put(state, bytes.subarray(count))
    state.busy = false
    if (state.flushed.length > 0) start(state)
    else if (state.length > 0) schedule(state)
  })
}

/** Outputs that were written to: the process has one end for all of them. */
const used = new Set<State>()

const remember = (state: State): void => {
  if (used.size === 0)
    process.once('exit', () => {
      for (const one of used) writeLast(one)
    })
  used.add(state)
}

/** What is still held when the process ends. A reader that takes nothing for half a second loses the rest. */
const writeLast = (state: State): void => {
  let rest = Buffer.concat([state.refused ?? Buffer.alloc(0), take(state)])
  const until = Date.now() + 500
  while (rest.length > 0 && Date.now() < until) {
    try {
      rest = rest.subarray(writeSync(state.target.descriptor(rest.length), rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(pause, 0, 0, 10)
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4))

/** Moves each file on by one number, the current one to 1; the oldest goes. */
const makeRoom = (path: string): void => {
  // Somebody has taken the file away: nothing to move, and the old ones stay where they are.
  if (!existsSync(path)) return
  if (existsSync(`${path}.${kept}`)) unlinkSync(`${path}.${kept}`)
  for (let n = kept - 1; n >= 1; n -= 1) if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`)
  renameSync(path, `${path}.1`)
}
