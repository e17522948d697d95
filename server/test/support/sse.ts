/** Owns listening to a stream of events (text/event-stream) as it comes over the wire. Start reading at `listen`. */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http'
import { afterAll, expect } from 'vitest'
import { until } from './looks.ts'

/** One event as it was dispatched, and when it came (`performance.now()`). */
export type Heard = { event: string; id: string | undefined; data: Record<string, unknown>; at: number }

export type Listening = {
  status: number
  headers: IncomingHttpHeaders
  /** Everything so far; comments are not among it. */
  heard: Heard[]
  comments: string[]
  /** Whether the server has ended it. */
  isOver: () => boolean
  close: () => void
  /** The body of an answer that is no stream. */
  body: () => string
  /** Waits for an event. */
  untilHeard: (fits: (one: Heard) => boolean) => Promise<Heard>
}

const open = new Set<ClientRequest>()
afterAll(() => {
  for (const one of open) one.destroy()
})

/** Opens a stream at an address; `host` is what the Host header says. Resolves once its headers are there. */
export const listen = async (url: string, headers: Record<string, string>): Promise<Listening> => {
  const outgoing = httpRequest(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false })
  open.add(outgoing)
  outgoing.end()
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
  })
  return read(outgoing, incoming)
}

/** Waits for the server to end it, which it has to within so many milliseconds. */
export const expectEnd = async (stream: Listening, withinMs: number): Promise<void> => {
  const asked = performance.now()
  await until(() => stream.isOver())
  expect(performance.now() - asked).toBeLessThan(withinMs)
}

const read = (outgoing: ClientRequest, incoming: IncomingMessage): Listening => {
  const heard: Heard[] = []
  const comments: string[] = []
  let rest = ''
  let all = ''
  let over = false
  incoming.setEncoding('utf8').on('data', (part: string) => {
    all += part
    const blocks = (rest + part).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) take(block, heard, comments)
  })
  incoming.on('error', () => {})
  incoming.on('close', () => {
    over = true
  })
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    heard,
    comments,
    isOver: () => over,
    close: () => outgoing.destroy(),
    body: () => all,
    untilHeard: async (fits) => {
      await until(() => heard.some(fits))
      return heard.find(fits) ?? { event: '', id: undefined, data: {}, at: 0 }
    },
  }
}

const take = (block: string, heard: Heard[], comments: string[]): void => {
  if (block.startsWith(':')) {
    comments.push(block.slice(1).trim())
    return
  }
  const fields = new Map(
    block.split('\n').map((line): [string, string] => [line.split(': ')[0] ?? '', line.slice(line.indexOf(': ') + 2)]),
  )
  const data = JSON.parse(fields.get('data') ?? '{}') as Record<string, unknown>
  heard.push({ event: fields.get('event') ?? '', id: fields.get('id'), data, at: performance.now() })
}
