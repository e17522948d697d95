import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { call } from './outbound.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

describe('call', () => {
  it('sends a form and gives status, headers and body', async () => {
    const url = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (body: string) => {
        response.setHeader('x-seen', `${request.method} ${request.headers['content-type']}`)
        response.writeHead(418).end(body)
      })
    })
    const answer = await call(url, { form: { a: '1 &', b: 'ü' } })
    expect(answer).toMatchObject({
      status: 418,
      body: 'a=1+%26&b=%C3%BC',
      headers: { 'x-seen': 'POST application/x-www-form-urlencoded' },
    })
  })

  it('sends the Host that it is told to', async () => {
    const url = await serve((request, response) => response.end(request.headers.host))
    expect((await call(url, { headers: { host: 'other.example' } })).body).toBe('other.example')
  })

  it('follows no redirect', async () => {
    const url = await serve((_request, response) => response.writeHead(302, { location: '/elsewhere' }).end())
    expect(await call(url)).toMatchObject({ status: 302, headers: { location: '/elsewhere' } })
  })

  it('gives up on an answer that never comes or never ends', async () => {
    const silent = await serve(() => {})
    await expect(call(silent, { timeoutMs: 100 })).rejects.toThrow('no answer in time')
    const endless = await serve((_request, response) => {
      response.write('x')
    })
    await expect(call(endless, { timeoutMs: 200 })).rejects.toThrow('no answer in time')
  })

  it('takes 256 KiB and not one byte more', async () => {
    const url = await serve((request, response) => response.end('x'.repeat(Number(request.url?.slice(1)))))
    expect((await call(`${url}/${256 * 1024}`)).body).toHaveLength(256 * 1024)
    await expect(call(`${url}/${256 * 1024 + 1}`)).rejects.toThrow('the answer is larger than 256 KiB')
  })

  it('says in words why nobody answers', async () => {
    const url = await serve((_request, response) => response.end())
    for (const server of servers.splice(0)) server.close().closeAllConnections()
    await expect(call(url)).rejects.toThrow('no program listens there')
    await expect(call(url.replace('127.0.0.1', 'localhost'))).rejects.toThrow('no program listens there')
    const cut = await serve((request) => request.socket.destroy())
    await expect(call(cut)).rejects.toThrow('the connection was cut')
    await expect(call(cut.replace('http:', 'https:'))).rejects.toThrow()
  })
})
