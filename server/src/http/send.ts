/**
 * Owns the bytes of an answer: status, headers, cookies, body. Every answer that is not public metadata is `no-store`.
 */
import type { FastifyReply } from 'fastify'
import type { Ctx } from '../ctx.ts'
import { secretText } from '../io/ids.ts'
import { writeCookie } from './cookies.ts'
import type { PageReply, Reply } from './reply.ts'

/** Sends a reply. */
export const send = (ctx: Ctx, out: FastifyReply, reply: Reply): FastifyReply => {
  out.code(reply.status).headers(reply.kind === 'page' ? ctx.edge.page : ctx.edge.api)
  if (reply.headers?.['cache-control'] === undefined) {
    // RFC 6749 §5.1: no-store on anything with a token or a secret; here on everything that does not say otherwise.
    out.header('cache-control', 'no-store').header('pragma', 'no-cache')
  }
  if (reply.headers) out.headers(reply.headers)
  if (reply.cookies && reply.cookies.length > 0)
    out.header(
      'set-cookie',
      reply.cookies.map((cookie) => writeCookie(ctx.config, cookie)),
    )
  return sendBody(ctx, out, reply)
}

const sendBody = (ctx: Ctx, out: FastifyReply, reply: Reply): FastifyReply => {
  if (reply.kind === 'json') {
    if (reply.headers?.['content-type'] === undefined) out.header('content-type', 'application/json')
    return out.send(JSON.stringify(reply.body))
  }
  if (reply.kind === 'bytes') return out.header('content-type', reply.content_type).send(reply.body)
  if (reply.kind === 'page') return sendPage(ctx, out, reply)
  if (reply.kind === 'empty') return out.send()
  return out.header('location', absolute(ctx, reply.to)).header('referrer-policy', 'no-referrer').send()
}

/** Links are built from the configured issuer only; what the Host header says never reaches a Location (security rule RC-2). */
const absolute = (ctx: Ctx, to: string): string => (to.startsWith('/') ? `${ctx.config.issuer}${to}` : to)

const sendPage = (ctx: Ctx, out: FastifyReply, reply: PageReply): FastifyReply => {
  const nonce = secretText()
  out.header('content-type', 'text/html; charset=utf-8')
  out.header('content-security-policy', policy(nonce, reply.formAction ?? []))
  const frame = { locale: 'en', nonce, assetsPath: `${ctx.edge.base}/assets` }
  return out.send(ctx.pages.html(reply.page, reply.data, frame))
}

/** HD-1. Chrome applies form-action to the redirect that follows a post, so the targets of this page are named. */
const policy = (nonce: string, formAction: string[]): string =>
  [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'`,
    `img-src 'self' data:`,
    `font-src 'self'`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `object-src 'none'`,
    `frame-ancestors 'none'`,
    `form-action 'self'${formAction.map((target) => ` ${target}`).join('')}`,
  ].join('; ')
