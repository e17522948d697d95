/**
 * Owns the reading of a request into plain data (security rule G-6): what cannot be read exactly is refused here, so
 * that handlers never see it.
 */
import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Ctx } from '../ctx.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { type Params, parseParams } from '../protocol/params.ts'
import { clientIp } from './client-ip.ts'
import type { HttpRequest } from './request.ts'
import type { Route } from './route.ts'
import { isTame } from './tame.ts'

const none: Params = new Map()
const lineTypes = ['application/x-ndjson', 'text/csv']
const formType = 'application/x-www-form-urlencoded'

/** Reads query and body as the route accepts them. */
export const readRequest = (
  ctx: Ctx,
  raw: FastifyRequest,
  route: Pick<Route, 'accepts' | 'method'> | undefined,
): HttpRequest | Denial => {
  const request = shell(ctx, raw)
  // No id of ours holds one, and no database takes it.
  if (Object.values(request.pathParams).some((value) => value.includes('\0'))) return nulInPath
  const query = request.rawQuery === '' ? none : parseParams(request.rawQuery)
  if (isDenial(query)) return query
  if (route?.accepts === undefined || raw.method === 'GET' || raw.method === 'HEAD') return { ...request, query }
  const type = mediaType(raw.headers['content-type'])
  // Nothing was sent: a form without parameters (OpenID Connect Core §5.3.1 has UserInfo called so).
  if (type === '' && (raw.body === undefined || raw.body === null)) return { ...request, query }
  if (route.accepts === 'json') {
    if (type !== 'application/json') return unsupported('application/json', type)
    const body = parseJson(raw.body)
    return isDenial(body) ? body : { ...request, query, json: body.json }
  }
  if (route.accepts === 'lines') {
    if (!lineTypes.includes(type)) return unsupported(lineTypes.join(' or '), type)
    const text = readText(raw.body)
    return isDenial(text) ? text : { ...request, query, text }
  }
  if (type !== formType) return unsupported(formType, type)
  const text = readText(raw.body)
  const form = isDenial(text) ? text : parseParams(text)
  return isDenial(form) ? form : { ...request, query, form }
}

/** What is known of a request before its parameters are read; enough to refuse it. */
export const shell = (ctx: Ctx, raw: FastifyRequest): HttpRequest => {
  const cut = raw.url.indexOf('?')
  return {
    method: raw.method,
    path: cut === -1 ? raw.url : raw.url.slice(0, cut),
    rawQuery: cut === -1 ? '' : raw.url.slice(cut + 1),
    query: none,
    form: none,
    json: undefined,
    pathParams: (raw.params ?? {}) as Record<string, string>,
    header: (name) => {
      const value = raw.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    ip: addressOf(ctx, raw),
    peer: raw.socket.remoteAddress ?? '',
    user_agent: raw.headers['user-agent']?.slice(0, 300),
    request_id: raw.id,
    now: ctx.now(),
  }
}

/** The caller's address (security rule PX-1). */
export const addressOf = (ctx: Ctx, raw: FastifyRequest): string => {
  const forwarded = raw.headers[ctx.config.client_ip_header]
  const text = Array.isArray(forwarded) ? forwarded.join(',') : forwarded
  return clientIp(raw.socket.remoteAddress ?? '', text, ctx.trustedProxies)
}

/** A well-formed X-Request-ID is taken over, anything else is replaced. */
export const requestId = (header: string | string[] | undefined): string =>
  typeof header === 'string' && /^[A-Za-z0-9._-]{8,128}$/.test(header) ? header : randomUUID()

/** The media type without parameters, in lower case. */
export const mediaType = (header: string | undefined): string =>
  (header ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

const readText = (body: unknown): string | Denial => {
  if (body === undefined || body === null) return ''
  if (Buffer.isBuffer(body) && isUtf8(body)) return body.toString('utf8')
  return unreadable('UTF-8 text')
}

/** In a wrapper, because a body may look like anything, a refusal of ours too. */
const parseJson = (body: unknown): { json: unknown } | Denial => {
  const text = readText(body)
  if (isDenial(text)) return text
  try {
    const value: unknown = JSON.parse(text)
    return isTame(value)
      ? { json: value }
      : unreadable('at most 32 levels, text without NUL, no __proto__ and constructor')
  } catch {
    return unreadable('JSON')
  }
}

const nulInPath: Denial = deny('invalid_request', 'The request could not be read.', {
  rule: 'the address can be read exactly (G-6)',
  expected: 'text without NUL',
  got: 'something else',
})

const unreadable = (expected: string): Denial =>
  deny('invalid_request', 'The body could not be read.', {
    rule: 'the body can be read exactly (G-6)',
    expected,
    got: 'something else',
  })

const unsupported = (expected: string, got: string): Denial =>
  deny(
    'unsupported_media_type',
    `The body must be ${expected}.`,
    {
      rule: 'the body has the type of the endpoint (RFC 6749 §3.2, G-6)',
      expected,
      got: shown(got || undefined),
      remedy: `Send Content-Type: ${expected}.`,
    },
    { status: 415 },
  )
