/**
 * Owns what an operator does with one account as a whole: creating it, finding it, changing what it says. Never ends
 * sessions itself (status.ts does). Start reading at `registerUser`.
 */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { createUser, prepareUser, type Registration } from './register.ts'

/** Creates an account at once: refused as a whole, so that an unknown role leaves no account behind. Refusals as in register.ts. */
export const registerUser = async (ctx: Ctx, registration: Registration): Promise<{ user_id: string } | Denial> => {
  const now = ctx.now()
  const prepared = await prepareUser(ctx, registration, now)
  if (isDenial(prepared)) return prepared
  return await transact(ctx.db, async (tx) => {
    const made = await createUser(tx, prepared, now)
    if (isDenial(made)) throw new Undone(made)
    return made
  }).catch((error: unknown) => {
    if (error instanceof Undone) return error.denial
    throw error
  })
}

/** Rolls the transaction back and carries the refusal out of it. */
class Undone extends Error {
  override name = 'Undone'
  readonly denial: Denial
  constructor(denial: Denial) {
    super(denial.error_description)
    this.denial = denial
  }
}
