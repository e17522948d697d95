/** Owns how the API shows an account to administrators: named members only, never a secret (security rule AD-3). */
import type { Ctx } from '../ctx.ts'
import type { Subject } from '../protocol/claims.ts'
import type { Listed } from './search.ts'
import { loadDetails } from './store.ts'

/** An account in a list. */
export const listedView = (user: Listed) => ({
  ...user,
  created_at: user.created_at.toISOString(),
  updated_at: user.updated_at.toISOString(),
})

/** An account with everything that administrators see. */
export const adminView = async (ctx: Ctx, subject: Subject) => {
  const { role_acr: _role_acr, updated_at, ...plain } = subject
  const details = await loadDetails(ctx.db, subject.id)
  return {
    ...plain,
    required_actions: details?.required_actions ?? [],
    factors: details?.factor_kinds ?? [],
    erase_after: details?.erase_after?.toISOString() ?? null,
    created_at: details?.created_at.toISOString() ?? null,
    updated_at: updated_at.toISOString(),
  }
}
