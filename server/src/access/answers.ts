/** Owns what the addresses of roles, permissions and groups have in common: a fresh proof for every change, and how they answer. */
import type { Ctx } from '../ctx.ts'
import type { ApiCall } from '../http/api-route.ts'
import { checkMatch, etagOf } from '../http/etag.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { type Doer, doerOf } from './change.ts'
import { requireFresh } from './freshness.ts'

/** A call with who makes it. */
export type FreshCall<B, Q> = ApiCall<B, Q> & { doer: Doer; id: string }

/** Rights are changed by whoever has just proved who they are (security rule AD-4). */
export const freshly =
  <B, Q>(work: (ctx: Ctx, call: FreshCall<B, Q>) => Promise<Reply | Denial>) =>
  async (ctx: Ctx, call: ApiCall<B, Q>): Promise<Reply | Denial> => {
    const { request, person, params } = call
    const stale = requireFresh(ctx, request, person)
    return stale ?? (await work(ctx, { ...call, doer: doerOf(request, person), id: params['id'] ?? '' }))
  }

/** Refuses what was meant for another state of an object. */
export const matching =
  <T>(request: HttpRequest, view: (found: T) => unknown) =>
  (found: T): Denial | undefined =>
    checkMatch(request, view(found))

/** An object that was made, with its address. */
export const made = (ctx: Ctx, path: string, view: { id: string } | Denial): Reply | Denial => {
  if (isDenial(view)) return view
  const headers = { location: `${ctx.config.issuer}${path}/${view.id}`, etag: etagOf(view) }
  return json(view, 201, { headers })
}

/** An object that was changed. */
export const changed = (view: unknown): Reply | Denial =>
  isDenial(view) ? view : json(view, 200, { headers: { etag: etagOf(view) } })

/** Something that was done and has nothing to show. */
export const done = (refused: Denial | undefined): Reply | Denial => refused ?? empty(204)
