/**
 * Owns the bytes of an answer: status, headers, cookies, body. Every answer that is not public metadata is `no-store`.
 */
import type { FastifyReply } from 'fastify'
import type { Ctx } from '../ctx.ts'
import { secretText } from '../io/ids.ts'
import { writeCookie } from './cookies.ts'
import type { Acting } from './acting.ts'
import { keptFields, languageOf, type Reader, rememberedLanguage } from './language.ts'
import type { PageReply, Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'

/** An answer, the request it answers, and what is known of who reads it. */
export type Answer = { reply: Reply; request: HttpRequest; reader?: Reader; acting?: Acting | undefined }

/** Sends a reply. */
export const send = (ctx: Ctx, out: FastifyReply, answer: Answer): FastifyReply => {
  const { reply, request } = answer
  out.code(reply.status).headers(reply.kind === 'page' ? ctx.edge.page : ctx.edge.api)
  if (reply.headers?.['cache-control'] === undefined) {
    // RFC 6749 §5.1: no-store on anything with a token or a secret; here on everything that does not say otherwise.
    out.header('cache-control', 'no-store').header('pragma', 'no-cache')
  }
  if (reply.headers) out.headers({ ...reply.headers, ...varyOf(out, reply.headers['vary']) })
  const language = reply.kind === 'page' ? rememberedLanguage(ctx, request) : []
  const cookies = [...(reply.cookies ?? []), ...language]
  if (cookies.length > 0)
    out.header(
      'set-cookie',
      cookies.map((cookie) => writeCookie(ctx.config, cookie)),
    )
  return sendBody(ctx, out, answer)
}

/** What an answer depends on is added to what was said before: that a browser's origin counts (CR-1), say. */
const varyOf = (out: FastifyReply, more: string | undefined): { vary?: string } => {
  const said = out.getHeader('vary')
  if (more === undefined) return {}
  return { vary: typeof said === 'string' ? `${said}, ${more}` : more }
}

const sendBody = (ctx: Ctx, out: FastifyReply, { reply, request, reader, acting }: Answer): FastifyReply => {
  if (reply.kind === 'json') {
    if (reply.headers?.['content-type'] === undefined) out.header('content-type', 'application/json')
    return out.send(JSON.stringify(reply.body))
  }
  if (reply.kind === 'bytes' || reply.kind === 'stream')
    return out.header('content-type', reply.content_type).send(reply.body)
  if (reply.kind === 'page')
    return sendPage(ctx, out, { reply, request, reader: { ...reader, ...reply.reader }, acting })
  if (reply.kind === 'empty') return out.send()
  return out.header('location', absolute(ctx, reply.to)).header('referrer-policy', 'no-referrer').send()
}

/** Links are built from the configured issuer only; what the Host header says never reaches a Location (security rule RC-2). */
const absolute = (ctx: Ctx, to: string): string => (to.startsWith('/') ? `${ctx.config.issuer}${to}` : to)

type PageAnswer = { reply: PageReply; request: HttpRequest; reader: Reader; acting: Acting | undefined }

const sendPage = (ctx: Ctx, out: FastifyReply, { reply, request, reader, acting }: PageAnswer): FastifyReply => {
  const nonce = secretText()
  const locale = languageOf(ctx, request, reader)
  const kept = keptFields(request, reply.data)
  out.header('content-type', 'text/html; charset=utf-8')
  out.header('content-security-policy', policy(nonce, reply))
  out.headers({ 'content-language': locale, ...varyOf(out, 'Accept-Language, Cookie') })
  const frame = {
    locale,
    nonce,
    assetsPath: `${ctx.edge.base}/assets`,
    ...(kept && { kept }),
    ...(acting && { acting }),
  }
  return out.send(ctx.pages.html(reply.page, reply.data, frame))
}

/** HD-1. Chrome applies form-action to the redirect that follows a post, so the targets of this page are named. */
const policy = (nonce: string, { formAction = [], frames = false }: PageReply): string =>
  [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'`,
    `img-src 'self' data:`,
    `font-src 'self'`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `object-src 'none'`,
    ...(frames ? [`frame-src 'self'`] : []),
    `frame-ancestors 'none'`,
    `form-action 'self'${formAction.map((target) => ` ${target}`).join('')}`,
  ].join('; ')
