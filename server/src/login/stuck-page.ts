/** Owns the page of a sign-in that cannot go on by itself: nothing is there that could prove more. It says who can help. */
import type { Ctx } from '../ctx.ts'
import { page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { type Due, signInExtras, signInFrame, signInPage } from './sign-in-page.ts'

/** Draws it. */
export const stuckPage = async (ctx: Ctx, _request: HttpRequest, due: Due): Promise<Reply> =>
  page('factor-stuck', await signInFrame(ctx, due, '/factor/stuck'), 403, signInExtras(due))

export const stuckRoutes = [
  route({
    method: 'GET',
    path: '/factor/stuck',
    auth: 'browser',
    errors: 'page',
    summary: 'A sign-in for which an administrator has to help',
    handler: signInPage('/factor/stuck', 'stuck', stuckPage),
  }),
  route({
    method: 'POST',
    path: '/factor/stuck',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Leave a sign-in for which an administrator has to help',
    handler: signInPage('/factor/stuck', 'stuck', stuckPage),
  }),
]
