/** Owns the secrets of endpoints at rest: sealed, bound to their row (security rule KY-1). */
import type { Ctx } from '../ctx.ts'
import { secretBytes } from '../io/ids.ts'
import { secretFrom } from './sign.ts'
import type { Webhook } from './store.ts'

const placeOf = (ctx: Ctx, id: string): string => `${ctx.deploymentId}|webhooks|secret|${id}`

/** A new secret: for its receiver, and as it is kept. */
export const newSecret = (ctx: Ctx, id: string): { secret: string; secret_sealed: string } => {
  const secret = secretFrom(secretBytes())
  return { secret, secret_sealed: ctx.secrets.seal(secret, placeOf(ctx, id)) }
}

/** The secrets that sign at this instant, the newest first. */
export const openSecrets = (
  ctx: Ctx,
  { id, secret_sealed, previous_sealed, previous_until }: Webhook,
  now: Date,
): string[] => {
  const former = previous_sealed !== null && previous_until !== null && previous_until > now ? [previous_sealed] : []
  return [secret_sealed, ...former].map((sealed) => ctx.secrets.open(sealed, placeOf(ctx, id)))
}
