/**
 * Owns what is checked of every request before anything is read from it (security rules G-6, RC-2, PX-2).
 */
import type { FastifyRequest } from 'fastify'
import type { Ctx } from '../ctx.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import type { Route } from './route.ts'

/** Refuses an address that is too long, an encoded body, and a Host that is not ours. */
export const checkEnvelope = (ctx: Ctx, raw: FastifyRequest): Denial | undefined => {
  if (raw.url.length > 8192) {
    return deny(
      'uri_too_long',
      'The address is too long.',
      { rule: 'the address has at most 8 KiB (G-6)', expected: '8192', got: String(raw.url.length) },
      { status: 414 },
    )
  }
  const encoding = raw.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    return deny(
      'unsupported_media_type',
      'Compressed bodies are not read.',
      { rule: 'bodies are not compressed (G-6)', expected: 'no Content-Encoding', got: shown(encoding) },
      { status: 415 },
    )
  }
  return checkHost(ctx, raw)
}

/** RFC 9112 §3.2: Node hands on the first Host and drops the others, which a proxy may have gone by. */
const repeatsHost = ({ rawHeaders }: FastifyRequest['raw']): boolean => {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}

/** RC-2: a request that was meant for another host gets no page of ours. Probes of an orchestrator may use any. */
const checkHost = (ctx: Ctx, raw: FastifyRequest): Denial | undefined => {
  const host = raw.headers.host?.toLowerCase().replace(ctx.edge.defaultPort, '')
  const own = ctx.edge.host
  if (repeatsHost(raw.raw))
    return deny('invalid_request', 'The request could not be read.', {
      rule: 'one Host in each request (RFC 9112 §3.2, PX-2)',
      expected: own,
      got: 'several',
    })
  if (host === own || raw.url.startsWith('/health') || raw.routeOptions.url?.endsWith('/health')) return undefined
  return deny(
    'misdirected_request',
    `This server answers as ${ctx.config.issuer} only.`,
    {
      rule: 'the Host is the one of the issuer (RC-2)',
      expected: own,
      got: shown(host),
      remedy: 'Open the address of the issuer, let the proxy hand on the Host header, or set KEYWRIGHT_ISSUER.',
    },
    { status: 421 },
  )
}

/** Answers which routes exist at a path, for 405 and preflight. */
export const createMethods = (routes: readonly Route[], base: string): ((path: string) => Route[]) => {
  const table = routes.map((route) => ({ route, form: patternOf(base + route.path) }))
  return (path) => table.filter(({ form }) => form.test(path)).map(({ route }) => route)
}

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[a-z_]+/g, '[^/]+')}/?$`)
