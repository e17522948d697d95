/**
 * Owns JSON calls that anybody may make, in the browser that they are about: from an origin of ours when one is sent, with a
 * body that is read exactly. A refusal becomes a problem.
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

/** What a call is about. `where` is for refusals of the work itself. */
export type Call<T> = { request: HttpRequest; browser: BrowserPrincipal; body: T; where: Where }

/** The handler of such a call. */
export const openCall =
  <T>(path: string, schema: z.ZodType<T>, work: (ctx: Ctx, call: Call<T>) => Promise<Reply | Denial>) =>
  async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
    const where = { route: path, request }
    const foreign = checkOrigin(ctx, request)
    const body = foreign ?? readBody(schema, request)
    const result = isDenial(body) ? body : await work(ctx, { request, browser, body, where })
    return isDenial(result) ? refuse(ctx, result, 'problem', where) : result
  }
