/**
 * Owns how often a second step may be wrong: a hundred times in a row per person and kind, over all sign-ins (security
 * rule MF-2). How often within one sign-in is login/second-step.ts's.
 */
import type { Ctx } from '../ctx.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import type { FactorKind } from './policy.ts'
import { clearFactor, reserveFactor } from './store.ts'

const hardCap = 100

/** Reserves an attempt. Refuses with 429 when a hundred were wrong in a row: another kind of proof, or an administrator, has to help. */
export const reserve = async (
  ctx: Ctx,
  { user_id, kind, now }: { user_id: string; kind: FactorKind; now: Date },
): Promise<Denial | undefined> =>
  (await reserveFactor(ctx.db, { user_id, kind, now, hardCap }))
    ? undefined
    : deny(
        'too_many_attempts',
        'This way to confirm is blocked after too many wrong attempts.',
        {
          rule: 'at most 100 wrong second steps in a row (MF-2)',
          expected: `fewer than ${hardCap} wrong attempts`,
          got: `${hardCap} or more of kind ${kind}`,
          remedy: 'Use another second step, or reset the factors of the account.',
        },
        { status: 429 },
      )

/** Takes the count back after a success. */
export const succeeded = async (ctx: Ctx, { user_id, kind }: { user_id: string; kind: FactorKind }): Promise<void> =>
  await clearFactor(ctx.db, user_id, kind)
