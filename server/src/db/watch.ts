/**
 * Owns the limit on waiting for PostgreSQL. A connection whose packets are swallowed stays open and says nothing, for
 * hours: whoever waits for longer than the limit makes the silent connections be ended, so that what waits on them fails
 * as unavailable (security rule G-1) and new ones are made. One timer for all; a statement costs one entry in a set.
 * Start reading at `createWatch`.
 */
import { Socket } from 'node:net'

/** Something that waits for PostgreSQL. Only what is not sent yet can be given up without ending a connection. */
export type Waiting = { since: number; giveUp?: () => void }

/** Where the driver wants to connect: its own options, as far as they are used here. */
export type Place = { path: string | false; host: string[]; port: number[] }

export type Watch = {
  /** Notes that somebody waits from now on; call `done` with it afterwards. */
  wait: (giveUp?: () => void) => Waiting
  done: (waiting: Waiting) => void
  /** Makes a connection for the driver; of several hosts, the next one each time. */
  open: (place: Place) => Socket
  stop: () => void
}

/** `asked`: something was written at a later look than the last thing that was read. */
type Quiet = { read: number; written: number; since: number; asked: boolean }
type State = { limitMs: number; lookMs: number; waiting: Set<Waiting>; sockets: Map<Socket, Quiet>; opened: number }

/** Makes the watch of one pool. `limitMs`: how long anybody waits, give or take a twelfth. */
export const createWatch = (limitMs: number): Watch => {
  const state: State = { limitMs, lookMs: limitMs / 12, waiting: new Set(), sockets: new Map(), opened: 0 }
  const timer = setInterval(() => look(state, performance.now()), state.lookMs).unref()
  return {
    wait: (giveUp) => {
      const waiting = { since: performance.now(), ...(giveUp && { giveUp }) }
      state.waiting.add(waiting)
      return waiting
    },
    done: (waiting) => state.waiting.delete(waiting),
    open: (place) => open(state, place),
    stop: () => clearInterval(timer),
  }
}

const look = (state: State, now: number): void => {
  for (const [socket, quiet] of state.sockets) measure(socket, quiet, now)
  let isLate = false
  // Oldest first: usually the first one ends it.
  for (const waiting of state.waiting) {
    if (now - waiting.since < state.limitMs) break
    isLate = true
    waiting.giveUp?.()
  }
  if (!isLate) return
  // A healthy one is never silent for so long: statement_timeout is shorter. An idle one may go: the pool makes another.
  const silent = state.limitMs - 2 * state.lookMs
  for (const [socket, quiet] of state.sockets) if (now - quiet.since >= silent) socket.destroy()
}

/** Counting bytes costs nothing while they flow, and works for TLS too. */
const measure = (socket: Socket, quiet: Quiet, now: number): void => {
  const { bytesRead: read, bytesWritten: written } = socket
  if (read !== quiet.read) Object.assign(quiet, { since: now, asked: false })
  // Further questions to somebody who is silent do not make the silence shorter.
  else if (written !== quiet.written && !quiet.asked) Object.assign(quiet, { since: now, asked: true })
  Object.assign(quiet, { read, written })
}

const open = (state: State, { path, host, port }: Place): Socket => {
  const socket = new Socket()
  const turn = state.opened % host.length
  state.opened += 1
  state.sockets.set(socket, { read: 0, written: 0, since: performance.now(), asked: false })
  socket.once('close', () => state.sockets.delete(socket))
  endIfMute(socket)
  // The driver checks the certificate of TLS against this name.
  Object.assign(socket, { host: host[turn], port: port[turn] })
  // Not at once: the driver has yet to listen for what goes wrong.
  queueMicrotask(() => {
    if (path) socket.connect(path)
    else socket.connect(port[turn] ?? 5432, host[turn] ?? 'localhost')
  })
  return socket
}

/**
 * The driver (3.4.9) collects what it writes until the end of a turn of the event loop. What it has collected when its
 * connection closes it neither sends nor forgets, and its next connection never greets anybody: it waits in vain for five
 * seconds, again and again. Ended at once instead, it tries again until it has collected so much that it sends all of it,
 * which PostgreSQL takes for no greeting and hangs up; then everything is forgotten.
 */
const endIfMute = (socket: Socket): void => {
  // The first turn is the one in which the driver writes its greeting.
  setImmediate(() =>
    setImmediate(() => {
      if (socket.bytesWritten === 0) socket.destroy()
    }),
  )
}
