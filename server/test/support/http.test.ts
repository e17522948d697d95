/** The test client behaves as a browser without JavaScript, or the black-box tests prove nothing. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cookieJar } from './cookie-jar.ts'
import { parseForms } from './form.ts'
import { httpClient } from './http.ts'
import { freePort } from './port.ts'

describe('forms', () => {
  test('fields are what a browser would send untouched', () => {
    const page = `
      <!-- <form action="/commented"><input name="x" value="1"></form> -->
      <form id="a" METHOD="post" action="/login?x=1&amp;y=2">
        <input type="hidden" name="token" value="a&quot;b&#39;c&#x3e;">
        <input name=email value=plain autocomplete="username webauthn">
        <input type="checkbox" name="off"><input type="checkbox" name="on" checked>
        <input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked="">
        <input name="disabled" value="1" disabled>
        <select name="s"><option value="1">one<option value="2" selected>two</select>
        <select name="first"><option>plain text</option><option>other</option></select>
        <textarea name="t">lines &lt;here&gt;</textarea>
        <button name="decision" value="allow"><span>Allow</span> it</button>
        <button type="button" name="script">no</button>
        <input type="submit" name="decision" value="deny">
      </form><form></form>`
    const [form, second, ...none] = parseForms(page)
    expect(none).toEqual([])
    expect(form).toMatchObject({ id: 'a', method: 'post', action: '/login?x=1&y=2' })
    expect(form?.fields).toEqual([
      { name: 'token', value: `a"b'c>` },
      { name: 'email', value: 'plain' },
      { name: 'on', value: 'on' },
      { name: 'r', value: '2' },
      { name: 's', value: '2' },
      { name: 'first', value: 'plain text' },
      { name: 't', value: 'lines <here>' },
    ])
    expect(form?.buttons).toEqual([
      { name: 'decision', value: 'allow', text: 'Allow it' },
      { name: 'decision', value: 'deny', text: 'deny' },
    ])
    expect(second).toEqual({ id: '', method: 'get', action: '', fields: [], buttons: [] })
  })
})

describe('cookies', () => {
  const at = (path: string): URL => new URL(path, 'http://localhost:1')

  test('are kept by name and path, replaced and removed', () => {
    const jar = cookieJar()
    jar.keep(at('/a/b'), ['x=1; Path=/', 'y=2=3', 'z=4; Path=/other; HttpOnly; SameSite=Lax'])
    expect(jar.header(at('/a/c'))).toBe('y=2=3; x=1')
    expect(jar.header(at('/ab'))).toBe('x=1')
    expect(jar.header(at('/other/deep'))).toBe('z=4; x=1')
    expect(jar.get('z')?.attributes.get('samesite')).toBe('Lax')
    jar.keep(at('/'), ['x=9; Path=/'])
    jar.keep(at('/a/b'), ['y=; Max-Age=0'])
    expect(jar.header(at('/a/c'))).toBe('x=9')
    jar.keep(at('/'), ['x=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
    expect(jar.header(at('/'))).toBeUndefined()
  })

  test('do not go to another host, and secure ones not over plain http beyond loopback', () => {
    const jar = cookieJar()
    jar.keep(at('/'), ['__Host-s=1; Path=/; Secure'])
    expect(jar.header(at('/'))).toBe('__Host-s=1')
    expect(jar.header(new URL('http://127.0.0.1:1/'))).toBeUndefined()
    jar.keep(new URL('http://example.com/'), ['s=1; Secure', 't=1'])
    expect(jar.header(new URL('http://example.com/'))).toBe('t=1')
  })
})

describe('the client', () => {
  let server: Server
  let origin = ''

  beforeAll(async () => {
    const port = await freePort()
    origin = `http://localhost:${port}`
    server = createServer((request, response) => void answer(request, response)).listen(port, 'localhost')
    await once(server, 'listening')
  })
  afterAll(() => server.close())

  /** Redirects, a page with a form, and otherwise an echo of what came. */
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    if (request.url === '/start') return void response.writeHead(303, { location: '/hop', 'set-cookie': 'sid=1' }).end()
    if (request.url === '/hop') return void response.writeHead(302, { location: 'page?q=1' }).end()
    if (request.url === '/away') return void response.writeHead(302, { location: 'http://localhost:9/cb?code=1' }).end()
    if (request.url === '/loop') return void response.writeHead(302, { location: '/loop' }).end()
    if (request.method === 'GET' && request.url?.startsWith('/page')) {
      const page = `<form method="post"><input name="h" value="hidden"><button name="b" value="go">Go</button></form>`
      return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page)
    }
    const { method, url, headers } = request
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ method, url, headers, body }))
  }

  test('shows every redirect, and walks them only when asked', async () => {
    const client = httpClient(origin)
    const start = await client.get('/start')
    expect([start.status, start.location?.pathname]).toEqual([303, '/hop'])
    const page = await client.walk(start)
    expect(page.url.href).toBe(`${origin}/page?q=1`)
    expect(client.jar.get('sid')?.value).toBe('1')
    const away = await client.walk(client.get('/away'))
    expect(away.location?.href).toBe('http://localhost:9/cb?code=1')
    await expect(client.walk(client.get('/loop'))).rejects.toThrow('redirects without end')
    await expect(client.follow(page)).rejects.toThrow('not a redirect')
  })

  test('submits a form with its hidden fields, cookies and origin, and refuses what the page does not have', async () => {
    const client = httpClient(origin)
    const page = await client.walk(client.get('/start'))
    const reply = await client.submit(page, { email: 'a b@example.com' }, { button: { name: 'b' } })
    expect(reply.json()).toMatchObject({
      method: 'POST',
      url: '/page?q=1',
      body: 'h=hidden&email=a+b%40example.com&b=go',
      headers: { cookie: 'sid=1', origin, referer: `${origin}/page?q=1` },
    })
    const other = client.submit(page, {}, { button: { name: 'b', value: 'other' } })
    await expect(other).rejects.toThrow('no button b=other')
    await expect(client.submit(page, {}, { form: (form) => form.id === 'x' })).rejects.toThrow('no such form')
  })

  test('sends bodies in every form', async () => {
    const client = httpClient(origin)
    const form = await client.post('/echo', { a: '1', b: undefined, c: 'ä &' }, { authorization: 'Basic x' })
    expect(form.json()).toMatchObject({
      method: 'POST',
      body: 'a=1&c=%C3%A4+%26',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: 'Basic x',
        'content-length': '16',
      },
    })
    const twice = await client.post('/echo', new URLSearchParams('a=1&a=2'))
    expect(twice.json().body).toBe('a=1&a=2')
    const json = await client.request('/echo', { method: 'PUT', json: { a: 1 }, headers: { 'Content-Type': 'text/x' } })
    expect(json.json()).toMatchObject({ method: 'PUT', body: '{"a":1}', headers: { 'content-type': 'text/x' } })
    expect((await client.get('/echo')).json()).toMatchObject({ method: 'GET', body: '' })
  })
})
