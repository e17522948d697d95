/** Owns discovery (OpenID Connect Discovery §4, RFC 8414 §3): computed once from what app.ts switches on, served as bytes. */
import type { Ctx } from '../ctx.ts'
import { bytes, empty, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { hash } from 'node:crypto'
import { metadata } from '../protocol/metadata.ts'
import { metadataFacts } from './documented.ts'

/** Text, not bytes: Node writes head and body of a string in one go. */
type Document = { body: string; etag: string }

const documents = new WeakMap<Ctx, Document>()

const documentOf = (ctx: Ctx): Document => {
  const known = documents.get(ctx)
  if (known) return known
  const body = JSON.stringify(
    metadata({
      issuer: ctx.config.issuer,
      grant_types: ctx.grantTypes,
      signing_algs: [...ctx.config.signing_algs],
      ui_locales: [...ctx.pages.languages],
    }),
  )
  const document = { body, etag: `"${hash('sha256', body, 'base64url').slice(0, 16)}"` }
  documents.set(ctx, document)
  return document
}

const discover = (ctx: Ctx, request: HttpRequest): Reply => {
  const { body, etag } = documentOf(ctx)
  const headers = { 'cache-control': 'public, max-age=300', etag }
  return request.header('if-none-match') === etag
    ? empty(304, { headers })
    : bytes(body, 'application/json', { headers })
}

export const discoveryRoutes = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'].map(
  (path) =>
    route({
      method: 'GET',
      path,
      auth: 'none',
      errors: 'problem',
      cors: 'public',
      summary: 'What this server is and can',
      api: metadataFacts,
      handler: discover,
    }),
)
