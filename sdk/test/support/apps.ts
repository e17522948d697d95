/**
 * Owns one small application in each framework, with the same addresses behind the same guards, and asking them. Start
 * reading at `routesOf`.
 */
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterAll } from 'vitest'
import { createGuards as forExpress } from '../../src/express.ts'
import { createGuards as forFastify } from '../../src/fastify.ts'
import type { Guards } from '../../src/guard.ts'
import { createGuards as forHono } from '../../src/hono.ts'
import type { Auth, Needs, Verifier } from '../../src/index.ts'
import { createGuards as forNext } from '../../src/next.ts'

export type Seen = { status: number; headers: Record<string, string>; body: string }
/** Sends a request with these headers, each as often as it is given. */
export type Ask = (path: string, headers?: [string, string][]) => Promise<Seen>
const closes: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closes) await close()
})

const stepUp: Needs = { maxAge: 30, acr: 'aal2' }
const options = { realm: 'orders' }

/** The addresses of every application, and what guards them. */
const routesOf = <T>(guards: Guards<T>): Record<string, T> => ({
  '/jwt': guards.requireJwt(),
  '/key': guards.requireApiKey(),
  '/auth': guards.requireAuth(),
  '/role': guards.requireRoles('admin', 'editor'),
  '/admin': guards.requireRoles('admin'),
  '/permission': guards.requirePermissions('orders:read'),
  '/permissions': guards.requirePermissions('orders:read', 'orders:write'),
  '/scope': guards.requireScopes('read'),
  '/scopes': guards.requireScopes('read', 'admin'),
  '/fresh': guards.requireJwt(stepUp),
})

/** Asks a server on a port. */
const overHttp =
  (port: number): Ask =>
  async (path, headers = []) =>
    await new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        port,
        host: '127.0.0.1',
        path,
        agent: false,
        headers: ['host', 'x', ...headers.flat()],
      })
      outgoing.on('error', reject)
      outgoing.on('response', (incoming) => {
        let body = ''
        incoming.setEncoding('utf8').on('data', (part: string) => {
          body += part
        })
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers as Record<string, string>, body }),
        )
      })
      outgoing.end()
    })

/** Express, over HTTP. */
export const startExpress = async (verifier: Verifier): Promise<Ask> => {
  const guards = forExpress(verifier, options)
  const app = express()
  const routes = routesOf(guards)
  for (const [path, guard] of Object.entries(routes))
    app.get(path, guard, (request, response) => {
      const { sub, type } = guards.authOf(request)
      response.json({ sub, type })
    })
  app.get('/two', guards.requireAuth(), guards.requireJwt(), guards.requireRoles('editor'), (request, response) => {
    response.json({ sub: guards.authOf(request).sub, type: 'token' })
  })
  const server = createServer(app)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closes.push(() => server.close())
  return overHttp((server.address() as AddressInfo).port)
}

/** Fastify, over HTTP. */
export const startFastify = async (verifier: Verifier): Promise<Ask> => {
  const guards = forFastify(verifier, options)
  const app = fastify()
  const routes = routesOf(guards)
  for (const [path, preHandler] of Object.entries(routes))
    app.get(path, { preHandler }, (request, reply) => {
      const { sub, type } = guards.authOf(request)
      return reply.send({ sub, type })
    })
  const several = [guards.requireAuth(), guards.requireJwt(), guards.requireRoles('editor')]
  app.get('/two', { onRequest: several }, (request) => ({ sub: guards.authOf(request).sub, type: 'token' }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  closes.push(async () => await app.close())
  return overHttp((app.server.address() as AddressInfo).port)
}

const seenOf = async (response: Response): Promise<Seen> => ({
  status: response.status,
  headers: Object.fromEntries(response.headers),
  body: await response.text(),
})

const headersOf = (pairs: [string, string][]): Headers => {
  const headers = new Headers()
  for (const [name, value] of pairs) headers.append(name, value)
  return headers
}

/** Hono, as a worker is called. */
export const startHono = (verifier: Verifier): Ask => {
  const guards = forHono(verifier, options)
  const app = new Hono()
  const routes = routesOf(guards)
  for (const [path, guard] of Object.entries(routes))
    app.get(path, guard, (context) => {
      const { sub, type } = guards.authOf(context)
      return context.json({ sub, type })
    })
  app.get('/two', guards.requireAuth(), guards.requireJwt(), guards.requireRoles('editor'), (context) =>
    context.json({ sub: guards.authOf(context).sub, type: 'token' }),
  )
  return async (path, headers = []) => await seenOf(await app.request(path, { headers: headersOf(headers) }))
}

type Params = { params: Promise<{ id: string }> }
type NextRoute = (request: Request, context: Params) => Promise<Response>

/** Route handlers of Next.js, as it calls them. */
export const startNext = (verifier: Verifier): Ask => {
  const guards = forNext(verifier, options)
  const handler = (_: Request, { sub, type }: Auth): Response => Response.json({ sub, type })
  const routes = Object.entries(routesOf(guards)).map(([path, guard]): [string, NextRoute] => [path, guard(handler)])
  const inner = guards.requireJwt()(
    async (request: Request, _auth, context: Params) =>
      await guards.requireRoles('editor')<Request, Params>(handler)(request, context),
  )
  const table = new Map([
    ...routes,
    ['/two', guards.requireAuth()((request: Request, _auth, context: Params) => inner(request, context))],
  ])
  return async (path, headers = []) => {
    const request = new Request(`https://api.example${path}`, { headers: headersOf(headers) })
    const route = table.get(path)
    if (route === undefined) throw new Error(`no route ${path}`)
    return await seenOf(await route(request, { params: Promise.resolve({ id: '1' }) }))
  }
}
