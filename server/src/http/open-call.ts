/**
 * Owns JSON calls that anybody may make, in the browser that they are about: from an origin of ours when one is sent, so that no
 * other site signs anybody in here (security rule AD-4), with a body that is read exactly. A refusal becomes a problem.
 */
import type { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { checkOrigin } from './csrf.ts'
import { refuse, type Where } from './errors.ts'
import { readBody } from './json-body.ts'
import type { BrowserPrincipal } from './principal.ts'
import type { Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'
import { type ApiFacts, type Route, route } from './route.ts'

/** What a call is about. `where` is for refusals of the work itself. */
export type Call<T> = { request: HttpRequest; browser: BrowserPrincipal; body: T; where: Where }

export type OpenRoute<T> = Pick<Route, 'path' | 'summary'> &
  Pick<ApiFacts, 'tag' | 'answers' | 'refuses'> & {
    limit?: NonNullable<Route['limit']>
    body: z.ZodType<T>
    handler: (ctx: Ctx, call: Call<T>) => Promise<Reply | Denial>
  }

/** The route of such a call, always a POST. */
export const openRoute = <T>({ path, summary, limit, handler, ...api }: OpenRoute<T>): Route =>
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'problem',
    accepts: 'json',
    summary,
    ...(limit !== undefined && { limit }),
    api,
    handler: async (ctx, request, browser) => {
      const where = { route: path, request }
      const foreign = checkOrigin(ctx, request)
      const body = foreign ?? readBody(api.body, request)
      const result = isDenial(body) ? body : await handler(ctx, { request, browser, body, where })
      return isDenial(result) ? refuse(ctx, result, 'problem', where) : result
    },
  })
