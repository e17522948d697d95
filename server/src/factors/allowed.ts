/** Owns which kinds of second steps count here: those that the operator allows (KEYWRIGHT_FACTORS). */
import type { Ctx } from '../ctx.ts'
import { type FactorKind, factorKinds } from './policy.ts'

/** Of the kinds that somebody has, those that prove something. What the operator switched off does so for nobody. */
export const allowedKinds = ({ config }: Pick<Ctx, 'config'>, has: readonly string[]): FactorKind[] =>
  factorKinds.filter(
    (kind) => has.includes(kind) && (kind === 'password' || kind === 'backup_code' || config.factors.includes(kind)),
  )
