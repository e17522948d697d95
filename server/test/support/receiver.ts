/** Owns a program that is told of events: an HTTP server on this machine which keeps what came and answers as a test says. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

export type Received = { path: string; headers: IncomingHttpHeaders; body: string; at: number }
export type Receiver = {
  url: string
  /** host:port, for KEYWRIGHT_OUTBOUND_ALLOW. */
  place: string
  received: Received[]
  /** What it answers from now on: 204 unless said otherwise. */
  answer: (how: (out: ServerResponse, request: Received) => void) => void
}

/** Starts one; it ends with the test file. */
export const startReceiver = async (): Promise<Receiver> => {
  const received: Received[] = []
  let how: Parameters<Receiver['answer']>[0] = (out) => out.writeHead(204).end()
  const server = createServer((incoming, out) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { url: path = '', headers } = incoming
      const request = { path, headers, body: Buffer.concat(chunks).toString('utf8'), at: Date.now() }
      received.push(request)
      how(out, request)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const place = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${place}/hook`,
    place,
    received,
    answer: (next) => {
      how = next
    },
  }
}
