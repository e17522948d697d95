/**
 * Owns a proxy between an API and the issuer: it counts what goes through, and cuts or freezes the feed or everything. Start
 * reading at `openProxy`.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

/** `frozen`: connections stay and nothing comes through, as when a network breaks. `shut`: they are cut, new ones too. */
export type Gate = 'open' | 'shut' | 'frozen'

export type Proxy = {
  origin: string
  /** How often each path was asked for. */
  counts: Map<string, number>
  feed: (gate: Gate) => void
  all: (gate: Gate) => void
}

type Passage = { path: string; request: IncomingMessage; response: ServerResponse }
type State = { target: () => number; counts: Map<string, number>; feed: Gate; all: Gate; open: Set<Passage> }

const isFeed = (path: string): boolean => path === '/oauth/revocations'
const stops: (() => void)[] = []
afterAll(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Opens it on a port; `target` says where it leads. */
export const openProxy = async (target: () => number): Promise<Proxy> => {
  const state: State = { target, counts: new Map(), feed: 'open', all: 'open', open: new Set() }
  const server = createServer((request, response) => pass(state, request, response))
  server.listen(0)
  await once(server, 'listening')
  stops.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    counts: state.counts,
    feed: (gate) => {
      state.feed = gate
      apply(state)
    },
    all: (gate) => {
      state.all = gate
      apply(state)
    },
  }
}

const gateOf = ({ feed, all }: State, path: string): Gate => (all === 'open' && isFeed(path) ? feed : all)

const apply = (state: State): void => {
  for (const { path, request } of state.open) if (gateOf(state, path) === 'shut') request.socket.destroy()
}

const pass = (state: State, request: IncomingMessage, response: ServerResponse): void => {
  const path = new URL(request.url ?? '', 'http://x').pathname
  state.counts.set(path, (state.counts.get(path) ?? 0) + 1)
  const passage = { path, request, response }
  state.open.add(passage)
  response.on('close', () => state.open.delete(passage))
  if (gateOf(state, path) === 'shut') request.socket.destroy()
  if (gateOf(state, path) === 'open') forward(state, passage)
}

const forward = (state: State, { path, request, response }: Passage): void => {
  const { method, headers, url } = request
  const place = { host: 'localhost', port: state.target(), path: url ?? '/', agent: false as const }
  const outgoing = httpRequest({ ...place, ...(method && { method }), headers }, (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, incoming.headers)
    // What comes while the way is frozen is lost, and so is the end.
    incoming.on('data', (part: Buffer) => gateOf(state, path) === 'open' && response.write(part))
    incoming.on('end', () => gateOf(state, path) === 'open' && response.end())
    incoming.on('error', () => response.destroy())
  })
  outgoing.on('error', () => response.destroy())
  response.on('close', () => outgoing.destroy())
  request.pipe(outgoing)
}
