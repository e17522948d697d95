/**
 * Owns the page of somebody who signs in to an account that is about to be deleted: they may keep it, and nothing else.
 * Whoever keeps it goes on signing in. Start reading at `erasureRoutes`.
 */
import type { Ctx } from '../ctx.ts'
import { page, type Reply } from '../http/reply.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { eraseAfter, stay } from '../users/leave.ts'
import { advance, type Outcome } from './complete.ts'
import { replyOf } from './reply.ts'
import { type Due, overPage, signInExtras, signInFrame, signInPage } from './sign-in-page.ts'

type ErasureDue = Due<{ step: 'erasure' }>

const path = '/factor/erasure'

const show = async (ctx: Ctx, _request: HttpRequest, due: ErasureDue): Promise<Reply> => {
  const erase_after = (await eraseAfter(ctx.db, due.row.user_id)) ?? new Date(0)
  return page('keep-account', { ...(await signInFrame(ctx, due, path)), erase_after }, 200, signInExtras(due))
}

/** Keeps the account and takes the sign-in on, in one transaction: from here it is one as any other. */
export const keepAndGoOn = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  sign_in_id: string,
): Promise<Outcome> =>
  await advance(ctx, request, browser, {
    id: sign_in_id,
    prove: async (tx, row) => ((await stay(ctx, tx, request, row.user_id)) ? { amr: row.amr } : undefined),
  })

const keep = async (ctx: Ctx, request: HttpRequest, { browser, row }: ErasureDue): Promise<Reply> => {
  const outcome = await keepAndGoOn(ctx, request, browser, row.id)
  return replyOf(ctx, outcome) ?? overPage(ctx, request, path)
}

export const erasureRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: 'A sign-in to an account that is about to be deleted',
    handler: signInPage(path, 'erasure', show),
  }),
  route({
    method: 'POST',
    path,
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Keep an account that is about to be deleted',
    handler: signInPage(path, 'erasure', keep),
  }),
]
