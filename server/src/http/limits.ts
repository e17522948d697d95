/**
 * Owns request-rate limits per address and network (security rule RL-1): the request is counted before it is looked at,
 * so that parallel attempts cannot slip under the limit. The sign-in throttle per account is login/throttle.ts's.
 */
import type { Ctx } from '../ctx.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { networksOf } from './client-ip.ts'
import type { HttpRequest } from './request.ts'
import type { Limit } from './route.ts'

/** Counts a request and refuses it with 429 when its address has had enough, of everything or of this route. */
export const checkLimits = (
  ctx: Ctx,
  request: HttpRequest,
  { limit, path }: { limit?: Limit; path: string },
): Denial | undefined => {
  if (!ctx.config.limits || limit === 'none') return undefined
  const { machine, network } = networksOf(request.ip)
  const over =
    count(ctx, `a|${machine}`, ctx.config.limit_address, request.now) ??
    count(ctx, `r|${path}|${machine}`, ctx.config.limit_route, request.now)
  if (over || limit === undefined || request.method !== 'POST') return over
  if (limit === 'mail')
    return countWithin(ctx, `m|${machine}`, { allowed: ctx.config.limit_mail_address, seconds: 3600 }, request.now)
  return (
    count(ctx, `la|${machine}`, ctx.config.limit_login_address, request.now) ??
    count(ctx, `ln|${network}`, ctx.config.limit_login_network, request.now)
  )
}

/** Counts one more under `key` in this minute; over `allowed` it is a refusal. */
export const count = (ctx: Ctx, key: string, allowed: number, now: Date): Denial | undefined =>
  countWithin(ctx, key, { allowed, seconds: 60 }, now)

const countWithin = (
  ctx: Ctx,
  key: string,
  { allowed, seconds }: { allowed: number; seconds: number },
  now: Date,
): Denial | undefined => {
  const { count: seen, resetSeconds } = ctx.ephemeral.hit(key, seconds, now)
  if (seen <= allowed) return undefined
  return deny(
    'too_many_requests',
    'Too many requests. Try again later.',
    {
      rule: 'requests stay below the limit (RL-1)',
      expected: `at most ${allowed} in ${seconds} seconds`,
      got: `request number ${seen}`,
      remedy: 'Wait, or raise the limit in the settings.',
    },
    { retry_after_seconds: resetSeconds },
  )
}
