/**
 * Owns one keep-alive connection of the load process: HTTP/1.1 on a plain socket, one request in flight, no pipelining.
 * Knows just enough of RFC 9112 to read whole answers. It never retries. Start reading at `openConnection`.
 */
import { connect, type Socket } from 'node:net'

/** An answer: status, the head as it came, and the body with its chunks joined. */
export type Answer = { status: number; head: string; body: Buffer }

export type Connection = {
  /** Sends one request and waits for its answer. Rejects when the connection breaks or ten seconds pass. */
  send: (request: Buffer) => Promise<Answer>
  close: () => void
}

type Waiting = { resolve: (answer: Answer) => void; reject: (error: Error) => void }
type State = { socket: Socket; received: Buffer; waiting: Waiting | undefined }

const empty = Buffer.alloc(0)

/** Opens a connection to a port of the loopback address; it is made again when the server has closed it in between. */
export function openConnection(port: number): Connection {
  let state = dial(port)
  return {
    send: async (request) =>
      await new Promise<Answer>((resolve, reject) => {
        if (state.socket.destroyed || state.socket.readableEnded) state = dial(port)
        state.waiting = { resolve, reject }
        state.socket.write(request)
      }),
    close: () => state.socket.destroy(),
  }
}

function dial(port: number): State {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const state: State = { socket, received: empty, waiting: undefined }
  socket.setTimeout(10_000, () => fail(state, new Error('no answer within ten seconds')))
  socket.on('data', (chunk: Buffer) => receive(state, chunk))
  socket.on('error', (error) => fail(state, error))
  socket.on('close', () => fail(state, new Error('the server closed the connection')))
  return state
}

function fail(state: State, error: Error): void {
  const { waiting } = state
  state.waiting = undefined
  state.socket.destroy()
  waiting?.reject(error)
}

function receive(state: State, chunk: Buffer): void {
  state.received = state.received.length === 0 ? chunk : Buffer.concat([state.received, chunk])
  const read = tryRead(state.received)
  if (read instanceof Error) return fail(state, read)
  if (read === undefined) return
  state.received = state.received.subarray(read.length)
  const { waiting } = state
  if (waiting === undefined) return fail(state, new Error('an answer that nobody asked for'))
  state.waiting = undefined
  if (/\r\nconnection: *close/i.test(read.answer.head)) state.socket.destroy()
  waiting.resolve(read.answer)
}

const tryRead = (bytes: Buffer): ReturnType<typeof readAnswer> | Error => {
  try {
    return readAnswer(bytes)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** The first whole answer in the bytes and how many it took; undefined while more must come. Throws when it has no length. */
export function readAnswer(bytes: Buffer): { answer: Answer; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const start = headEnd + 4
  const status = Number(head.slice(9, 12))
  if (status === 204 || status === 304) return { answer: { status, head, body: empty }, length: start }
  const declared = /\r\ncontent-length: *(\d+)/i.exec(head)
  if (declared === null) return readChunks(bytes, start, { status, head })
  const length = start + Number(declared[1])
  return bytes.length < length ? undefined : { answer: { status, head, body: bytes.subarray(start, length) }, length }
}

/** RFC 9112 §7.1, without trailers: no server that is measured here sends any. */
function readChunks(bytes: Buffer, start: number, { status, head }: { status: number; head: string }) {
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error(`an answer without a length: ${head}`)
  const parts: Buffer[] = []
  let at = start
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (bytes.length < next) return undefined
    if (size === 0) return { answer: { status, head, body: Buffer.concat(parts) }, length: next }
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = next
  }
}

/** A header's first value, '' without it. `name` is lower case. */
export function headerOf(answer: Answer, name: string): string {
  return headersOf(answer, name)[0] ?? ''
}

/** All values of a header. `name` is lower case. */
export function headersOf(answer: Answer, name: string): string[] {
  const lines = answer.head.split('\r\n').slice(1)
  return lines
    .filter((line) => line.slice(0, name.length + 1).toLowerCase() === `${name}:`)
    .map((line) => line.slice(name.length + 1).trim())
}
