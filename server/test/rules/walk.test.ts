/**
 * One walk over the table of contents (app.ts): every address has an `auth`, and refuses what it cannot read with a clear
 * 4xx in its own error form, never with a 500, never with a redirect to somewhere else (architecture rule 1, G-6).
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { authenticators, routesFor } from '../../src/app.ts'
import { buildServer } from '../../src/http/server.ts'
import type { Route } from '../../src/http/route.ts'
import type { Reply, Request } from '../support/http.ts'
import { decisionOf, type Oauth, openOauth, type Person } from '../support/oauth.ts'

let oauth: Oauth
let ada: Person
const routes = routesFor({ compat_paths: true })
const form = 'application/x-www-form-urlencoded'
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']

beforeAll(async () => {
  oauth = await openOauth()
  ada = await oauth.person()
})

/** The error_ids of refused bodies. */
const refusals: string[] = []

const pathOf = (route: Route): string => route.path.replaceAll(/:[a-z_]+/g, 'something')
const named = (wanted: (route: Route) => boolean): [string, Route][] =>
  routes.filter(wanted).map((route) => [`${route.method} ${route.path}`, route])
const writes = named((route) => route.method !== 'GET')
const posts = named((route) => route.method !== 'GET' && route.accepts === 'form')
const calls = named((route) => route.method !== 'GET' && route.accepts === 'json')
const gets = named((route) => route.method === 'GET')
const paths = [...new Map(routes.map((route) => [route.path, route]))]

/** Whether an address is one of a pattern's: `users/import` is one of `users/:id` too, for the methods that it has not itself. */
const fits = (pattern: string, address: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/:[a-z_]+/g, '[^/]+')}$`).test(address)

/** A refusal of this status in the form of the route; its error_id. */
const expectForm = (reply: Reply, route: Route, status: number): string => {
  expect([reply.status, reply.body.slice(0, 300)]).toEqual([status, expect.any(String)])
  expect(reply.headers.location).toBeUndefined()
  expect(reply.headers['cache-control']).toBe('no-store')
  expect(reply.headers['x-request-id']).toBeDefined()
  const type = reply.headers['content-type'] ?? ''
  if (route.errors === 'page') {
    expect(type).toBe('text/html; charset=utf-8')
    return /err_[0-9A-Za-z]+/.exec(reply.body)?.[0] ?? ''
  }
  const body = reply.json<Record<string, string>>()
  expect(type).toMatch(route.errors === 'oauth' ? /^application\/json/ : /^application\/problem\+json/)
  expect(Object.keys(body)).toContain(route.errors === 'oauth' ? 'error' : 'code')
  return body['error_id'] ?? ''
}

describe('the table of contents', () => {
  it('names an auth for every route, and a body type for every one that writes', () => {
    const known = ['none', ...Object.keys(authenticators)]
    for (const route of routes) {
      expect([route.path, known.includes(route.auth)]).toEqual([route.path, true])
    }
    const bodiless = writes.filter(([, { accepts }]) => accepts === undefined).map(([, { method }]) => method)
    expect(bodiless).toEqual(bodiless.map(() => 'DELETE'))
  })

  it('does not start with a route that has none (architecture rule 1)', () => {
    const [first] = routes
    const open = { ...first, auth: undefined } as unknown as Route
    expect(() => buildServer(oauth.ctx, [open], authenticators)).toThrow(/has no auth/)
    const doubled = [first, first].filter((route) => route !== undefined)
    expect(() => buildServer(oauth.ctx, doubled, authenticators)).toThrow(/already declared/)
  })
})

describe.each(paths)('%s', (_path, route) => {
  it('answers a method that is not its own with 405 and Allow, in its own form', async () => {
    const own = routes.filter((other) => fits(other.path, pathOf(route)))
    const allow = own.flatMap((other): string[] => (other.method === 'GET' ? ['GET', 'HEAD'] : [other.method]))
    for (const method of methods.filter((name) => !allow.includes(name))) {
      const reply = await ada.browser.request(pathOf(route), { method })
      expectForm(reply, route, 405)
      expect(new Set(reply.headers.allow?.split(', '))).toEqual(new Set(allow))
    }
  })

  it('answers an address of 9 KiB with 414, and a Content-Encoding with 415', async () => {
    const long = await ada.browser.request(`${pathOf(route)}?a=${'x'.repeat(9 * 1024)}`, { method: route.method })
    expectForm(long, route, 414)
    const encoded = await ada.browser.request(pathOf(route), {
      method: route.method,
      headers: { 'content-encoding': 'br' },
    })
    expectForm(encoded, route, 415)
  })
})

const bodies: [string, Request, number][] = [
  ['another type of body', { body: 'a=b', headers: { 'content-type': 'text/plain' } }, 415],
  ['XML', { body: '<a/>', headers: { 'content-type': 'application/xml' } }, 415],
  ['NUL', { body: 'a=%00', headers: { 'content-type': form } }, 400],
  ['invalid UTF-8', { body: Buffer.from([0x61, 0x3d, 0xff]), headers: { 'content-type': form } }, 400],
  ['broken percent-encoding', { body: 'a=%', headers: { 'content-type': form } }, 400],
  ['70 KiB', { body: `a=${'x'.repeat(70 * 1024)}`, headers: { 'content-type': form } }, 413],
]

const json = { 'content-type': 'application/json' }
const documents: [string, Request, number][] = [
  ['a form', { body: 'a=b', headers: { 'content-type': form } }, 415],
  ['another type of body', { body: '{}', headers: { 'content-type': 'text/plain' } }, 415],
  ['NUL', { body: '{"a":"\\u0000"}', headers: json }, 400],
  ['invalid UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]), headers: json }, 400],
  ['half a document', { body: '{"a":', headers: json }, 400],
  ['33 levels', { body: `${'['.repeat(33)}${']'.repeat(33)}`, headers: json }, 400],
  ['__proto__', { body: '{"__proto__":{}}', headers: json }, 400],
  ['300 KiB', { body: `"${'x'.repeat(300 * 1024)}"`, headers: json }, 413],
]

describe.each(calls)('%s', (_name, route) => {
  it.each(documents)('refuses %s in its own form', async (_what, request, status) => {
    const reply = await ada.browser.request(pathOf(route), { ...request, method: route.method })
    const error_id = expectForm(reply, route, status)
    expect(error_id).toMatch(/^err_[0-9A-Za-z]+$/)
    refusals.push(error_id)
  })
})

describe.each(posts)('%s', (_name, route) => {
  it.each(bodies)('refuses %s in its own form', async (_what, request, status) => {
    const reply = await ada.browser.request(pathOf(route), { ...request, method: route.method })
    const error_id = expectForm(reply, route, status)
    expect(error_id).toMatch(/^err_[0-9A-Za-z]+$/)
    refusals.push(error_id)
  })

  it('refuses a repeated parameter', async () => {
    const names = ['interaction', 'csrf', 'client_id', 'token', 'access_token', 'login', 'decision']
    for (const name of names) {
      const first = await ada.browser.request(pathOf(route), {
        method: route.method,
        body: `${name}=a&${name}=b`,
        headers: { 'content-type': form, origin: oauth.server.issuer },
      })
      // An authorization request by form is read where it leads: on this server.
      const reply = first.status === 303 ? await ada.browser.walk(first) : first
      expect(reply.location).toBeUndefined()
      expect([name, reply.status]).toEqual([name, expect.toSatisfy((status: number) => status >= 400 && status < 500)])
      if (route.errors === 'oauth') expectForm(reply, route, 400)
    }
  })
})

describe.each(gets)('%s', (_name, route) => {
  it.each(['a=%00', 'a=%ff', '%', 'a&'.repeat(101), 'interaction=%27%22%3E%3Cscript%3E', 'token=a&token=b', '='])(
    'is never a 500 and never leads away with the query %.30s',
    async (query) => {
      const reply = await ada.browser.get(`${pathOf(route)}?${query}`)
      expect(reply.status).toBeLessThan(500)
      expect(reply.body).not.toContain('"><script>')
      expect(reply.location?.origin ?? oauth.server.issuer).toBe(oauth.server.issuer)
      if (/%00|%ff|^%$|a&a/.test(query)) expectForm(reply, route, 400)
    },
  )
})

it('each refused body left a decision record', async () => {
  expect(refusals).toHaveLength(posts.length * bodies.length + calls.length * documents.length)
  const last = await decisionOf(oauth.db, refusals.at(-1) ?? '')
  expect(last.rule).not.toBe('')
  // They are written in order, so the others are there now.
  expect(await oauth.db`select 1 from decisions where error_id in ${oauth.db(refusals)}`).toHaveLength(refusals.length)
})
