/**
 * Owns /docs: the OpenAPI document as a page of ours, for reading (docs/adr/0016-docs-page.md). What is the same for everybody is
 * drawn once. Start reading at `docsRoutes`.
 */
import type { Ctx } from '../ctx.ts'
import { openApiOf } from '../http/openapi.ts'
import { pathOf } from '../http/paths.ts'
import { page } from '../http/reply.ts'
import { type Route, route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { openApiPath } from './openapi-routes.ts'
import { referenceOf } from './reference.ts'

/** `routes` are asked for at the first call: this address is one of them. */
export const docsRoutes = (routes: () => readonly Route[]): Route[] => {
  const drawn = new WeakMap<Ctx, PageData['docs']>()
  const show = (ctx: Ctx): PageData['docs'] => {
    const data = drawn.get(ctx) ?? draw(ctx, routes())
    drawn.set(ctx, data)
    return data
  }
  return [
    route({
      method: 'GET',
      path: '/docs',
      auth: 'none',
      errors: 'page',
      summary: 'What the API can, to read',
      handler: (ctx) => page('docs', show(ctx)),
    }),
  ]
}

const draw = (ctx: Ctx, routes: readonly Route[]): PageData['docs'] => {
  const { config, version } = ctx
  const reference = referenceOf(openApiOf(routes, { issuer: config.issuer, version }))
  return { reference, document: pathOf(ctx, openApiPath), version }
}
