/** Owns a program that is told of events: an HTTP server on this machine which keeps what came and answers as a test says. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect } from 'vitest'
import type { Caller } from './api.ts'

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

/** A webhook and a message as the API shows them. */
export type Hook = { id: string; secret: string; status: string; paused_because: string | null; url: string }
export type Message = {
  id: string
  status: string
  attempts: number
  type: string
  log: { status: number | null; error: string | null }[]
}

/** Makes a webhook that leads to a receiver, for new accounts unless said otherwise. */
export const makeHook = async (
  caller: Caller,
  { url }: Receiver,
  body: Record<string, unknown> = {},
): Promise<Hook> => {
  const made = await caller.call('POST', 'webhooks', { name: 'Hook', url, events: ['user.created'], ...body })
  expect(made.status, made.body).toBe(201)
  return made.json()
}

/** What a receiver was told, once there are as many messages. */
export const heard = async (from: Receiver, count: number): Promise<Received[]> => {
  await expect.poll(() => from.received.length, { timeout: 8000 }).toBeGreaterThanOrEqual(count)
  return from.received
}

/** Answers 204 again, and forgets what came. */
export const renew = (...receivers: Receiver[]): void => {
  for (const one of receivers) {
    one.answer((out) => out.writeHead(204).end())
    one.received.length = 0
  }
}
