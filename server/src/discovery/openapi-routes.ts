/** Owns the address of the OpenAPI document: computed once from the table of contents (app.ts), served as bytes. */
import { hash } from 'node:crypto'
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { openApiOf } from '../http/openapi.ts'
import { bytes, empty } from '../http/reply.ts'
import { type Route, route } from '../http/route.ts'

/** Text, not bytes: Node writes head and body of a string in one go. */
type Document = { body: string; etag: string }

/** Where programs find the document. */
export const openApiPath = '/api/v1/openapi.json'

/** `routes` are asked for at the first call: this address is one of them. */
export const openApiRoutes = (routes: () => readonly Route[]): Route[] => {
  const documents = new WeakMap<Ctx, Document>()
  const documentOf = (ctx: Ctx): Document => {
    const known = documents.get(ctx)
    if (known) return known
    const body = JSON.stringify(openApiOf(routes(), { issuer: ctx.config.issuer, version: ctx.version }))
    const document = { body, etag: `"${hash('sha256', body, 'base64url').slice(0, 16)}"` }
    documents.set(ctx, document)
    return document
  }
  return [
    route({
      method: 'GET',
      path: openApiPath,
      auth: 'none',
      errors: 'problem',
      cors: 'public',
      summary: 'What this API can, as an OpenAPI 3.1 document',
      api: {
        tag: 'Discovery',
        answers: {
          200: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }),
          304: 'empty',
        },
      },
      handler: (ctx, request) => {
        const { body, etag } = documentOf(ctx)
        const headers = { 'cache-control': 'public, max-age=300', etag }
        if (request.header('if-none-match') === etag) return empty(304, { headers })
        return bytes(body, 'application/json', { headers })
      },
    }),
  ]
}
