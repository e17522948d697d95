/** Owns what a row of the older systems' table is (see compat.ts). */
import type { Ctx } from './ctx.ts'
import type { HttpRequest } from './http/request.ts'
import type { Reply } from './http/reply.ts'
import type { Route } from './http/route.ts'
import type { Denial } from './protocol/errors.ts'

export type Row = {
  from: 'A' | 'B' | 'C' | 'D' | 'E'
  method: Route['method']
  path: string
  /** The route it leads to. */
  to: string
  /** Its method, where that is another one. Whatever is checked for a method is checked for this one. */
  as?: Route['method']
  /** Body of a call whose own route reads none, or another kind. */
  accepts?: 'form' | 'json'
  request?: (ctx: Ctx, old: HttpRequest) => HttpRequest | Denial
  /** `ours` is the answer of the route, `principal` whoever its `auth` has recognised. */
  response?: (ours: Reply, facts: { ctx: Ctx; principal: unknown }) => Reply
}

/** Members of a JSON body under the names they have here; what is no object stays what it is. */
export const renamed = (body: unknown, names: Readonly<Record<string, string>>): unknown =>
  typeof body === 'object' && body !== null && !Array.isArray(body)
    ? Object.fromEntries(Object.entries(body).map(([name, value]) => [names[name] ?? name, value]))
    : body
