/** Owns the page of a person's data: a copy to take along, and the way out. */
import type { Ctx } from '../ctx.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { accountFrame, type Own, signedIn, withCookies } from './frame.ts'

const show = (ctx: Ctx, request: HttpRequest, own: Own): Reply => {
  const data = {
    ...accountFrame(ctx, request, own, 'data'),
    delete_href: pathOf(ctx, '/account/delete'),
    days: ctx.config.erasure_days,
  }
  return page('account-data', data, 200, withCookies(own))
}

export const dataRoutes = [
  route({
    method: 'GET',
    path: '/account/data',
    auth: 'browser',
    errors: 'page',
    summary: "One's own data",
    handler: signedIn('/account/data', show),
  }),
]
