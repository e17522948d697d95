import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { call, isPublicAddress } from './outbound.ts'

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

describe('WH-1: the guard', () => {
  it.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::a00:1',
    '64:ff9b:1::a00:1',
    '2002:a00:1::1',
    '2001::1',
    '2001:db8::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '4000::1',
    'localhost',
    '',
  ])('%s is no public address', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
  it.each(['1.1.1.1', '172.15.255.255', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1'])('%s is one', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it.each([
    'https://127.0.0.1',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://2130706433',
    'https://0x7f.1',
    'https://localhost',
    'https://10.0.0.1',
    'https://169.254.169.254/latest/meta-data',
  ])('%s is not called, by address or by name', async (url) => {
    await expect(call(url, { guard: { allow: [] } })).rejects.toThrow('it lies in a private network')
  })

  it('calls nothing without TLS, and a pair of the operator in whatever network', async () => {
    const url = await serve((request, response) => {
      request
        .setEncoding('utf8')
        .on('data', (body: string) => response.end(`${request.headers['content-type']} ${body}`))
    })
    const { port } = new URL(url)
    await expect(call(url, { guard: { allow: [] } })).rejects.toThrow('only https addresses are called')
    await expect(call(url, { guard: { allow: [`localhost:${port}`] } })).rejects.toThrow('only https')
    const answer = await call(url, { json: { a: 'ü' }, guard: { allow: [`127.0.0.1:${port}`] } })
    expect(answer.body).toBe('application/json {"a":"ü"}')
  })
})
