/** Owns the proof that the load is what it says: every request counted, every wrong answer found. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { readAnswer } from './connection.ts'
import type { Job } from './job.ts'
import { runJob } from './run-job.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

async function jobFor(handler: Handler, part: Partial<Job>): Promise<Job> {
  const listening = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => handler(request, response, body))
  })
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const address = listening.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const template: Job['template'] = { method: 'POST', path: '/token', headers: {}, body: 'v={0}' }
  return {
    port,
    connections: 4,
    seconds: 5,
    limit: 40,
    template,
    values: [['a']],
    use: 'cycle',
    check: { kind: 'empty' },
    ...part,
  }
}

test('each value of a list is sent once, on connections that stay open', async () => {
  const seen: string[] = []
  const sockets = new Set<unknown>()
  const values = Array.from({ length: 25 }, (_, number) => [`n${number}`])
  const handler: Handler = (request, response, body) => {
    seen.push(body)
    sockets.add(request.socket)
    response.end()
  }
  const outcome = await runJob(await jobFor(handler, { values, use: 'once' }))
  expect(outcome).toMatchObject({ count: 25, errors: 0 })
  expect(seen.toSorted()).toEqual(values.map(([value]) => `v=${value}`).toSorted())
  expect(sockets.size).toBe(4)
})

test('no connection has two requests in flight', async () => {
  let inFlight = 0
  let most = 0
  const handler: Handler = (_request, response) => {
    inFlight += 1
    most = Math.max(most, inFlight)
    setTimeout(() => {
      inFlight -= 1
      response.end()
    }, 5)
  }
  await runJob(await jobFor(handler, {}))
  expect(most).toBe(4)
})

test('a chain sends what the last answer gave, and ends where it breaks', async () => {
  const seen: string[] = []
  const handler: Handler = (_request, response, body) => {
    seen.push(body)
    const number = Number(body.slice(2)) + 1
    const tokens = { token_type: 'Bearer', access_token: 'x'.repeat(16), refresh_token: String(number) }
    response.statusCode = number === 3 ? 400 : 200
    response.end(JSON.stringify(number === 3 ? { error: 'invalid_grant' } : tokens))
  }
  const check: Job['check'] = { kind: 'tokens', alg: 'opaque', id_token: false, refresh_token: true }
  const job = await jobFor(handler, { connections: 1, values: [['0']], use: 'chain', check, collect: 'refresh_token' })
  expect(await runJob(job)).toMatchObject({ count: 3, errors: 1, firstError: '400  {"error":"invalid_grant"}' })
  expect(seen).toEqual(['v=0', 'v=1', 'v=2'])
})

test('a sign-in is followed with its cookies to the code', async () => {
  const handler: Handler = (request, response) => {
    const hop = request.method === 'GET' && request.headers.cookie === 'a=1; s=2'
    const location = hop ? 'https://client.example/callback?code=0123456789abcdef' : '/continue'
    response.writeHead(303, { location, 'set-cookie': 's=2; Path=/' }).end()
  }
  const to = 'https://client.example/callback'
  const template: Job['template'] = { method: 'POST', path: '/login', headers: { cookie: 'a=1' }, body: 'x' }
  const job = await jobFor(handler, {
    template,
    limit: 1,
    connections: 1,
    followTo: to,
    check: { kind: 'redirect', to },
    collect: 'code',
  })
  expect(await runJob(job)).toMatchObject({ count: 1, errors: 0, collected: ['0123456789abcdef'] })
})

test('a server that breaks connections is an error, not a hang', async () => {
  const job = await jobFor((request) => void request.socket.destroy(), { connections: 1 })
  expect(await runJob(job)).toMatchObject({ count: 3, errors: 3, firstError: 'the server closed the connection' })
})

test.each([
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n', 'hello'],
  ['HTTP/1.1 204 No Content\r\nx: y\r\n\r\n', ''],
])('an answer is read whole: %j', (text, body) => {
  const bytes = Buffer.from(`${text}HTTP/1.1 the next`)
  const read = readAnswer(bytes)
  expect(read?.answer.body.toString()).toBe(body)
  expect(read?.length).toBe(text.length)
  for (let end = 0; end < text.length; end += 1) expect(readAnswer(bytes.subarray(0, end))).toBeUndefined()
})
