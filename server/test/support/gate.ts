/**
 * Owns a gate between a server and its PostgreSQL: a proxy that a test shuts, opens, or closes behind one statement, so
 * that faults happen at an exact moment. Start reading at `openGate`.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll } from 'vitest'
import type { EmbeddedAddress } from '../../src/db/embedded-address.ts'

export type Gate = {
  /** What a server needs to go through the gate. Its statements are sent as text each time, so that they can be seen. */
  env: Record<string, string | undefined>
  /** Cuts every connection; new ones are refused. */
  shut: () => Promise<void>
  /** Lets connections through again, on the same port. Those that were frozen stay so: what they swallowed is lost. */
  open: () => Promise<void>
  /** Swallows everything from now on, of old and new connections, and closes none: what a broken network does. */
  freeze: () => void
  /** How many frozen connections are still there. */
  frozen: () => number
  /**
   * Waits for a statement that contains the text, and keeps it from PostgreSQL (`before`), or lets it through and keeps
   * its answer from the server (`after`). Resolves when the statement was seen.
   */
  stopAt: (text: string, where: 'before' | 'after') => Promise<void>
  /** Cuts the connection that `stopAt` has stopped; the server learns that it is gone, but not what became of its statement. */
  cutStopped: () => void
}

type Pair = { client: Socket; database: Socket; frozen: boolean }
type Trap = { text: string; where: 'before' | 'after'; seen: () => void }
/** `text`: the connection on which the statement's text has gone by; `stopped`: the one that nothing passes any more. */
type State = {
  pairs: Set<Pair>
  freezing: boolean
  trap: Trap | undefined
  text: Pair | undefined
  stopped: Pair | undefined
}

const gates = new Set<Gate>()
afterAll(async () => {
  for (const gate of gates) await gate.shut()
  gates.clear()
})

/** Opens a gate in front of a database. It is shut after the test file. */
export const openGate = async (address: EmbeddedAddress, database = address.database): Promise<Gate> => {
  const state: State = { pairs: new Set(), freezing: false, trap: undefined, text: undefined, stopped: undefined }
  let listener = await listen(state, address, 0)
  const { port } = listener.address() as AddressInfo
  const { user } = address
  const password = 'password' in address ? `:${encodeURIComponent(address.password)}` : ''
  const gate: Gate = {
    env: {
      DATABASE_URL: `postgres://${user}${password}@127.0.0.1:${port}/${database}`,
      KEYWRIGHT_DATABASE_PREPARE: 'off',
      PGHOST: undefined,
      PGUSER: undefined,
    },
    shut: async () => {
      const closed = listener.listening ? once(listener, 'close') : undefined
      listener.close()
      for (const pair of state.pairs) cut(state, pair)
      await closed
    },
    freeze: () => {
      state.freezing = true
      for (const pair of state.pairs) pair.frozen = true
    },
    frozen: () => [...state.pairs].filter((pair) => pair.frozen).length,
    open: async () => {
      state.freezing = false
      state.trap = undefined
      state.stopped = undefined
      if (!listener.listening) listener = await listen(state, address, port)
    },
    stopAt: async (text, where) =>
      await new Promise((seen) => {
        state.trap = { text, where, seen }
      }),
    cutStopped: () => {
      if (state.stopped) cut(state, state.stopped)
    },
  }
  gates.add(gate)
  return gate
}

const listen = async (state: State, address: EmbeddedAddress, port: number): Promise<Server> => {
  const listener = createServer((client) => join(state, client, address))
  listener.listen(port, '127.0.0.1')
  await once(listener, 'listening')
  return listener
}

const join = (state: State, client: Socket, address: EmbeddedAddress): void => {
  const target = 'path' in address ? { path: address.path } : { host: address.host, port: address.port }
  const pair: Pair = { client, database: connect(target), frozen: state.freezing }
  state.pairs.add(pair)
  for (const socket of [pair.client, pair.database]) {
    socket.on('error', () => cut(state, pair))
    socket.on('close', () => cut(state, pair))
  }
  client.on('data', (part) => pass(state, pair, part))
  pair.database.on('data', (part) => {
    if (state.stopped !== pair && !pair.frozen) client.write(part)
  })
}

/** An Execute message for the unnamed portal, all rows: the statement's parameters come with it, after its text. */
const execute = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])

/** Hands on what the server sends, up to the statement that is waited for. */
const pass = (state: State, pair: Pair, part: Buffer): void => {
  if (state.stopped === pair || pair.frozen) return
  const { trap } = state
  if (trap !== undefined && state.text === undefined && part.includes(trap.text)) state.text = pair
  const isThere = trap !== undefined && state.text === pair && (trap.where === 'before' || part.includes(execute))
  if (!isThere || trap.where === 'after') pair.database.write(part)
  if (!isThere) return
  state.trap = undefined
  state.text = undefined
  state.stopped = pair
  trap.seen()
}

const cut = (state: State, pair: Pair): void => {
  state.pairs.delete(pair)
  pair.client.destroy()
  pair.database.destroy()
}
