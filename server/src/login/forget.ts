/** Owns the end of sign-ins under way, and the forgetting of failed ones once an account is erased. */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { deleteSignInsOf } from './sign-in-store.ts'
import { forgetAttempts } from './throttle.ts'

/** Ends every sign-in of a person that is under way: what was proved in it is worth nothing any more. */
export const endSignIns = async (tx: Tx, user_id: string): Promise<void> => await deleteSignInsOf(tx, user_id)

/** Forgets failed attempts at an account under each of its names. `logins` are canonical. */
export const forgetFailures = async (
  ctx: Ctx,
  tx: Tx,
  { user_id, logins }: { user_id: string; logins: readonly string[] },
): Promise<void> => await forgetAttempts(ctx, tx, [`user|${user_id}`, ...logins.map((login) => `login|${login}`)])
